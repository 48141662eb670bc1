"""Listings of a bucket: ListObjects (both versions) and ListObjectVersions, with prefixes, delimiters and pages.

A listing jumps over what a common prefix stands for, so that a million objects under one prefix cost as much as one.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, NamedTuple

from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.s3 import errors
from strongroom.services.s3.access import named_bucket, on_bucket
from strongroom.services.s3.bucket_lifecycle import owner_id
from strongroom.services.s3.buckets import Bucket
from strongroom.services.s3.listings import tables as listing_tables
from strongroom.services.s3.listings.bound import Bound
from strongroom.services.s3.service import S3
from strongroom.services.s3.versions import Version
from strongroom.storage.connection import Connection

KEYS_PER_PAGE_MAX = 1_000
ROWS_PER_READ_MAX = 512
ROWS_PER_JUMP = 8


class _Listing(NamedTuple):
    """What a request wants listed. `after` is the key, or the common prefix, behind which the page begins."""

    bucket: str
    prefix: str
    delimiter: str
    after: str
    limit: int


class _Page(NamedTuple):
    """The objects and common prefixes of a page, and where it ends: "" when nothing follows."""

    versions: list[Version]
    prefixes: list[str]
    last: str


def common_prefix(prefix: str, delimiter: str, key: str) -> str | None:
    """Return what a key is rolled up into: all up to the first delimiter behind the prefix; None when there is none."""
    at = key.find(delimiter, len(prefix)) if delimiter else -1
    return key[: at + len(delimiter)] if at >= 0 else None


def _page(connection: Connection, wanted: _Listing) -> _Page:
    """Read one page of an object listing."""
    versions: list[Version] = []
    prefixes: list[str] = []
    last, bound = wanted.after, Bound(wanted.after)
    if wanted.after and common_prefix(wanted.prefix, wanted.delimiter, wanted.after) == wanted.after:
        bound = Bound.behind_prefix(wanted.after)
    rows_wanted = ROWS_PER_READ_MAX
    while True:
        rows = listing_tables.list_latest(connection, wanted.bucket, wanted.prefix, bound, rows_wanted)
        jumped = False
        for row in rows:
            if len(versions) + len(prefixes) == wanted.limit:
                return _Page(versions, prefixes, last)
            common = common_prefix(wanted.prefix, wanted.delimiter, row.key)
            if common is not None:
                prefixes.append(common)
                last, bound, jumped = common, Bound.behind_prefix(common), True
                break
            versions.append(Version.of(row))
            last, bound = row.key, Bound(row.key)
        if not jumped and len(rows) < rows_wanted:
            return _Page(versions, prefixes, "")
        # Behind a common prefix there may be just another one: few rows are read then.
        rows_wanted = ROWS_PER_JUMP if jumped else min(rows_wanted * 4, ROWS_PER_READ_MAX)


def entry(version: Version, params: dict[str, Any], *, with_owner: bool) -> dict[str, Any]:
    """Return an object as listings show it."""
    entry: dict[str, Any] = {
        "Key": version.key,
        "LastModified": version.last_modified_at,
        "ETag": version.quoted_etag,
        "Size": version.size,
        "StorageClass": version.details.get("StorageClass", "STANDARD"),
    }
    checksums = version.details.get("checksums") or {}
    algorithms = [name[len("Checksum") :] for name in checksums if name != "ChecksumType"]
    if algorithms:
        entry |= {"ChecksumAlgorithm": algorithms, "ChecksumType": checksums["ChecksumType"]}
    if with_owner:
        entry["Owner"] = {"ID": owner_id(version.owner)}
    return entry


async def _needs_of_listing(call: Call) -> Sequence[Requirement]:
    bucket = call.target = await named_bucket(call)
    own = {
        "s3:prefix": call.params.get("Prefix"),
        "s3:delimiter": call.params.get("Delimiter"),
        "s3:max-keys": keys_wanted(call),
    }
    return (on_bucket(call, bucket, "s3:ListBucket", own),)


def keys_wanted(call: Call) -> int:
    """Return how many keys a page may have. Raises InvalidArgument."""
    asked: int | None = call.params.get("MaxKeys")
    if asked is None:
        return KEYS_PER_PAGE_MAX
    if asked < 0:
        raise errors.invalid_argument(
            "Argument maxKeys must be an integer between 0 and 2147483647", "maxKeys", str(asked)
        )
    return min(asked, KEYS_PER_PAGE_MAX)


async def _listed(call: Call, after: str) -> tuple[_Listing, _Page]:
    bucket: Bucket = call.target
    params = call.params
    wanted = _Listing(bucket.name, params.get("Prefix") or "", params.get("Delimiter") or "", after, keys_wanted(call))
    if not wanted.limit or "\x00" in wanted.prefix + wanted.after:
        return wanted, _Page([], [], "")
    return wanted, await call.read(lambda connection: _page(connection, wanted))


def _answer(call: Call, wanted: _Listing, page: _Page, *, with_owner: bool) -> Answer:
    params = call.params
    answer: Answer = {
        "Name": wanted.bucket,
        "Prefix": wanted.prefix,
        "MaxKeys": wanted.limit,
        "IsTruncated": bool(page.last),
        "Contents": [entry(version, params, with_owner=with_owner) for version in page.versions],
        "CommonPrefixes": [{"Prefix": prefix} for prefix in page.prefixes],
    }
    if wanted.delimiter:
        answer["Delimiter"] = wanted.delimiter
    if params.get("EncodingType"):
        answer["EncodingType"] = params["EncodingType"]
    return answer


@operation(S3, "ListObjectsV2", needs=_needs_of_listing, reads_only=True)
async def list_objects_v2(call: Call) -> Answer:
    """List the objects of a bucket. Source: Amazon S3 API Reference, ListObjectsV2."""
    params = call.params
    token, start_after = params.get("ContinuationToken"), params.get("StartAfter")
    after = _position(token) if token is not None else (start_after or "")
    wanted, page = await _listed(call, after)
    answer = _answer(call, wanted, page, with_owner=bool(params.get("FetchOwner")))
    answer["KeyCount"] = len(page.versions) + len(page.prefixes)
    if token is not None:
        answer["ContinuationToken"] = token
    if start_after:
        answer["StartAfter"] = start_after
    if page.last:
        answer["NextContinuationToken"] = _token(page.last)
    return answer


def _token(position: str) -> str:
    """Return a continuation token. It grants nothing: a forged one shows what the caller may list anyway."""
    return base64.urlsafe_b64encode(b"1" + position.encode("utf-8", "surrogatepass")).decode()


def _position(token: str) -> str:
    try:
        content = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        if content[:1] == b"1":
            return content[1:].decode("utf-8", "surrogatepass")
    except (binascii.Error, UnicodeError):
        pass
    raise errors.invalid_argument("The continuation token provided is incorrect", "continuation-token")


@operation(S3, "ListObjects", needs=_needs_of_listing, reads_only=True)
async def list_objects(call: Call) -> Answer:
    """List the objects of a bucket, the first way. Source: Amazon S3 API Reference, ListObjects."""
    params = call.params
    wanted, page = await _listed(call, params.get("Marker") or "")
    answer = _answer(call, wanted, page, with_owner=True)
    answer["Marker"] = wanted.after
    if page.last and wanted.delimiter:
        answer["NextMarker"] = page.last
    return answer
