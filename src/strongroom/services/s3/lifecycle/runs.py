"""What lifecycle rules ask for, done: once an hour, a hundred objects at a time, each time in one transaction.

Transitions are not among it: there is one storage class here, whatever an object says of itself.

Source: Amazon S3 User Guide, "Managing the lifecycle of objects", "Lifecycle and logging".
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from strongroom.operations.house import House
from strongroom.operations.periodic import LongWork, periodic
from strongroom.operations.trail import Resource, service_event
from strongroom.services.s3 import tables as s3_tables
from strongroom.services.s3.buckets import Bucket, as_bucket
from strongroom.services.s3.content import Content
from strongroom.services.s3.lifecycle import tables
from strongroom.services.s3.lifecycle.rules import LIFECYCLE_SETTING, Filter, days_before, filter_of
from strongroom.services.s3.multipart import tables as multipart_tables
from strongroom.services.s3.object_lock import is_locked
from strongroom.services.s3.service import S3
from strongroom.services.s3.versions import Version, delete_marker, new_version_id, put_version
from strongroom.storage.connection import Connection

EVERY_SECONDS = 3_600.0
BATCH = 100
BUCKETS_PER_READ = 1_000
LATEST = float("inf")

EXPIRED, MARKED, GIVEN_UP = "S3.EXPIRE.OBJECT", "S3.CREATE.DELETEMARKER", "S3.DELETE.UPLOAD"
"""What the records are named by: the operations that S3's access logs have for it."""

Change = Callable[[Connection, Version], Sequence[str] | None]
"""Deletes in a transaction; returns the blobs that nobody needs any more, or None for what is to stay after all."""


class LifecycleRuns(LongWork):
    """The runs of one house."""

    def __init__(self, house: House) -> None:
        super().__init__(house, _steps, EVERY_SECONDS)


@periodic("s3/lifecycle")
async def run_lifecycle(house: House) -> None:
    """Let go of what the rules of buckets say is not to be kept any longer."""
    await house.part(LifecycleRuns).go_on()


async def _steps(house: House) -> AsyncGenerator[None, None]:
    after = ""
    while True:
        rows = await house.store.read(partial(tables.list_every_bucket, after=after, limit=BUCKETS_PER_READ))
        for row in rows:
            after = row.name
            for rule in (row.settings.get(LIFECYCLE_SETTING) or {}).get("Rules", ()):
                if rule.get("Status") == "Enabled":
                    async for _ in _Run(house, as_bucket(row), rule).steps():
                        yield
        if len(rows) < BUCKETS_PER_READ:
            return


class _Run:
    """One rule of one bucket, as of now."""

    def __init__(self, house: House, bucket: Bucket, rule: Mapping[str, Any]) -> None:
        self._house = house
        self._bucket = bucket
        self._rule = rule
        self._filter: Filter = filter_of(rule)
        self._now = house.clock.now()

    async def steps(self) -> AsyncGenerator[None, None]:
        """Do what the rule says, a transaction at a time."""
        expiration: Mapping[str, Any] = self._rule.get("Expiration") or {}
        moment = self._moment(expiration)
        if moment is not None:
            async for _ in self._expire(moment):
                yield
        if self._rule.get("NoncurrentVersionExpiration"):
            async for _ in self._expire_noncurrent(self._rule["NoncurrentVersionExpiration"]):
                yield
        # A delete marker has no tags, so that a rule about tags is about none.
        marked_before = LATEST if expiration.get("ExpiredObjectDeleteMarker") else moment
        if marked_before is not None and not self._filter.tags:
            async for _ in self._remove_lone_markers(marked_before):
                yield
        abort: Mapping[str, Any] = self._rule.get("AbortIncompleteMultipartUpload") or {}
        if abort.get("DaysAfterInitiation") is not None:
            await self._give_up_uploads(days_before(self._now, abort["DaysAfterInitiation"]))
            yield

    def _moment(self, expiration: Mapping[str, Any]) -> float | None:
        """Return until when an object must have been written to expire now, None when none does."""
        if expiration.get("Days") is not None:
            return days_before(self._now, expiration["Days"])
        date = expiration.get("Date")
        return LATEST if date is not None and date["seconds"] <= self._now else None

    async def _expire(self, moment: float) -> AsyncGenerator[None, None]:
        after: str | None = ""
        while after is not None:
            rows = await self._read(partial(tables.current_before, moment=moment, after=after))
            await self._let_go(rows, self._expire_current)
            after = rows[-1].key if len(rows) == BATCH else None
            yield

    async def _expire_noncurrent(self, wanted: Mapping[str, Any]) -> AsyncGenerator[None, None]:
        moment = days_before(self._now, wanted["NoncurrentDays"]) if wanted.get("NoncurrentDays") else LATEST
        newer_kept = wanted.get("NewerNoncurrentVersions") or 0
        after: tuple[str, int] | None = ("", 0)
        counted_key, counted = None, 0
        while after is not None:
            rows = await self._read(partial(tables.noncurrent_versions, after=after))
            due = []
            for row in rows:
                counted = counted + 1 if row.key == counted_key else 1
                counted_key = row.key
                if counted > newer_kept and row.replaced_at <= moment:
                    due.append(row)
            await self._let_go(due, self._delete_noncurrent)
            after = (rows[-1].key, rows[-1].sequence) if len(rows) == BATCH else None
            yield

    async def _remove_lone_markers(self, moment: float) -> AsyncGenerator[None, None]:
        after: str | None = ""
        while after is not None:
            rows = await self._read(partial(tables.lone_markers_before, moment=moment, after=after))
            await self._let_go(rows, self._delete_lone_marker)
            after = rows[-1].key if len(rows) == BATCH else None
            yield

    async def _read(self, query: Callable[..., Sequence[Any]]) -> Sequence[Any]:
        """Return a batch of what is in the bucket under the rule's prefix."""
        place = {"bucket": self._bucket.name, "prefix": self._filter.prefix, "limit": BATCH}
        return await self._house.store.read(lambda connection: query(connection, **place))

    async def _let_go(self, rows: Sequence[Any], change: Change) -> None:
        """Change those of some versions that the rule's filter is about, each unless it has changed meanwhile."""
        chosen = [version for version in map(Version.of, rows) if self._filter.is_about(version.size, version.tags)]
        if not chosen:
            return
        stale: list[str] = []

        def write(connection: Connection) -> None:
            stale.clear()
            for version in chosen:
                blobs = change(connection, version)
                if blobs is not None:
                    stale.extend(blobs)

        await self._house.store.write(write)
        await self._house.part(Content).delete(stale)

    def _expire_current(self, connection: Connection, version: Version) -> Sequence[str] | None:
        row = s3_tables.select_latest(connection, version.bucket, version.key)
        if row is None or row.version_id != version.version_id or row.last_modified != version.last_modified:
            return None
        bucket = self._bucket
        if not bucket.versioning:
            self._record(connection, EXPIRED, version)
            return s3_tables.delete_version(connection, version.bucket, version.key, version.version_id)
        marker = delete_marker(bucket.name, version.key, new_version_id(bucket), bucket.account_id, self._now)
        if version.version_id == marker["version_id"] and is_locked(version, self._now):
            return None
        self._record(connection, MARKED, version)
        return put_version(connection, bucket, marker)

    def _delete_noncurrent(self, connection: Connection, version: Version) -> Sequence[str] | None:
        row = s3_tables.select_version(connection, version.bucket, version.key, version.version_id)
        if row is None or row.is_latest or is_locked(Version.of(row), self._now):
            return None
        self._record(connection, EXPIRED, version)
        return s3_tables.delete_version(connection, version.bucket, version.key, version.version_id)

    def _delete_lone_marker(self, connection: Connection, version: Version) -> Sequence[str] | None:
        row = s3_tables.select_latest(connection, version.bucket, version.key)
        if row is None or row.version_id != version.version_id or not row.is_delete_marker:
            return None
        self._record(connection, EXPIRED, version)
        return s3_tables.delete_version(connection, version.bucket, version.key, version.version_id)

    async def _give_up_uploads(self, moment: float) -> None:
        # Such a rule has no filter but a prefix: an upload has no size yet.
        bucket, prefix = self._bucket.name, self._filter.prefix
        stale: list[str] = []

        def write(connection: Connection) -> None:
            stale.clear()
            for upload in multipart_tables.uploads_begun_before(connection, bucket, prefix, moment):
                multipart_tables.delete_upload(connection, upload.upload_id)
                stale.extend(s3_tables.delete_pieces(connection, upload.content_id))
                self._record_of(connection, GIVEN_UP, upload.key, {"uploadId": upload.upload_id})

        await self._house.store.write(write)
        await self._house.part(Content).delete(stale)

    def _record(self, connection: Connection, name: str, version: Version) -> None:
        self._record_of(connection, name, version.key, {"versionId": version.version_id})

    def _record_of(self, connection: Connection, name: str, key: str, details: dict[str, str]) -> None:
        bucket = self._bucket
        resource = Resource(bucket.object_arn(key), bucket.account_id, "AWS::S3::Object")
        details = {"ruleId": self._rule["ID"], **details}
        event = service_event(S3.name, S3.event_source, name, bucket.region, resource, self._now, details)
        self._house.audit.insert_event(connection, event)
