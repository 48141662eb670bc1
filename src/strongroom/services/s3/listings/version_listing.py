"""ListObjectVersions: every version of every object, delete markers too. Source: Amazon S3 API Reference."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.s3 import errors, tables
from strongroom.services.s3.access import named_bucket, on_bucket
from strongroom.services.s3.buckets import Bucket
from strongroom.services.s3.listings import tables as listing_tables
from strongroom.services.s3.listings.bound import Bound
from strongroom.services.s3.listings.object_listing import (
    ROWS_PER_JUMP,
    ROWS_PER_READ_MAX,
    common_prefix,
    entry,
    keys_wanted,
)
from strongroom.services.s3.service import S3
from strongroom.services.s3.versions import Version
from strongroom.storage.connection import Connection


class _Page(NamedTuple):
    versions: list[Version]
    prefixes: list[str]
    last: tuple[str, str] | None
    """The key and version id where the next page begins behind, None at the end."""


async def _needs(call: Call) -> Sequence[Requirement]:
    bucket = call.target = await named_bucket(call)
    own = {
        "s3:prefix": call.params.get("Prefix"),
        "s3:delimiter": call.params.get("Delimiter"),
        "s3:max-keys": keys_wanted(call),
    }
    return (on_bucket(call, bucket, "s3:ListBucketVersions", own),)


def _page(
    connection: Connection, bucket: str, prefix: str, delimiter: str, key_marker: str, version_marker: str, limit: int
) -> _Page:
    versions: list[Version] = []
    prefixes: list[str] = []
    last: tuple[str, str] | None = None
    behind: tuple[str, int] | None = None
    bound = Bound(key_marker)
    if key_marker and common_prefix(prefix, delimiter, key_marker) == key_marker:
        bound = Bound.behind_prefix(key_marker)
    elif version_marker:
        row = tables.select_version(connection, bucket, key_marker, version_marker)
        behind = (key_marker, row.sequence) if row is not None else None
    rows_wanted = ROWS_PER_READ_MAX
    while True:
        rows = listing_tables.list_versions(connection, bucket, prefix, bound, behind, rows_wanted)
        jumped = False
        for row in rows:
            if len(versions) + len(prefixes) == limit:
                return _Page(versions, prefixes, last)
            common = common_prefix(prefix, delimiter, row.key)
            if common is not None:
                prefixes.append(common)
                last, bound, behind, jumped = (common, ""), Bound.behind_prefix(common), None, True
                break
            versions.append(Version.of(row))
            last, bound, behind = (row.key, row.version_id), Bound(row.key), (row.key, row.sequence)
        if not jumped and len(rows) < rows_wanted:
            return _Page(versions, prefixes, None)
        rows_wanted = ROWS_PER_JUMP if jumped else min(rows_wanted * 4, ROWS_PER_READ_MAX)


@operation(S3, "ListObjectVersions", needs=_needs, reads_only=True)
async def list_object_versions(call: Call) -> Answer:
    """List the versions of a bucket's objects. Source: Amazon S3 API Reference, ListObjectVersions."""
    bucket: Bucket = call.target
    params = call.params
    prefix, delimiter, limit = params.get("Prefix") or "", params.get("Delimiter") or "", keys_wanted(call)
    key_marker, version_marker = params.get("KeyMarker") or "", params.get("VersionIdMarker") or ""
    if version_marker and not key_marker:
        raise errors.invalid_argument(
            "A version-id marker cannot be specified without a key marker.", "version-id-marker", version_marker
        )
    page = _Page([], [], None)
    if limit and "\x00" not in prefix + key_marker + version_marker:
        page = await call.read(
            lambda connection: _page(connection, bucket.name, prefix, delimiter, key_marker, version_marker, limit)
        )
    answer: Answer = {
        "Name": bucket.name,
        "Prefix": prefix,
        "KeyMarker": key_marker,
        "VersionIdMarker": version_marker,
        "MaxKeys": limit,
        "IsTruncated": page.last is not None,
        "Versions": [_entry(each, params) for each in page.versions if not each.is_delete_marker],
        "DeleteMarkers": [_marker(each, params) for each in page.versions if each.is_delete_marker],
        "CommonPrefixes": [{"Prefix": each} for each in page.prefixes],
    }
    if delimiter:
        answer["Delimiter"] = delimiter
    if params.get("EncodingType"):
        answer["EncodingType"] = params["EncodingType"]
    if page.last is not None:
        answer["NextKeyMarker"] = page.last[0]
        if page.last[1]:
            answer["NextVersionIdMarker"] = page.last[1]
    return answer


def _entry(version: Version, params: dict[str, Any]) -> dict[str, Any]:
    shown = entry(version, params, with_owner=True)
    return shown | {"VersionId": version.version_id, "IsLatest": version.is_latest}


def _marker(version: Version, params: dict[str, Any]) -> dict[str, Any]:
    shown = entry(version, params, with_owner=True)
    marker = {name: shown[name] for name in ("Key", "LastModified", "Owner")}
    return marker | {"VersionId": version.version_id, "IsLatest": version.is_latest}
