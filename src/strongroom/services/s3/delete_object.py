"""DeleteObject and DeleteObjects: a delete marker where versions are kept, the end of a version where one is named."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from strongroom.base.errors import AwsError
from strongroom.operations.authorize import Requirement, is_allowed
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.s3 import errors, tables
from strongroom.services.s3.access import named_bucket, on_object
from strongroom.services.s3.buckets import ENABLED, NULL_VERSION, Bucket, as_bucket
from strongroom.services.s3.content import Content
from strongroom.services.s3.object_details import require_valid_key
from strongroom.services.s3.object_lock import require_unlocked
from strongroom.services.s3.service import S3
from strongroom.services.s3.versions import (
    Version,
    delete_marker,
    is_version_id,
    new_version_id,
    put_version,
    require_version_id,
)
from strongroom.storage.connection import Connection

KEYS_PER_REQUEST_MAX = 1_000


class Deletion(NamedTuple):
    """What is to be deleted: a version, or (without one) the object as it is now; and on what conditions."""

    key: str
    version_id: str | None
    etag: str | None
    last_modified: datetime | None
    size: int | None
    may_bypass: bool


def _action(version_id: str | None) -> str:
    return "s3:DeleteObject" if version_id is None else "s3:DeleteObjectVersion"


async def _tags_of(call: Call, bucket: Bucket, key: str, version_id: str | None) -> Mapping[str, str] | None:
    if version_id is None or "\x00" in key:
        return None
    require_version_id(version_id)
    row = await call.read(lambda connection: tables.select_version(connection, bucket.name, key, version_id))
    return Version.of(row).tags if row is not None else None


async def _needs_of_delete_object(call: Call) -> Sequence[Requirement]:
    bucket = call.target = await named_bucket(call)
    params = call.params
    key, version_id = params["Key"], params.get("VersionId")
    tags = await _tags_of(call, bucket, key, version_id)
    needed = [on_object(call, bucket, key, _action(version_id), tags)]
    if params.get("BypassGovernanceRetention"):
        needed.append(on_object(call, bucket, key, "s3:BypassGovernanceRetention", tags))
    return needed


def as_it_is(connection: Connection, bucket: Bucket) -> Bucket:
    """Return a bucket as it is in a transaction. Versioning may have been switched on since it was read.

    Raises NoSuchBucket.
    """
    row = tables.select_bucket(connection, bucket.name)
    if row is None:
        raise errors.no_such_bucket(bucket.name)
    return as_bucket(row)


def delete_in(connection: Connection, call: Call, bucket: Bucket, wanted: Deletion) -> tuple[Answer, list[str]]:
    """Delete in a transaction; return what is answered, and the blobs that nobody needs any more.

    `bucket` is as it is in this transaction. Raises PreconditionFailed, or AccessDenied for what is locked.
    """
    key, version_id = wanted.key, wanted.version_id
    if wanted.last_modified is not None:
        raise errors.unserved_header("x-amz-if-match-last-modified-time")
    if wanted.size is not None:
        raise errors.unserved_header("x-amz-if-match-size")
    if version_id is not None:
        row = tables.select_version(connection, bucket.name, key, version_id)
        if row is None:
            return {"VersionId": version_id}, []
        version = Version.of(row)
        _require_conditions(wanted, version)
        require_unlocked(call, version, may_bypass=wanted.may_bypass)
        stale = tables.delete_version(connection, bucket.name, key, version_id)
        answer: Answer = {"VersionId": version_id}
        if version.is_delete_marker:
            answer["DeleteMarker"] = True
        return answer, stale
    newest = tables.select_latest(connection, bucket.name, key)
    if newest is not None and not newest.is_delete_marker:
        _require_conditions(wanted, Version.of(newest))
    elif wanted.etag not in (None, "*"):
        raise errors.no_such_key(key)
    if not bucket.versioning:
        return {}, tables.delete_version(connection, bucket.name, key, NULL_VERSION)
    if newest is None and bucket.versioning != ENABLED:
        return {}, []
    marker_id = new_version_id(bucket)
    stale = put_version(connection, bucket, delete_marker(bucket.name, key, marker_id, bucket.account_id, call.now))
    return {"DeleteMarker": True, "VersionId": marker_id}, stale


def _require_conditions(wanted: Deletion, version: Version) -> None:
    if wanted.etag not in (None, "*") and str(wanted.etag).strip('"') != version.etag:
        raise errors.precondition_failed("If-Match")


def _require_locks_to_bypass(call: Call, bucket: Bucket) -> None:
    """Raise InvalidArgument for a request to bypass what a bucket without locks has not."""
    if call.params.get("BypassGovernanceRetention") is not None and not bucket.settings.get("ObjectLockConfiguration"):
        raise errors.invalid_argument(
            "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.",
            "x-amz-bypass-governance-retention",
        )


@operation(S3, "DeleteObject", needs=_needs_of_delete_object)
async def delete_object(call: Call) -> Answer:
    """Delete an object or one version of it; what is not there is deleted too. Source: API Reference, DeleteObject."""
    bucket: Bucket = call.target
    params = call.params
    require_valid_key(params["Key"])
    _require_locks_to_bypass(call, bucket)
    wanted = Deletion(
        params["Key"],
        params.get("VersionId"),
        params.get("IfMatch"),
        params.get("IfMatchLastModifiedTime"),
        params.get("IfMatchSize"),
        may_bypass=bool(params.get("BypassGovernanceRetention")),
    )
    stale: list[str] = []

    def write(connection: Connection) -> Answer:
        answer, stale[:] = delete_in(connection, call, as_it_is(connection, bucket), wanted)
        return answer

    answer = await call.write(write)
    await call.house.part(Content).delete(stale)
    return answer


async def _needs_of_delete_objects(call: Call) -> Sequence[Requirement]:
    # Who may not delete one of them is told so for that one: the others go.
    call.target = await named_bucket(call)
    return ()


@operation(S3, "DeleteObjects", needs=_needs_of_delete_objects)
async def delete_objects(call: Call) -> Answer:
    """Delete up to 1,000 objects, each on its own. Source: Amazon S3 API Reference, DeleteObjects."""
    bucket: Bucket = call.target
    listed: Sequence[Mapping[str, Any]] = call.params["Delete"]["Objects"]
    if not 0 < len(listed) <= KEYS_PER_REQUEST_MAX:
        raise errors.malformed_xml()
    _require_locks_to_bypass(call, bucket)
    allowed: list[Deletion] = []
    refused: list[dict[str, Any]] = []
    for each in listed:
        try:
            allowed.append(await _allowed(call, bucket, each))
        except AwsError as error:
            refused.append(_refusal(each["Key"], each.get("VersionId"), error))
    stale: list[str] = []

    def write(connection: Connection) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        deleted: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        stale.clear()
        now = as_it_is(connection, bucket)
        for wanted in allowed:
            try:
                answer, blobs = delete_in(connection, call, now, wanted)
            except AwsError as error:
                failed.append(_refusal(wanted.key, wanted.version_id, error))
            else:
                stale.extend(blobs)
                deleted.append(_deleted(wanted, answer))
        return deleted, failed

    deleted, failed = await call.write(write)
    await call.house.part(Content).delete(stale)
    answer: Answer = {}
    if deleted and not call.params["Delete"].get("Quiet"):
        answer["Deleted"] = deleted
    if refused or failed:
        answer["Errors"] = refused + failed
    return answer


async def _allowed(call: Call, bucket: Bucket, asked: Mapping[str, Any]) -> Deletion:
    key, version_id = asked["Key"], asked.get("VersionId")
    require_valid_key(key)
    if version_id is not None and not is_version_id(version_id):
        raise errors.no_such_version(key, version_id)
    tags = await _tags_of(call, bucket, key, version_id)
    if not is_allowed(call, on_object(call, bucket, key, _action(version_id), tags)):
        raise errors.access_denied()
    bypass = bool(call.params.get("BypassGovernanceRetention"))
    if bypass and not is_allowed(call, on_object(call, bucket, key, "s3:BypassGovernanceRetention", tags)):
        raise errors.access_denied()
    return Deletion(
        key, version_id, asked.get("ETag"), asked.get("LastModifiedTime"), asked.get("Size"), may_bypass=bypass
    )


def _deleted(wanted: Deletion, answer: Answer) -> dict[str, Any]:
    shown: dict[str, Any] = {"Key": wanted.key}
    if wanted.version_id is not None:
        shown["VersionId"] = wanted.version_id
    if answer.get("DeleteMarker"):
        shown |= {"DeleteMarker": True, "DeleteMarkerVersionId": answer["VersionId"]}
    return shown


def _refusal(key: str, version_id: str | None, error: AwsError) -> dict[str, Any]:
    shown = {"Key": key, "Code": error.code, "Message": error.message}
    if version_id is not None:
        shown["VersionId"] = version_id
    return shown
