"""STS as a service: its name in the audit trail, and its refusals."""

from strongroom.base.errors import AwsError
from strongroom.operations.registry import Service, serve
from strongroom.services.sts.errors import denied


def _throttled() -> AwsError:
    return AwsError("Throttling", "Rate exceeded", 400)


STS = serve(Service("sts", "sts.amazonaws.com", denied=denied, throttled=_throttled))
