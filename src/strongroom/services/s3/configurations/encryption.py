"""Default encryption of a bucket: which one, under which key, with a bucket key or not, and what is blocked."""

from collections.abc import Mapping
from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.s3 import errors
from strongroom.services.s3.access import control_of_bucket
from strongroom.services.s3.buckets import Bucket
from strongroom.services.s3.configurations.change import put_setting
from strongroom.services.s3.encryption_choice import (
    DSSE_KMS,
    ENCRYPTION_SETTING,
    SSE_C,
    SSE_KMS,
    SSE_S3,
    default_rule,
)
from strongroom.services.s3.service import S3

_BLOCKABLE = ("NONE", SSE_C)


def _checked_rule(rule: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    by_default = rule.get("ApplyServerSideEncryptionByDefault") or {"SSEAlgorithm": SSE_S3}
    algorithm, key_id = by_default["SSEAlgorithm"], by_default.get("KMSMasterKeyID")
    if algorithm not in (SSE_S3, SSE_KMS, DSSE_KMS):
        raise errors.malformed_xml()
    if key_id is not None and algorithm == SSE_S3:
        raise errors.invalid_argument(
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
            "ApplyServerSideEncryptionByDefault",
        )
    blocked = rule.get("BlockedEncryptionTypes") or before.get("BlockedEncryptionTypes") or {"EncryptionType": [SSE_C]}
    types = blocked.get("EncryptionType") or []
    if any(each not in _BLOCKABLE for each in types) or ("NONE" in types and len(types) > 1):
        raise errors.malformed_xml()
    return {
        "ApplyServerSideEncryptionByDefault": dict(by_default),
        "BucketKeyEnabled": bool(rule.get("BucketKeyEnabled")),
        "BlockedEncryptionTypes": {"EncryptionType": list(types)},
    }


@operation(S3, "PutBucketEncryption", needs=control_of_bucket("s3:PutEncryptionConfiguration"))
async def put_bucket_encryption(call: Call) -> Answer:
    """Say how new objects are encrypted. Source: Amazon S3 API Reference, PutBucketEncryption.

    What is said of blocked types stays as it was where the request does not speak of it.
    """
    bucket: Bucket = call.target
    rules = call.params["ServerSideEncryptionConfiguration"].get("Rules") or []
    if len(rules) != 1:
        raise errors.malformed_xml()
    rule = _checked_rule(rules[0], default_rule(bucket))
    return await put_setting(call, bucket, ENCRYPTION_SETTING, {"Rules": [rule]})


@operation(S3, "GetBucketEncryption", needs=control_of_bucket("s3:GetEncryptionConfiguration"), reads_only=True)
async def get_bucket_encryption(call: Call) -> Answer:
    """Tell how new objects are encrypted; there is always an answer. Source: API Reference, GetBucketEncryption."""
    rule = default_rule(call.target)
    return {"ServerSideEncryptionConfiguration": {"Rules": [dict(rule)]}}


@operation(S3, "DeleteBucketEncryption", needs=control_of_bucket("s3:PutEncryptionConfiguration"))
async def delete_bucket_encryption(call: Call) -> Answer:
    """Go back to SSE-S3. Source: Amazon S3 API Reference, DeleteBucketEncryption."""
    return await put_setting(call, call.target, ENCRYPTION_SETTING, None)
