"""Log files: the events of a trail in one Region, as JSON, compressed.

Source: AWS CloudTrail User Guide, "CloudTrail log file name format", "CloudTrail log file examples".
"""

import hashlib
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from isal import igzip

from strongroom.base.clock import as_datetime
from strongroom.operations.trail import AuditRecord, as_cloudtrail
from strongroom.services.cloudtrail.destinations import folder_of
from strongroom.services.cloudtrail.trails import Trail

UNIQUE_CHARACTERS = 16
_ALPHABET = string.ascii_letters + string.digits
_COMPRESSION_LEVEL = 1
_json = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Events:
    """Events that are to be delivered together, as JSON, and when the oldest and the newest of them were."""

    encoded: list[bytes] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    oldest_at: int = 0
    newest_at: int = 0

    def add(self, record: AuditRecord, account_id: str) -> None:
        """Take in the event that an account gets of a record: some twenty microseconds."""
        self.encoded.append(_json(as_cloudtrail(record, account_id)))
        self.times.append(record.at)
        self.oldest_at = min(self.oldest_at or record.at, record.at)
        self.newest_at = max(self.newest_at, record.at)


class LogFile:
    """A log file: its key, its bytes, and what a digest tells of it."""

    __slots__ = ("body", "key", "told")

    def __init__(self, trail: Trail, region: str, events: Events, now: float) -> None:
        account_id, moment = trail.key.account_id, as_datetime(now)
        unique = "".join(secrets.choice(_ALPHABET) for _ in range(UNIQUE_CHARACTERS))
        name = f"{account_id}_CloudTrail_{region}_{moment:%Y%m%dT%H%MZ}_{unique}.json.gz"
        self.key = f"{folder_of(trail.settings, account_id)}{region}/{moment:%Y/%m/%d}/{name}"
        content = _content(events.encoded)
        self.body: bytes = igzip.compress(content, _COMPRESSION_LEVEL)
        self.told: dict[str, Any] = {
            "s3Bucket": trail.settings["S3BucketName"],
            "s3Object": self.key,
            "hashValue": hashlib.sha256(content).hexdigest(),
            "hashAlgorithm": "SHA-256",
            "newestEventTime": time_text(events.newest_at / 1000),
            "oldestEventTime": time_text(events.oldest_at / 1000),
        }


def _content(encoded: Sequence[bytes]) -> bytes:
    return b'{"Records":[' + b",".join(encoded) + b"]}"


def time_text(at: float) -> str:
    """Return a time (seconds) as events and digests tell it."""
    return as_datetime(at).strftime("%Y-%m-%dT%H:%M:%SZ")
