"""Tags of a bucket. Source: Amazon S3 API Reference, PutBucketTagging."""

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.s3 import errors
from strongroom.services.s3.access import control_of_bucket
from strongroom.services.s3.buckets import Bucket
from strongroom.services.s3.configurations.change import put_setting
from strongroom.services.s3.service import S3
from strongroom.services.s3.tagging import TAGS_PER_BUCKET_MAX, checked_set, shown_tags

TAGGING_SETTING = "Tagging"


@operation(S3, "PutBucketTagging", needs=control_of_bucket("s3:PutBucketTagging"))
async def put_bucket_tagging(call: Call) -> Answer:
    """Put tags in place of those there were. Source: Amazon S3 API Reference, PutBucketTagging."""
    tags = checked_set(call.params["Tagging"]["TagSet"], TAGS_PER_BUCKET_MAX)
    return await put_setting(call, call.target, TAGGING_SETTING, shown_tags(tags))


@operation(S3, "GetBucketTagging", needs=control_of_bucket("s3:GetBucketTagging"), reads_only=True)
async def get_bucket_tagging(call: Call) -> Answer:
    """Return a bucket's tags. Source: Amazon S3 API Reference, GetBucketTagging."""
    bucket: Bucket = call.target
    tags = bucket.settings.get(TAGGING_SETTING)
    if not tags:
        raise errors.not_configured("NoSuchTagSet", "The TagSet does not exist", bucket.name)
    return {"TagSet": tags}


@operation(S3, "DeleteBucketTagging", needs=control_of_bucket("s3:PutBucketTagging"))
async def delete_bucket_tagging(call: Call) -> Answer:
    """Take a bucket's tags away. Source: Amazon S3 API Reference, DeleteBucketTagging."""
    return await put_setting(call, call.target, TAGGING_SETTING, None)
