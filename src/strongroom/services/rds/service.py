"""RDS as a service: its name in the audit trail, and its refusals."""

from strongroom.operations.registry import Service, serve
from strongroom.services.rds.errors import denied, throttled

RDS = serve(Service("rds", "rds.amazonaws.com", denied=denied, throttled=throttled))
