"""Reading the audit trail in the order in which it was written, from where one has come to.

Numbers of batches rise, but on PostgreSQL they are not the order of commits: a batch may come to light after others
with higher numbers. So a missing number is waited for; it is given up when no transaction can take that long.
"""

from collections.abc import Iterator, Sequence

import msgspec
from isal import isal_zlib

from strongroom.envelope.sealed import Sealer
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
_raws = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_record = msgspec.msgpack.Decoder(AuditRecord).decode


class PackedBatch:
    """The records of one batch, opened and decoded as far as somebody asks, each time anew.

    What it does raises SealBroken when the batch was changed behind Strongroom's back.
    """

    __slots__ = ("_packed", "_place", "_raws", "_sealed", "_sealer", "number")

    def __init__(self, number: int, sealed: bytes, place: str, sealer: Sealer) -> None:
        self.number = number
        self._sealed = sealed
        self._place = place
        self._sealer = sealer
        self._packed = b""
        self._raws: list[msgspec.Raw] | None = None

    def _opened(self) -> bytes:
        if not self._packed:
            self._packed = isal_zlib.decompress(self._sealer.open(self._sealed, self._place))
        return self._packed

    def outlines(self) -> list[Outline]:
        """Return the outline of each record: a microsecond for each."""
        return _outlines(self._opened())

    def record(self, number: int) -> AuditRecord:
        """Return one record whole, by its place in the batch."""
        if self._raws is None:
            self._raws = _raws(self._opened())
        return _record(self._raws[number])

    def records(self) -> Iterator[AuditRecord]:
        """Yield the records whole."""
        return map(_record, _raws(self._opened()))


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
        """Return up to `limit` of the batches from the number `first` to `last`."""
        rows = await self._house.store.read(
            lambda connection: tables.select_audit_batches_after(connection, first - 1, limit, last)
        )
        sealer = self._house.sealer
        return [PackedBatch(row.number, row.sealed, tables.AUDIT_PLACE.format(**row._mapping), sealer) for row in rows]
