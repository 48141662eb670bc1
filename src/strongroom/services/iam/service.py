"""IAM as a service: its name in the audit trail, and its refusals."""

from strongroom.base.errors import AwsError
from strongroom.operations.registry import Service, serve


def _denied(message: str) -> AwsError:
    return AwsError("AccessDenied", message, 403)


def _throttled() -> AwsError:
    return AwsError("Throttling", "Rate exceeded", 400)


IAM = serve(Service("iam", "iam.amazonaws.com", denied=_denied, throttled=_throttled, home_region="us-east-1"))
