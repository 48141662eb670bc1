"""CodeBuild as a service: its name in the audit trail, and its refusals."""

from strongroom.operations.registry import Service, serve

CODEBUILD = serve(Service("codebuild", "codebuild.amazonaws.com"))

PRINCIPAL = "codebuild.amazonaws.com"
"""The service principal that a service role has to trust."""
