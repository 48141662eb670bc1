"""A bucket's lifecycle rules: stored, shown, taken away. Source: Amazon S3 API Reference."""

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.s3 import errors
from strongroom.services.s3.access import control_of_bucket
from strongroom.services.s3.buckets import Bucket
from strongroom.services.s3.configurations.change import put_setting
from strongroom.services.s3.lifecycle.rules import LIFECYCLE_SETTING, checked_rules, shown_rules
from strongroom.services.s3.service import S3

MINIMUM_SIZES = ("all_storage_classes_128K", "varies_by_storage_class")
"""Which objects are too small for a transition, the default first."""

_MINIMUM = "TransitionDefaultMinimumObjectSize"


@operation(S3, "PutBucketLifecycleConfiguration", needs=control_of_bucket("s3:PutLifecycleConfiguration"))
async def put_bucket_lifecycle_configuration(call: Call) -> Answer:
    """Put rules in place of those there were. Source: PutBucketLifecycleConfiguration."""
    sent = (call.params.get("LifecycleConfiguration") or {}).get("Rules") or []
    minimum = call.params.get(_MINIMUM) or MINIMUM_SIZES[0]
    if minimum not in MINIMUM_SIZES:
        raise errors.invalid_request(f"Invalid TransitionDefaultMinimumObjectSize found: {minimum[:64]}")
    # Transitions are kept and shown: every storage class is read at once here, so there is nowhere to move an object.
    setting = {"Rules": checked_rules(sent), _MINIMUM: minimum}
    await put_setting(call, call.target, LIFECYCLE_SETTING, setting)
    return {_MINIMUM: minimum}


@operation(
    S3, "GetBucketLifecycleConfiguration", needs=control_of_bucket("s3:GetLifecycleConfiguration"), reads_only=True
)
async def get_bucket_lifecycle_configuration(call: Call) -> Answer:
    """Return a bucket's rules. Source: Amazon S3 API Reference, GetBucketLifecycleConfiguration."""
    bucket: Bucket = call.target
    stored = bucket.settings.get(LIFECYCLE_SETTING)
    if stored is None:
        raise errors.not_configured(
            "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist", bucket.name
        )
    return {"Rules": shown_rules(stored["Rules"]), _MINIMUM: stored.get(_MINIMUM, MINIMUM_SIZES[0])}


@operation(S3, "DeleteBucketLifecycle", needs=control_of_bucket("s3:PutLifecycleConfiguration"))
async def delete_bucket_lifecycle(call: Call) -> Answer:
    """Take a bucket's rules away. Source: Amazon S3 API Reference, DeleteBucketLifecycle."""
    return await put_setting(call, call.target, LIFECYCLE_SETTING, None)
