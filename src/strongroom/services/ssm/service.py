"""Systems Manager as a service: its name in the audit trail."""

from strongroom.operations.registry import Service, serve

SSM = serve(Service("ssm", "ssm.amazonaws.com"))
