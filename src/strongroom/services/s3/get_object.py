"""GetObject and HeadObject: conditions, ranges, and the bytes as they are opened."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from strongroom.operations.authorize import Requirement, is_allowed
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.policy.principal import PrincipalKind
from strongroom.services.s3 import errors, tables
from strongroom.services.s3.access import named_bucket, on_bucket, on_object
from strongroom.services.s3.buckets import Bucket
from strongroom.services.s3.byte_ranges import ByteRange, asked_range
from strongroom.services.s3.content import Content
from strongroom.services.s3.customer_keys import customer_key_of
from strongroom.services.s3.encryption_choice import SSE_C, sse_applied
from strongroom.services.s3.object_details import require_part_number, shown_details
from strongroom.services.s3.object_keys import ContentKeys, keys_of
from strongroom.services.s3.service import S3
from strongroom.services.s3.versions import Version, require_version_id, wrapped_keys

_RESPONSE_HEADERS = {
    "ResponseCacheControl": "CacheControl",
    "ResponseContentDisposition": "ContentDisposition",
    "ResponseContentEncoding": "ContentEncoding",
    "ResponseContentLanguage": "ContentLanguage",
    "ResponseContentType": "ContentType",
    "ResponseExpires": "Expires",
}


class Found(NamedTuple):
    """The bucket that a request names, and the version in it, None when there is none."""

    bucket: Bucket
    version: Version | None


async def find_version(call: Call, bucket: Bucket, key: str, version_id: str | None) -> Version | None:
    """Return the version of an object that a request names, the newest where it names none; None when there is none.

    Raises InvalidArgument.
    """
    if version_id is not None:
        require_version_id(version_id)
    if "\x00" in key:
        return None
    if version_id is None:
        row = await call.read(lambda connection: tables.select_latest(connection, bucket.name, key))
    else:
        row = await call.read(lambda connection: tables.select_version(connection, bucket.name, key, version_id))
    return Version.of(row) if row is not None else None


def of_version(action: str, action_on_version: str) -> Any:
    """Declare an operation on an object that exists; a version that is named is another action than the newest one."""

    async def needs(call: Call) -> Sequence[Requirement]:
        bucket = await named_bucket(call)
        key, version_id = call.params["Key"], call.params.get("VersionId")
        version = await find_version(call, bucket, key, version_id)
        call.target = Found(bucket, version)
        tags = version.tags if version is not None else None
        return (on_object(call, bucket, key, action if version_id is None else action_on_version, tags),)

    return needs


def found_version(call: Call, method: str) -> tuple[Bucket, Version]:
    """Return what `of_version` found.

    Raises NoSuchKey, NoSuchVersion or MethodNotAllowed; AccessDenied instead to whoever may not list the bucket, and so
    must not learn what is not there.
    """
    bucket, version = call.target
    key, version_id = call.params["Key"], call.params.get("VersionId")
    if version is None or (version.is_delete_marker and version_id is None):
        if not is_allowed(call, on_bucket(call, bucket, "s3:ListBucket")):
            raise errors.access_denied()
        if version is None and version_id is not None:
            raise errors.no_such_version(key, version_id)
        raise errors.no_such_key(key, _of_marker(version) if version is not None else None)
    if version.is_delete_marker:
        raise errors.method_not_allowed(method, "DeleteMarker", _of_marker(version))
    return bucket, version


def _of_marker(marker: Version) -> Answer:
    """Return what an answer tells of a delete marker."""
    return {"DeleteMarker": True, "VersionId": marker.version_id, "LastModified": marker.last_modified_at}


def require_readable(params: Mapping[str, Any], version: Version) -> None:
    """Raise PreconditionFailed or NotModified where a request's conditions say so. Source: RFC 9110, section 13.2.2."""
    if_match, if_none_match = params.get("IfMatch"), params.get("IfNoneMatch")
    modified_since, unmodified_since = params.get("IfModifiedSince"), params.get("IfUnmodifiedSince")
    last_modified: datetime = version.last_modified_at
    if if_match is not None:
        if not _names(if_match, version.etag):
            raise errors.precondition_failed("If-Match")
    elif unmodified_since is not None and last_modified > unmodified_since:
        raise errors.precondition_failed("If-Unmodified-Since")
    if if_none_match is not None:
        if _names(if_none_match, version.etag):
            raise errors.not_modified(_of_unmodified(version))
    elif modified_since is not None and last_modified <= modified_since:
        raise errors.not_modified(_of_unmodified(version))


def _of_unmodified(version: Version) -> Answer:
    return {"ETag": version.quoted_etag, "LastModified": version.last_modified_at}


def _names(header: str, etag: str) -> bool:
    named = {each.strip().removeprefix("W/").strip('"') for each in header.split(",")}
    return "*" in named or etag in named


async def _asked(call: Call, version: Version) -> tuple[ByteRange, Mapping[str, str]]:
    """Return the bytes that a request asks for: a part, a range, or all; and the checksums that are theirs."""
    params = call.params
    number, checksums = params.get("PartNumber"), version.details.get("checksums") or {}
    if number is None:
        asked = asked_range(params.get("Range"), version.size)
        return asked, checksums if asked.length == version.size else {}
    if params.get("Range") is not None:
        raise errors.invalid_request("Cannot specify both Range header and partNumber query parameter")
    require_part_number(number)
    parts = version.details.get("parts_count", 1)
    content_id = version.content_id or ""
    piece = await call.read(lambda connection: tables.select_piece_at(connection, content_id, number - 1))
    if piece is None or number > parts:
        raise errors.invalid_part_number(parts)
    asked = ByteRange(piece.starts_at, piece.starts_at + piece.size - 1, version.size, is_partial=version.size > 0)
    of_part = piece.details.get("checksums")
    return asked, {**of_part, "ChecksumType": checksums.get("ChecksumType")} if of_part and checksums else checksums


async def _keys(call: Call, bucket: Bucket, version: Version) -> ContentKeys:
    return await keys_of(
        call,
        bucket,
        version.key,
        version.content_id or "",
        version.encryption,
        wrapped_keys(call.house, version),
        customer_key_of(call),
    )


def _shown(call: Call, bucket: Bucket, version: Version, asked: ByteRange, checksums: Mapping[str, str]) -> Answer:
    params, details = call.params, version.details
    answer: Answer = {
        "AcceptRanges": "bytes",
        "LastModified": version.last_modified_at,
        "ContentLength": asked.length,
        "ETag": version.quoted_etag,
        **shown_details(details),
        **version.encryption.shown(),
    }
    if bucket.versioning:
        answer["VersionId"] = version.version_id
    if asked.is_partial:
        answer["ContentRange"] = asked.header
    if params.get("ChecksumMode") == "ENABLED":
        answer |= checksums
    if params.get("PartNumber") is not None and "parts_count" in details:
        answer["PartsCount"] = details["parts_count"]
    for name, member in _RESPONSE_HEADERS.items():
        if params.get(name) is not None:
            answer[member] = params[name]
    return answer


def _refuse_headers_to_strangers(call: Call) -> None:
    """Raise InvalidRequest for somebody unsigned who says what headers the answer is to have.

    Otherwise anybody could make a public bucket serve its objects as something else. Source: API Reference, GetObject.
    """
    is_anonymous = call.caller.principal.kind is PrincipalKind.ANONYMOUS
    if is_anonymous and any(call.params.get(name) is not None for name in _RESPONSE_HEADERS):
        raise errors.invalid_request("Request specific response headers cannot be used for anonymous GET requests.")


@operation(S3, "GetObject", needs=of_version("s3:GetObject", "s3:GetObjectVersion"), reads_only=True)
async def get_object(call: Call) -> Answer:
    """Return an object, or a range of it. Source: Amazon S3 API Reference, GetObject."""
    _refuse_headers_to_strangers(call)
    bucket, version = found_version(call, "GET")
    require_readable(call.params, version)
    keys = await _keys(call, bucket, version)
    asked, checksums = await _asked(call, version)
    answer = _shown(call, bucket, version, asked, checksums)
    call.additional = {
        "bytesTransferredOut": asked.length,
        "SSEApplied": sse_applied(version.encryption.algorithm),
    }
    content_id = version.content_id or ""
    answer["Body"] = await call.house.part(Content).read(content_id, keys, asked.first, asked.length)
    return answer


@operation(S3, "HeadObject", needs=of_version("s3:GetObject", "s3:GetObjectVersion"), reads_only=True)
async def head_object(call: Call) -> Answer:
    """Tell of an object without its bytes. Source: Amazon S3 API Reference, HeadObject."""
    bucket, version = found_version(call, "HEAD")
    require_readable(call.params, version)
    if version.encryption.algorithm == SSE_C or customer_key_of(call) is not None:
        # A customer's key has to be the right one here too; KMS is not asked, for no bytes are opened.
        await _keys(call, bucket, version)
    asked, checksums = await _asked(call, version)
    return _shown(call, bucket, version, asked, checksums)
