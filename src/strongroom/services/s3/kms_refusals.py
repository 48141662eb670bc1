"""What S3 answers when KMS refuses it the key. Source: Amazon S3 User Guide, "Troubleshoot KMS"; answers of AWS."""

from collections.abc import Iterator
from contextlib import contextmanager

from strongroom.base.errors import AwsError
from strongroom.operations.data_keys import KMS_TROUBLE


@contextmanager
def kms_refusals_as_s3() -> Iterator[None]:
    """Turn what KMS raises into what S3 answers: who may not, may not; the rest is named with `KMS.` before it."""
    try:
        yield
    except AwsError as error:
        if error.code == "AccessDeniedException":
            raise AwsError("AccessDenied", error.message, 403) from None
        if error.code == "ThrottlingException":
            raise AwsError("SlowDown", error.message, 503) from None
        # What may go right the next time has to look so: clients try again by the status.
        status = error.status if error.code in KMS_TROUBLE else 400
        raise AwsError(f"KMS.{error.code}", error.message, status) from None
