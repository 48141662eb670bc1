"""A version of an object as the operations see it, and the one transaction that makes it the newest."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.operations.house import House
from strongroom.services.s3 import errors, tables
from strongroom.services.s3.buckets import NULL_VERSION, Bucket
from strongroom.services.s3.object_keys import Encryption
from strongroom.storage.connection import Connection

_VERSION_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object. `details` are its metadata, headers, tags, checksums and lock, by their API names."""

    bucket: str
    key: str
    version_id: str
    is_latest: bool
    is_delete_marker: bool
    last_modified: float
    size: int
    etag: str
    owner: str
    content_id: str | None
    encryption: Encryption
    sealed_key: bytes | None
    details: Mapping[str, Any]

    @classmethod
    def of(cls, row: Any) -> "Version":
        """Return the version of a row."""
        return cls(
            bucket=row.bucket,
            key=row.key,
            version_id=row.version_id,
            is_latest=row.is_latest,
            is_delete_marker=row.is_delete_marker,
            last_modified=row.last_modified,
            size=row.size,
            etag=row.etag,
            owner=row.owner,
            content_id=row.content_id,
            encryption=Encryption(**row.encryption) if row.encryption is not None else Encryption(""),
            sealed_key=row.sealed_key,
            details=row.details,
        )

    @property
    def tags(self) -> Mapping[str, str]:
        """Its tags."""
        tags: Mapping[str, str] = self.details.get("tags") or {}
        return tags

    @property
    def last_modified_at(self) -> Any:
        """When it was written, to the second, as answers tell it."""
        return as_datetime(int(self.last_modified))

    @property
    def quoted_etag(self) -> str:
        """Its ETag as answers write it."""
        return f'"{self.etag}"'


def object_place(bucket: str, key: str, version_id: str) -> str:
    """Return the place that the keys of a version are sealed for."""
    return tables.OBJECT_PLACE.format(bucket=bucket, key=key, version_id=version_id)


def new_version_id(bucket: Bucket) -> str:
    """Return the id of a version about to be written: "null" unless the bucket keeps versions."""
    return uuid.uuid4().hex if bucket.keeps_versions else NULL_VERSION


def is_version_id(text: str) -> bool:
    """Whether a version may have this id."""
    return text == NULL_VERSION or _VERSION_ID.fullmatch(text) is not None


def require_version_id(version_id: str) -> None:
    """Raise InvalidArgument for what no version has as its id."""
    if not is_version_id(version_id):
        raise errors.invalid_version_id(version_id)


def new_content_id() -> str:
    """Return a fresh id for the bytes of an object."""
    return uuid.uuid4().hex


def wrapped_keys(house: House, version: Version) -> bytes:
    """Return what is kept of a version's keys. Raises SealBroken when it is not this version's."""
    if version.sealed_key is None:
        raise errors.no_such_key(version.key)
    return house.sealer.open(version.sealed_key, object_place(version.bucket, version.key, version.version_id))


def delete_marker(bucket: str, key: str, version_id: str, owner: str, now: float) -> dict[str, Any]:
    """Return the row of a delete marker that is made at `now`, in seconds."""
    return {
        "bucket": bucket,
        "key": key,
        "version_id": version_id,
        "is_delete_marker": True,
        "last_modified": now,
        "size": 0,
        "etag": "",
        "owner": owner,
        "content_id": None,
        "encryption": None,
        "sealed_key": None,
        "details": {},
    }


def require_preconditions(
    connection: Connection, bucket: Bucket, key: str, if_match: str | None, if_none_match: str | None
) -> None:
    """Raise PreconditionFailed or NoSuchKey unless a conditional write may go on; NotImplemented for what S3 has not.

    Source: Amazon S3 User Guide, "How to prevent object overwrites with conditional writes".
    """
    if if_match is None and if_none_match is None:
        return
    if if_match is not None and if_none_match is not None:
        raise errors.unserved_header("If-Match,If-None-Match")
    if if_match == "*":
        raise errors.unserved_header("If-Match")
    newest = tables.select_latest(connection, bucket.name, key)
    if newest is not None and newest.is_delete_marker:
        newest = None
    if if_none_match not in (None, "*"):
        raise errors.unserved_header("If-None-Match")
    if if_none_match is not None and newest is not None:
        raise errors.precondition_failed("If-None-Match")
    if if_match is not None:
        if newest is None:
            raise errors.no_such_key(key)
        if if_match.strip('"') != newest.etag:
            raise errors.precondition_failed("If-Match")


def put_version(connection: Connection, bucket: Bucket, values: Mapping[str, Any]) -> list[str]:
    """Insert a version as the newest; a null version before it goes. Return the blobs that nobody needs any more."""
    stale: list[str] = []
    if values["version_id"] == NULL_VERSION:
        stale = tables.delete_version(connection, bucket.name, values["key"], NULL_VERSION)
    tables.insert_version(connection, values)
    return stale
