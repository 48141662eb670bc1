"""CopyObject and UploadPartCopy: bytes are opened under one object's keys and sealed under another's."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

from strongroom.base.clock import as_datetime
from strongroom.crypto.random import random_bytes
from strongroom.operations.authorize import Requirement, is_allowed
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.s3 import errors
from strongroom.services.s3.access import named_bucket, on_bucket, on_object
from strongroom.services.s3.buckets import Bucket, BucketDirectory
from strongroom.services.s3.byte_ranges import ByteRange
from strongroom.services.s3.commit import commit_object
from strongroom.services.s3.content import Content
from strongroom.services.s3.customer_keys import customer_key_of
from strongroom.services.s3.encryption_choice import SSE_S3, choose
from strongroom.services.s3.get_object import find_version
from strongroom.services.s3.multipart.uploads import find_upload, keys_of_upload, store_part
from strongroom.services.s3.object_details import details_of, require_part_number, require_valid_key
from strongroom.services.s3.object_keys import keys_of, new_keys
from strongroom.services.s3.put_object import writing_requirements
from strongroom.services.s3.received import CHECKSUM_MEMBERS, PUT_BYTES_MAX, Destination, Expected, receive
from strongroom.services.s3.service import S3
from strongroom.services.s3.versions import Version, new_content_id, new_version_id, wrapped_keys

_PART_RANGE = re.compile(r"bytes=(\d{1,19})-(\d{1,19})")
_KEPT_BY_A_COPY = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "Metadata",
)
"""What an object takes along when its metadata is copied, not replaced."""


class Copied(NamedTuple):
    """Where a copy goes, and what is copied: the source's bucket, and the version there; None when there is none."""

    bucket: Bucket
    source_bucket: Bucket
    source: Version | None
    source_key: str
    source_version_id: str | None


def _named_source(header: str) -> tuple[str, str, str | None]:
    """Return bucket, key and version id of an `x-amz-copy-source` header. Raises InvalidArgument."""
    path, _, query = header.partition("?versionId=")
    bucket, _, key = unquote(path.removeprefix("/")).partition("/")
    if not bucket or not key:
        raise errors.invalid_argument(
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey", "x-amz-copy-source", header
        )
    return bucket, key, query or None


async def _copied(call: Call) -> tuple[Copied, Requirement]:
    """Find what is copied, and what is required to read it."""
    bucket = await named_bucket(call)
    source_name, key, version_id = _named_source(call.params["CopySource"])
    source_bucket = await call.house.part(BucketDirectory).find(source_name)
    expected = call.params.get("ExpectedSourceBucketOwner")
    if expected is not None and expected != source_bucket.account_id:
        raise errors.access_denied()
    source = await find_version(call, source_bucket, key, version_id)
    action = "s3:GetObject" if version_id is None else "s3:GetObjectVersion"
    tags = source.tags if source is not None else None
    reading = on_object(call, source_bucket, key, action, tags)
    return Copied(bucket, source_bucket, source, key, version_id), reading


async def _needs_of_copy_object(call: Call) -> Sequence[Requirement]:
    copied, reading = await _copied(call)
    call.target = copied
    needed = [reading, *writing_requirements(call, copied.bucket, call.params["Key"])]
    has_tags = copied.source is not None and copied.source.tags
    if has_tags and call.params.get("TaggingDirective") != "REPLACE":
        tags = copied.source.tags if copied.source is not None else None
        needed.append(on_object(call, copied.source_bucket, copied.source_key, "s3:GetObjectTagging", tags))
        needed.append(on_object(call, copied.bucket, call.params["Key"], "s3:PutObjectTagging"))
    return needed


def _found_source(call: Call, copied: Copied) -> Version:
    """Return the version to copy. Raises like `found_version`, and PreconditionFailed for the source's conditions."""
    source, params = copied.source, call.params
    if source is None or source.is_delete_marker:
        if not is_allowed(call, on_bucket(call, copied.source_bucket, "s3:ListBucket")):
            raise errors.access_denied()
        if source is not None and copied.source_version_id is not None:
            raise errors.invalid_request(
                "The source of a copy request may not specifically refer to a delete marker by version id."
            )
        if copied.source_version_id is not None:
            raise errors.no_such_version(copied.source_key, copied.source_version_id)
        raise errors.no_such_key(copied.source_key)
    last_modified = source.last_modified_at
    match, none_match = params.get("CopySourceIfMatch"), params.get("CopySourceIfNoneMatch")
    unmodified, modified = params.get("CopySourceIfUnmodifiedSince"), params.get("CopySourceIfModifiedSince")
    if match is not None and match.strip('"') not in ("*", source.etag):
        raise errors.precondition_failed("x-amz-copy-source-If-Match")
    if match is None and unmodified is not None and last_modified > unmodified:
        raise errors.precondition_failed("x-amz-copy-source-If-Unmodified-Since")
    if none_match is not None and none_match.strip('"') in ("*", source.etag):
        raise errors.precondition_failed("x-amz-copy-source-If-None-Match")
    if none_match is None and modified is not None and last_modified <= modified:
        raise errors.precondition_failed("x-amz-copy-source-If-Modified-Since")
    return source


async def _opened(call: Call, copied: Copied, source: Version, first: int, length: int) -> Any:
    keys = await keys_of(
        call,
        copied.source_bucket,
        source.key,
        source.content_id or "",
        source.encryption,
        wrapped_keys(call.house, source),
        customer_key_of(call, "CopySourceSSECustomer"),
    )
    return await call.house.part(Content).read(source.content_id or "", keys, first, length)


def _copied_details(call: Call, bucket: Bucket, source: Version) -> dict[str, Any]:
    params = call.params
    details = details_of(call, bucket)
    if params.get("MetadataDirective") != "REPLACE":
        for name in _KEPT_BY_A_COPY:
            details.pop(name, None)
            if name in source.details:
                details[name] = source.details[name]
    if params.get("TaggingDirective") != "REPLACE":
        details.pop("tags", None)
        if source.tags:
            details["tags"] = dict(source.tags)
    return details


def _changes_something(params: Mapping[str, Any]) -> bool:
    names = (
        "ServerSideEncryption",
        "SSECustomerAlgorithm",
        "CopySourceSSECustomerAlgorithm",
        "StorageClass",
        "WebsiteRedirectLocation",
    )
    return params.get("MetadataDirective") == "REPLACE" or any(params.get(name) is not None for name in names)


@operation(S3, "CopyObject", needs=_needs_of_copy_object)
async def copy_object(call: Call) -> Answer:
    """Copy an object of up to 5 GiB, newly encrypted. Source: Amazon S3 API Reference, CopyObject."""
    copied: Copied = call.target
    params, bucket = call.params, copied.bucket
    key: str = params["Key"]
    require_valid_key(key)
    source = _found_source(call, copied)
    is_itself = (copied.source_bucket.name, copied.source_key) == (bucket.name, key)
    if is_itself and copied.source_version_id is None and not _changes_something(params):
        raise errors.invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes."
        )
    if source.size > PUT_BYTES_MAX:
        raise errors.invalid_request(
            f"The specified copy source is larger than the maximum allowable size for a copy source: {PUT_BYTES_MAX}"
        )
    choice, details = choose(call, bucket), _copied_details(call, bucket, source)
    body = await _opened(call, copied, source, 0, source.size)
    content_id, content = new_content_id(), call.house.part(Content)
    new = await new_keys(call, bucket, key, content_id, choice)
    expected = Expected(None, params.get("ChecksumAlgorithm") or _algorithm_of(source), None)
    destination = Destination(content, content_id, 1, new.keys)
    received = await receive(body, expected, destination, needs_md5=choice.algorithm == SSE_S3)
    etag = received.md5.hex() if received.md5 is not None else random_bytes(16).hex()
    checksums = {CHECKSUM_MEMBERS[received.algorithm]: received.checksum, "ChecksumType": "FULL_OBJECT"}
    details["checksums"] = checksums
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
    result = {"ETag": version.quoted_etag, "LastModified": version.last_modified_at, **checksums}
    answer: Answer = {"CopyObjectResult": result, **new.encryption.shown()}
    if bucket.versioning:
        answer["VersionId"] = version.version_id
    if copied.source_bucket.versioning:
        answer["CopySourceVersionId"] = source.version_id
    return answer


def _algorithm_of(source: Version) -> str:
    members = {member: name for name, member in CHECKSUM_MEMBERS.items()}
    found = [members[member] for member in source.details.get("checksums") or {} if member in members]
    return found[0] if found else "CRC64NVME"


async def _needs_of_part_copy(call: Call) -> Sequence[Requirement]:
    copied, reading = await _copied(call)
    call.target = copied
    return (reading, on_object(call, copied.bucket, call.params["Key"], "s3:PutObject"))


def _copied_range(header: str | None, size: int) -> ByteRange:
    """Return which bytes of the source become the part. Raises InvalidArgument or InvalidRequest."""
    if header is None:
        return ByteRange(0, size - 1, size, is_partial=False)
    found = _PART_RANGE.fullmatch(header)
    if found is None or int(found[1]) > int(found[2]):
        raise errors.invalid_argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
            "zero-based offsets of the first and last bytes to copy",
            "x-amz-copy-source-range",
            header,
        )
    first, last = int(found[1]), int(found[2])
    if first >= size:
        raise errors.invalid_request("The specified copy range is invalid for the source object size")
    if last >= size:
        raise errors.invalid_argument(
            f"Range specified is not valid for source object of size: {size}", "x-amz-copy-source-range", header
        )
    return ByteRange(first, last, size, is_partial=True)


@operation(S3, "UploadPartCopy", needs=_needs_of_part_copy)
async def upload_part_copy(call: Call) -> Answer:
    """Make a part of (a range of) an object. Source: Amazon S3 API Reference, UploadPartCopy."""
    copied: Copied = call.target
    params = call.params
    number: int = params["PartNumber"]
    require_part_number(number)
    source = _found_source(call, copied)
    asked = _copied_range(params.get("CopySourceRange"), source.size)
    upload = await find_upload(call, copied.bucket)
    body = await _opened(call, copied, source, asked.first, asked.length)
    keys = await keys_of_upload(call, upload)
    destination = Destination(call.house.part(Content), upload.content_id, number, keys)
    expected = Expected(None, upload.checksum_algorithm, None)
    received = await receive(body, expected, destination, needs_md5=upload.encryption.algorithm == SSE_S3)
    etag, checksum = await store_part(call, upload, number, received)
    result = {"ETag": f'"{etag}"', "LastModified": as_datetime(int(call.now)), **checksum}
    answer: Answer = {"CopyPartResult": result, **upload.encryption.shown()}
    if copied.source_bucket.versioning:
        answer["CopySourceVersionId"] = source.version_id
    return answer
