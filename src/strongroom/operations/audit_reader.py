"""Reading the audit trail in the order in which it was written, from where one has come to.

Numbers of batches rise, but on PostgreSQL they are not the order of commits: a batch may come to light after others
with higher numbers. So a missing number is waited for; it is given up when no transaction can take that long.
"""

import zlib
from collections.abc import Sequence
from typing import Any

import msgspec

from strongroom.operations import tables
from strongroom.operations.house import House
from strongroom.operations.tables import AuditSpan
from strongroom.operations.trail import AuditRecord, Identity, Resource

MISSING_SECONDS_MAX = 60.0
GAPS_MAX = 1_000


class Outline(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What events are found by, of an audit record: its first members in their order, those in between unread."""

    at: int
    request_id: str
    service: str
    event_source: str
    operation: str
    region: str
    identity: Identity
    source_ip: msgspec.Raw
    user_agent: msgspec.Raw
    host: msgspec.Raw
    tls_version: msgspec.Raw
    tls_cipher: msgspec.Raw
    reads_only: bool
    request: msgspec.Raw
    answer: msgspec.Raw
    error_code: str | None
    error_message: msgspec.Raw
    resources: tuple[Resource, ...]


_outlines = msgspec.msgpack.Decoder(list[Outline]).decode
_records = msgspec.msgpack.Decoder(list[AuditRecord]).decode


class PackedBatch:
    """The records of one batch, decoded as far as somebody asks."""

    __slots__ = ("_packed", "number")

    def __init__(self, number: int, packed: bytes) -> None:
        self.number = number
        self._packed = packed

    def outlines(self) -> list[Outline]:
        """Return the outline of each record: a microsecond for each."""
        return _outlines(self._packed)

    def records(self) -> list[AuditRecord]:
        """Return the records whole."""
        return _records(self._packed)


class AuditReader:
    """Reads the trail of one house."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._missing: dict[int, float] = {}

    async def settled_after(self, after: int, limit: int) -> list[tuple[AuditSpan, int]]:
        """Return up to `limit` batches behind the number `after` before which no other can come to light any more.

        With each comes how many records it has.
        """
        spans = await self.unsettled_after(after, limit)
        # On SQLite a number is taken in the order of commits, and a number that was given back is taken again.
        return spans if self._house.store.kind == "sqlite" else spans[: self._settled(after, spans)]

    async def unsettled_after(self, after: int, limit: int) -> list[tuple[AuditSpan, int]]:
        """Return up to `limit` batches behind the number `after`, as far as they have come to light."""
        rows = await self._house.store.read(
            lambda connection: tables.list_audit_batches_after(connection, after, limit)
        )
        return [(AuditSpan(row.number, row.number, row.first_at, row.last_at), int(row.records)) for row in rows]

    def _settled(self, after: int, spans: Sequence[tuple[AuditSpan, int]]) -> int:
        now, expected = self._house.clock.wall(), after + 1
        if len(self._missing) > GAPS_MAX:
            self._missing.clear()
        for count, (span, _) in enumerate(spans):
            if span.first_batch > expected:
                # All that lies between two numbers that are there is one gap, known by its end.
                since = self._missing.setdefault(span.first_batch, now)
                if now - since < MISSING_SECONDS_MAX:
                    return count
            expected = span.last_batch + 1
        return len(spans)

    async def open(self, first: int, last: int, limit: int) -> list[PackedBatch]:
        """Return up to `limit` of the batches from the number `first` to `last`, opened.

        Raises SealBroken when one was changed behind Strongroom's back.
        """
        rows = await self._house.store.read(
            lambda connection: tables.select_audit_batches_after(connection, first - 1, limit, last)
        )
        return [self._opened(row) for row in rows]

    def _opened(self, row: Any) -> PackedBatch:
        sealed = self._house.sealer.open(row.sealed, tables.AUDIT_PLACE.format(**row._mapping))
        return PackedBatch(row.number, zlib.decompress(sealed))
