"""Objects of an opened house, in a few words; and what is left of them."""

from collections.abc import AsyncIterator
from typing import Any

from tests.opened_house import OpenedHouse

from strongroom.base.context import Origin, new_request_id
from strongroom.operations.perform import perform
from strongroom.operations.trail import AuditRecord


async def body_of(content: bytes) -> AsyncIterator[bytes]:
    """Bring bytes as a request brings its body."""
    for start in range(0, len(content), 65_536):
        yield content[start : start + 65_536]


class Kept:
    """One bucket of a house."""

    def __init__(self, opened: OpenedHouse, bucket: str = "rooms") -> None:
        self.opened = opened
        self.bucket = bucket

    @classmethod
    async def create(cls, opened: OpenedHouse, bucket: str = "rooms", versioning: str = "") -> "Kept":
        kept = cls(opened, bucket)
        await kept.s3("CreateBucket")
        if versioning:
            await kept.s3("PutBucketVersioning", VersioningConfiguration={"Status": versioning})
        return kept

    async def s3(self, operation: str, **params: Any) -> dict[str, Any]:
        """Perform an operation on the bucket."""
        return await self.opened.call("s3", operation, Bucket=self.bucket, **params)

    async def put(self, key: str, content: bytes = b"bytes", **params: Any) -> str:
        """Store an object; return the id of its version."""
        if any(name.startswith("ObjectLock") for name in params):
            params = {"ChecksumAlgorithm": "CRC32", **params}
        answer = await self.stream("PutObject", content, Key=key, **params)
        version_id: str = answer.get("VersionId", "null")
        return version_id

    async def stream(self, operation: str, content: bytes, **params: Any) -> dict[str, Any]:
        """Perform an operation that takes a body as it arrives."""
        now = self.opened.clock.now()
        return await perform(
            self.opened.house,
            "s3",
            operation,
            {"Bucket": self.bucket, "Body": body_of(content), **params},
            caller=self.opened.caller,
            origin=Origin(new_request_id(now), now, "127.0.0.1", True, "1.3"),
            region="us-east-1",
        )

    async def get(self, key: str, **params: Any) -> bytes:
        """Return the bytes of an object."""
        answer = await self.s3("GetObject", Key=key, **params)
        body = answer["Body"]
        return body if isinstance(body, bytes) else b"".join([chunk async for chunk in body])

    async def keys(self) -> list[str]:
        """Return the keys of the objects that are there now."""
        listed = await self.s3("ListObjectsV2")
        return [each["Key"] for each in listed.get("Contents", ())]

    async def versions(self) -> list[tuple[str, str, bool]]:
        """Return key, version id and whether it is a delete marker of every version, newest first."""
        listed = await self.s3("ListObjectVersions")
        found = [(each["Key"], each["VersionId"], False) for each in listed.get("Versions", ())]
        return found + [(each["Key"], each["VersionId"], True) for each in listed.get("DeleteMarkers", ())]

    async def rules(self, *rules: dict[str, Any]) -> None:
        """Give the bucket lifecycle rules; each is enabled, and about everything unless it says otherwise."""
        full = [{"Status": "Enabled", "Filter": {"Prefix": ""}, **rule} for rule in rules]
        await self.s3("PutBucketLifecycleConfiguration", LifecycleConfiguration={"Rules": full})


async def events_of(opened: OpenedHouse, name: str) -> list[AuditRecord]:
    """Return the audit records of what S3 did by itself under a name."""
    await opened.house.audit.flush()
    records = await opened.house.audit.records(0, opened.clock.now() + 1)
    return [record for record in records if record.operation == name]
