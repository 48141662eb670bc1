"""Versioning of a bucket, and the locks that need it. Source: Amazon S3 API Reference."""

from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.s3 import errors
from strongroom.services.s3.access import control_of_bucket
from strongroom.services.s3.buckets import ENABLED, SUSPENDED, Bucket
from strongroom.services.s3.configurations.change import BucketRow, change_bucket
from strongroom.services.s3.service import S3

LOCK_SETTING = "ObjectLockConfiguration"


@operation(S3, "PutBucketVersioning", needs=control_of_bucket("s3:PutBucketVersioning"))
async def put_bucket_versioning(call: Call) -> Answer:
    """Keep versions from now on, or stop to. Source: Amazon S3 API Reference, PutBucketVersioning."""
    sent = call.params["VersioningConfiguration"]
    status = sent.get("Status")
    if status not in (ENABLED, SUSPENDED):
        raise AwsError("IllegalVersioningConfigurationException", "The Versioning element must be specified")
    if sent.get("MFADelete") == ENABLED or call.params.get("MFA") is not None:
        raise errors.not_implemented("MFA delete")

    def change(row: BucketRow) -> dict[str, Any]:
        if status == SUSPENDED and row.settings.get(LOCK_SETTING):
            raise AwsError(
                "InvalidBucketState",
                "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
                409,
            )
        return {"versioning": status}

    return await change_bucket(call, call.target, change)


@operation(S3, "GetBucketVersioning", needs=control_of_bucket("s3:GetBucketVersioning"), reads_only=True)
async def get_bucket_versioning(call: Call) -> Answer:
    """Tell whether a bucket keeps versions; nothing for one that never did. Source: GetBucketVersioning."""
    bucket: Bucket = call.target
    return {"Status": bucket.versioning} if bucket.versioning else {}


@operation(S3, "PutObjectLockConfiguration", needs=control_of_bucket("s3:PutBucketObjectLockConfiguration"))
async def put_object_lock_configuration(call: Call) -> Answer:
    """Switch locks on, for ever, and say how new objects are locked. Source: PutObjectLockConfiguration."""
    sent = call.params.get("ObjectLockConfiguration") or {}
    if sent.get("ObjectLockEnabled") != ENABLED:
        raise errors.malformed_xml()
    rule = sent.get("Rule")
    if rule is not None:
        retention = rule.get("DefaultRetention") or {}
        periods = [retention[name] for name in ("Days", "Years") if retention.get(name) is not None]
        if len(periods) != 1 or retention.get("Mode") is None:
            raise errors.malformed_xml()
        if periods[0] <= 0:
            raise errors.invalid_argument("Default retention period must be a positive integer value.", "Days")

    def change(row: BucketRow) -> dict[str, Any]:
        if row.versioning != ENABLED:
            raise AwsError(
                "InvalidBucketState",
                "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
                409,
            )
        return {"settings": row.settings | {LOCK_SETTING: sent}}

    return await change_bucket(call, call.target, change)


@operation(
    S3, "GetObjectLockConfiguration", needs=control_of_bucket("s3:GetBucketObjectLockConfiguration"), reads_only=True
)
async def get_object_lock_configuration(call: Call) -> Answer:
    """Tell how new objects are locked. Source: Amazon S3 API Reference, GetObjectLockConfiguration."""
    bucket: Bucket = call.target
    found = bucket.settings.get(LOCK_SETTING)
    if found is None:
        raise errors.not_configured(
            "ObjectLockConfigurationNotFoundError",
            "Object Lock configuration does not exist for this bucket",
            bucket.name,
        )
    return {LOCK_SETTING: found}
