"""Where a bucket's access logs go. Source: Amazon S3 API Reference, PutBucketLogging; "Error responses"."""

from collections.abc import Mapping
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.services.s3 import errors
from strongroom.services.s3.buckets import BucketDirectory


async def require_target_bucket(call: Call, configuration: Mapping[str, Any]) -> None:
    """Raise unless access logs go to a bucket of the same account and Region, or nowhere.

    Raises InvalidTargetBucketForLogging, CrossLocationLoggingProhibitted (as AWS spells it), or
    AccessControlListNotSupported for grants on logs whose owner is the bucket's.
    """
    enabled = configuration.get("LoggingEnabled")
    if enabled is None:
        return
    try:
        target = await call.house.part(BucketDirectory).find(enabled["TargetBucket"])
    except AwsError as error:
        raise _invalid_target("The target bucket for logging does not exist", enabled["TargetBucket"]) from error
    if target.account_id != call.target.account_id:
        raise _invalid_target(
            "The owner for the bucket to be logged and the target bucket must be the same", target.name
        )
    if target.region != call.target.region:
        raise AwsError(
            "CrossLocationLoggingProhibitted",
            "Cross S3 location logging not allowed.",
            403,
            members={"TargetBucketLocation": target.region, "SourceBucketLocation": call.target.region},
        )
    if enabled.get("TargetGrants"):
        raise errors.no_access_control_lists()


def _invalid_target(message: str, name: str) -> AwsError:
    return AwsError("InvalidTargetBucketForLogging", message, 400, members={"TargetBucket": name[:256]})
