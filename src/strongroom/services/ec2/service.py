"""EC2 as a service: its name in the audit trail, and its refusals."""

from strongroom.operations.registry import Service, serve
from strongroom.services.ec2.errors import denied, throttled

EC2 = serve(Service("ec2", "ec2.amazonaws.com", denied=denied, throttled=throttled))
