"""Which encryption an object gets: what the request says, else what its bucket says, else SSE-S3.

Source: Amazon S3 User Guide, "Protecting data with encryption", "Setting default server-side encryption behavior".
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from strongroom.operations.call import Call
from strongroom.services.s3 import errors
from strongroom.services.s3.buckets import Bucket
from strongroom.services.s3.customer_keys import CustomerKey, customer_key_of

SSE_S3, SSE_KMS, DSSE_KMS, SSE_C = "AES256", "aws:kms", "aws:kms:dsse", "SSE-C"
AWS_MANAGED_KEY = "alias/aws/s3"
ENCRYPTION_SETTING = "ServerSideEncryptionConfiguration"
CONTEXT_ARN = "aws:s3:arn"

_SSE_HEADER = "x-amz-server-side-encryption"
_KEY_HEADER = "x-amz-server-side-encryption-aws-kms-key-id"
_CONTEXT_HEADER = "x-amz-server-side-encryption-context"

IMPLICIT_RULE: Mapping[str, Any] = {
    "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": SSE_S3},
    "BucketKeyEnabled": False,
    "BlockedEncryptionTypes": {"EncryptionType": [SSE_C]},
}
"""What a bucket without a configuration of its own does; SSE-C is blocked on new buckets since April 2026."""


class Choice(NamedTuple):
    """The encryption of an object to be written.

    `key_id` names the KMS key, `context` is what the caller adds to the encryption context, `bucket_key` whether a
    bucket-level key stands between. `customer_key` is there for SSE-C alone. `is_default` says that the bucket chose,
    not the request.
    """

    algorithm: str
    key_id: str = ""
    context: Mapping[str, str] = {}
    bucket_key: bool = False
    customer_key: CustomerKey | None = None
    is_default: bool = False


def sse_applied(algorithm: str, *, by_default: bool = False) -> str:
    """Return what the audit trail calls an encryption. Source: Amazon S3 User Guide, "Default encryption FAQ"."""
    name = {SSE_S3: "SSE_S3", SSE_KMS: "SSE_KMS", DSSE_KMS: "DSSE_KMS", SSE_C: "SSE_C"}[algorithm]
    return f"Default_{name}" if by_default else name


def default_rule(bucket: Bucket) -> Mapping[str, Any]:
    """Return the rule of a bucket's default encryption."""
    configured = bucket.settings.get(ENCRYPTION_SETTING)
    rule: Mapping[str, Any] = configured["Rules"][0] if configured else IMPLICIT_RULE
    return rule


def choose(call: Call, bucket: Bucket) -> Choice:
    """Return the encryption that a writing request asks for.

    Raises InvalidArgument or InvalidRequest for headers that do not go together, AccessDenied for what is blocked.
    """
    params = call.params
    algorithm, rule = params.get("ServerSideEncryption"), default_rule(bucket)
    customer_key = customer_key_of(call)
    if customer_key is not None:
        if algorithm is not None:
            message = "Server Side Encryption with Customer provided key is incompatible with the encryption method"
            raise errors.invalid_argument(f"{message} specified", _SSE_HEADER, algorithm)
        if SSE_C in (rule.get("BlockedEncryptionTypes") or {}).get("EncryptionType", ()):
            raise errors.access_denied()
        return Choice(SSE_C, customer_key=customer_key)
    _must_go_together(params, algorithm)
    if algorithm is None:
        by_default = rule.get("ApplyServerSideEncryptionByDefault") or {"SSEAlgorithm": SSE_S3}
        algorithm, key_id = by_default["SSEAlgorithm"], by_default.get("KMSMasterKeyID")
    else:
        key_id = params.get("SSEKMSKeyId")
        if algorithm not in (SSE_S3, SSE_KMS, DSSE_KMS):
            raise errors.invalid_argument("The encryption method specified is not supported", _SSE_HEADER, algorithm)
    is_default = params.get("ServerSideEncryption") is None
    if algorithm == SSE_S3:
        return Choice(SSE_S3, is_default=is_default)
    if not call.origin.secure:
        raise errors.needs_secure_connection("AWS KMS managed")
    asked = params.get("BucketKeyEnabled")
    bucket_key = bool(rule.get("BucketKeyEnabled")) if asked is None else bool(asked)
    return Choice(
        algorithm,
        key_id or AWS_MANAGED_KEY,
        _context(params.get("SSEKMSEncryptionContext")),
        bucket_key and algorithm == SSE_KMS,
        is_default=is_default,
    )


def _must_go_together(params: Mapping[str, Any], algorithm: str | None) -> None:
    if algorithm in (SSE_KMS, DSSE_KMS):
        return
    for member, header in (("SSEKMSKeyId", _KEY_HEADER), ("SSEKMSEncryptionContext", _CONTEXT_HEADER)):
        if params.get(member) is not None:
            raise errors.invalid_argument(
                f"Server Side Encryption with AWS KMS managed key requires HTTP header {_SSE_HEADER} : {SSE_KMS}",
                header,
            )


def _context(header: str | None) -> dict[str, str]:
    """Return the encryption context of a header: base64 of a JSON object of texts. Raises InvalidArgument."""
    if header is None:
        return {}
    try:
        context = json.loads(base64.b64decode(header, validate=True))
    except (binascii.Error, ValueError):
        context = None
    if not isinstance(context, dict) or not all(isinstance(value, str) for value in context.values()):
        raise errors.invalid_argument("The header x-amz-server-side-encryption-context is not valid.", _CONTEXT_HEADER)
    return context
