"""S3 and S3 Control as services: their name in the audit trail, and their refusals."""

from strongroom.base.errors import AwsError
from strongroom.operations.registry import Service, serve


def _denied(message: str) -> AwsError:
    return AwsError("AccessDenied", message, 403)


def _throttled() -> AwsError:
    return AwsError("SlowDown", "Please reduce your request rate.", 503)


S3 = serve(Service("s3", "s3.amazonaws.com", denied=_denied, throttled=_throttled))
S3_CONTROL = serve(Service("s3control", "s3.amazonaws.com", denied=_denied, throttled=_throttled))
