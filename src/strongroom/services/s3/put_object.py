"""PutObject: one request, one object."""

from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.crypto.random import random_bytes
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.policy.principal import PrincipalKind
from strongroom.services.s3 import errors
from strongroom.services.s3.access import named_bucket, on_object
from strongroom.services.s3.buckets import Bucket
from strongroom.services.s3.commit import commit_object
from strongroom.services.s3.content import Content
from strongroom.services.s3.encryption_choice import SSE_S3, choose
from strongroom.services.s3.object_details import LOCK_MEMBERS, details_of, require_valid_key
from strongroom.services.s3.object_keys import new_keys
from strongroom.services.s3.received import CHECKSUM_MEMBERS, Destination, Expected, receive
from strongroom.services.s3.service import S3
from strongroom.services.s3.versions import new_content_id, new_version_id


def writing_requirements(call: Call, bucket: Bucket, key: str) -> list[Requirement]:
    """Return what is required to write an object with what the request says of it."""
    params = call.params
    actions = ["s3:PutObject"]
    if params.get("Tagging"):
        actions.append("s3:PutObjectTagging")
    grants = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWriteACP")
    # CloudTrail and the like are let in by policies that speak of s3:PutObject and the ACL as its condition.
    is_service = call.caller.principal.kind is PrincipalKind.SERVICE
    if (params.get("ACL") and not is_service) or any(params.get(name) for name in grants):
        actions.append("s3:PutObjectAcl")
    if params.get("ObjectLockMode") or params.get("ObjectLockRetainUntilDate"):
        actions.append("s3:PutObjectRetention")
    if params.get("ObjectLockLegalHoldStatus"):
        actions.append("s3:PutObjectLegalHold")
    return [on_object(call, bucket, key, action) for action in actions]


async def needs_of_put_object(call: Call) -> Sequence[Requirement]:
    """Name what a PutObject, or the form that stands for one, must be allowed."""
    bucket = call.target = await named_bucket(call)
    return writing_requirements(call, bucket, call.params["Key"])


@operation(S3, "PutObject", needs=needs_of_put_object)
async def put_object(call: Call) -> Answer:
    """Store an object, encrypted. Source: Amazon S3 API Reference, PutObject."""
    return await store_object(call)


async def store_object(call: Call) -> Answer:
    """Store the body of a call as an object; return what PutObject answers.

    Raises AwsError for what is refused of it; nothing is kept then.
    """
    bucket: Bucket = call.target
    params = call.params
    key: str = params["Key"]
    require_valid_key(key)
    if params.get("WriteOffsetBytes") is not None:
        raise errors.not_implemented("WriteOffsetBytes: only directory buckets append")
    choice, details, expected = choose(call, bucket), details_of(call, bucket), Expected.of(params)
    if not expected.is_declared and any(params.get(name) for name in LOCK_MEMBERS):
        raise errors.lock_without_checksum()
    content_id, content = new_content_id(), call.house.part(Content)
    new = await new_keys(call, bucket, key, content_id, choice)
    destination = Destination(content, content_id, 1, new.keys)
    received = await receive(params["Body"], expected, destination, needs_md5=choice.algorithm == SSE_S3)
    # Where the bytes are encrypted under a key of the customer's choice, the ETag tells nothing of them.
    etag = received.md5.hex() if choice.algorithm == SSE_S3 and received.md5 is not None else random_bytes(16).hex()
    checksum: Mapping[str, Any] = {CHECKSUM_MEMBERS[received.algorithm]: received.checksum}
    details["checksums"] = {**checksum, "ChecksumType": "FULL_OBJECT"}
    version = await commit_object(
        call,
        bucket,
        key,
        version_id=new_version_id(bucket),
        content_id=content_id,
        pieces=(received.piece,),
        size=received.piece.size,
        etag=etag,
        new=new,
        details=details,
    )
    answer: Answer = {"ETag": version.quoted_etag, **details["checksums"], **new.encryption.shown()}
    if version.version_id != "null":
        answer["VersionId"] = version.version_id
    return answer
