"""CloudWatch Logs as a service: its name in the audit trail, and its refusals."""

from strongroom.operations.registry import Service, serve

LOGS = serve(Service("logs", "logs.amazonaws.com"))
