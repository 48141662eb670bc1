"""Bucket policies, and the block on public ones.

Source: Amazon S3 API Reference; Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage".
"""

from fnmatch import fnmatchcase
from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.policy.document import Document, PolicyKind, parse
from strongroom.policy.errors import PolicySyntaxError
from strongroom.services.s3 import errors
from strongroom.services.s3.access import control_of_bucket
from strongroom.services.s3.buckets import Bucket
from strongroom.services.s3.configurations.change import BucketRow, change_bucket, put_setting
from strongroom.services.s3.public_access import BLOCK_ACCESS_SETTING, BLOCKED, in_force, is_public
from strongroom.services.s3.service import S3

POLICY_BYTES_MAX = 20_480
"""Source: Amazon S3 User Guide, "Bucket policies" (20 KB)."""

_NO_POLICY = ("NoSuchBucketPolicy", "The bucket policy does not exist")


def _accepted(text: str, bucket: Bucket) -> Document:
    """Return a policy for a bucket, compiled. Raises MalformedPolicy."""
    if len(text.encode("utf-8", "surrogatepass")) > POLICY_BYTES_MAX:
        raise errors.malformed_policy("Policy exceeds the maximum allowed document size.")
    if not text.lstrip().startswith("{"):
        raise errors.malformed_policy("Policies must be valid JSON and the first byte must be '{'")
    try:
        document = parse(text, PolicyKind.RESOURCE)
    except PolicySyntaxError as error:
        raise errors.malformed_policy(f"Policies must be valid JSON and the policy is not: {error}") from None
    for statement in document.statements:
        if not statement.resources:
            raise errors.malformed_policy("Missing required field Resource")
        for resource in statement.resources:
            if not _is_of(resource, bucket):
                raise errors.malformed_policy("Policy has invalid resource")
    return document


def _is_of(resource: str, bucket: Bucket) -> bool:
    """Whether a resource of a policy is the bucket or something in it, wildcards and all."""
    name = resource.removeprefix(bucket.arn[: -len(bucket.name)])
    if name == resource:
        return False
    # Nothing in a bucket's name is special to a pattern, and a bracket in the pattern means itself.
    return fnmatchcase(bucket.name, name.partition("/")[0].replace("[", "[[]"))


@operation(S3, "PutBucketPolicy", needs=control_of_bucket("s3:PutBucketPolicy"))
async def put_bucket_policy(call: Call) -> Answer:
    """Give a bucket a policy. Source: Amazon S3 API Reference, PutBucketPolicy."""
    bucket: Bucket = call.target
    text: str = call.params["Policy"]
    document = _accepted(text, bucket)

    def change(row: BucketRow) -> dict[str, Any]:
        if in_force(row.settings, bucket.account_block)["BlockPublicPolicy"] and is_public(document):
            raise errors.blocked_public_policy(call.caller.arn, bucket.arn)
        return {"policy": text}

    return await change_bucket(call, bucket, change)


@operation(S3, "GetBucketPolicy", needs=control_of_bucket("s3:GetBucketPolicy"), reads_only=True)
async def get_bucket_policy(call: Call) -> Answer:
    """Return a bucket's policy. Source: Amazon S3 API Reference, GetBucketPolicy."""
    bucket: Bucket = call.target
    if bucket.policy_text is None:
        raise errors.not_configured(*_NO_POLICY, bucket.name)
    return {"Policy": bucket.policy_text}


@operation(S3, "DeleteBucketPolicy", needs=control_of_bucket("s3:DeleteBucketPolicy"))
async def delete_bucket_policy(call: Call) -> Answer:
    """Take a bucket's policy away. Source: Amazon S3 API Reference, DeleteBucketPolicy."""
    return await change_bucket(call, call.target, lambda row: {"policy": None})


@operation(S3, "GetBucketPolicyStatus", needs=control_of_bucket("s3:GetBucketPolicyStatus"), reads_only=True)
async def get_bucket_policy_status(call: Call) -> Answer:
    """Tell whether a bucket's policy is public. Source: Amazon S3 API Reference, GetBucketPolicyStatus."""
    bucket: Bucket = call.target
    if bucket.policy is None:
        raise errors.not_configured(*_NO_POLICY, bucket.name)
    return {"PolicyStatus": {"IsPublic": is_public(bucket.policy.document)}}


@operation(S3, "PutPublicAccessBlock", needs=control_of_bucket("s3:PutBucketPublicAccessBlock"))
async def put_public_access_block(call: Call) -> Answer:
    """Say which public access is blocked. Source: Amazon S3 API Reference, PutPublicAccessBlock."""
    sent = call.params["PublicAccessBlockConfiguration"]
    value = {name: bool(sent.get(name)) for name in BLOCKED}
    return await put_setting(call, call.target, BLOCK_ACCESS_SETTING, value)


@operation(S3, "GetPublicAccessBlock", needs=control_of_bucket("s3:GetBucketPublicAccessBlock"), reads_only=True)
async def get_public_access_block(call: Call) -> Answer:
    """Tell which public access is blocked. Source: Amazon S3 API Reference, GetPublicAccessBlock."""
    bucket: Bucket = call.target
    stored = bucket.settings.get(BLOCK_ACCESS_SETTING)
    if stored is None:
        raise errors.not_configured(
            "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found", bucket.name
        )
    return {"PublicAccessBlockConfiguration": dict(stored)}


@operation(S3, "DeletePublicAccessBlock", needs=control_of_bucket("s3:PutBucketPublicAccessBlock"))
async def delete_public_access_block(call: Call) -> Answer:
    """Block no public access any more. Source: Amazon S3 API Reference, DeletePublicAccessBlock."""
    return await put_setting(call, call.target, BLOCK_ACCESS_SETTING, None)
