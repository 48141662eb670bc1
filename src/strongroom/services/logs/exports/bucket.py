"""What CloudWatch Logs does in a bucket, as its own service principal: the bucket policy has to let it.

Source: Amazon CloudWatch Logs User Guide, "Export log data to Amazon S3", "Step 3: Set permissions on an S3 bucket"
(s3:GetBucketAcl on the bucket, s3:PutObject on what is below the prefix).
"""

import asyncio
import gzip
from collections.abc import Sequence
from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.base.context import Origin
from strongroom.operations.house import House
from strongroom.services.logs.events.batches import Event
from strongroom.services.logs.groups.directory import Place
from strongroom.services.logs.service_calls import as_service

TEST_OBJECT = "aws-logs-write-test"
TEST_TEXT = b"Permission Check Successful"


class _Content:
    """A body that is at hand, as S3 takes bodies in."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> Any:
        yield self._content


def _object(bucket: str, key: str, content: bytes) -> dict[str, Any]:
    # A bucket with Object Lock wants to know that what arrives is what was sent.
    return {"Bucket": bucket, "Key": key, "Body": _Content(content), "ChecksumAlgorithm": "CRC32"}


def test_object(bucket: str, prefix: str) -> dict[str, Any]:
    """Return what S3 is asked to write before an export, to see whether it may begin."""
    return _object(bucket, f"{prefix}/{TEST_OBJECT}", TEST_TEXT)


async def _put(house: House, place: Place, params: dict[str, Any], origin: Origin | None) -> None:
    await _ask_s3(house, place, "PutObject", {**params, "ACL": "bucket-owner-full-control"}, origin)


async def _ask_s3(house: House, place: Place, name: str, params: dict[str, Any], origin: Origin | None) -> None:
    await as_service(
        house,
        "s3",
        name,
        params,
        region=place.region,
        account_id=place.account_id,
        source_arn=place.arn,
        origin=origin,
    )


async def write_test_object(house: House, place: Place, bucket: str, prefix: str, origin: Origin) -> None:
    """Look at the bucket and write a small object, which shows that an export may begin. Raises what S3 raises."""
    await _ask_s3(house, place, "GetBucketAcl", {"Bucket": bucket}, origin)
    await _put(house, place, test_object(bucket, prefix), origin)


async def write_part(
    house: House, place: Place, bucket: str, folder: str, stream: str, number: int, events: Sequence[Event]
) -> None:
    """Write events of one stream as a compressed object: each with its time before its message. Raises as S3 does."""
    content = await asyncio.to_thread(_compressed, events)
    key = f"{folder}/{stream.replace('/', '-')}/{number:06d}.gz"
    await _put(house, place, _object(bucket, key, content), None)


def _compressed(events: Sequence[Event]) -> bytes:
    lines = [f"{_time(event.timestamp)} {event.message}\n" for event in events]
    return gzip.compress("".join(lines).encode(), 6, mtime=0)


def _time(timestamp: int) -> str:
    return f"{as_datetime(timestamp // 1000):%Y-%m-%dT%H:%M:%S}.{timestamp % 1000:03d}Z"
