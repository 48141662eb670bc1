"""The ledger: every call leaves a record, compressed, then sealed, then appended, in batches.

A change's record is written in the change's own transaction. Records of calls that change nothing are gathered and
written together, at most `BATCH_SECONDS` later, without making the caller wait.
"""

import asyncio
import contextlib
import secrets
import zlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from strongroom.base.clock import Clock
from strongroom.base.context import time_of_request_id
from strongroom.base.errors import AwsError
from strongroom.envelope.sealed import Sealer
from strongroom.operations import tables
from strongroom.operations.registry import Answer
from strongroom.operations.trail import AuditRecord, Reason, Resource
from strongroom.storage.connection import Connection
from strongroom.storage.errors import StorageUnavailable
from strongroom.storage.store import Store

if TYPE_CHECKING:
    from strongroom.operations.call import Call

BATCH_SECONDS = 0.05
RETRY_SECONDS = 1.0
RECORDS_PER_BATCH_MAX = 2_000
UNWRITTEN_RECORDS_MAX = 50_000
BATCHES_READ_MAX = 10_000
REQUEST_TIME_SLACK_MS = 60_000

_COMPRESSION_LEVEL = 1
_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(list[AuditRecord]).decode

Change = Callable[[Connection], None]


class Audit:
    """The audit trail of one house."""

    def __init__(self, store: Store, sealer: Sealer, clock: Clock) -> None:
        self._store = store
        self._sealer = sealer
        self._clock = clock
        self._unwritten: list[AuditRecord] = []
        self._changes: list[Change] = []
        self._collectors: list[Callable[[], Change | None]] = []
        self._writer: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()
        self._closing = asyncio.Event()

    def must_be_writable(self) -> None:
        """Raise ServiceUnavailable (503) while so many records wait that no more may be owed: no record, no answer."""
        if len(self._unwritten) >= UNWRITTEN_RECORDS_MAX:
            raise AwsError("ServiceUnavailable", "The audit trail cannot be written.", 503)

    def write_along(self, collect: Callable[[], Change | None]) -> None:
        """Have `collect` asked, before each batch, for a change to make in the batch's transaction, or None."""
        self._collectors.append(collect)

    def record(self, call: "Call", error: AwsError | None) -> None:
        """Record a call that changed nothing, whether it succeeded or was refused."""
        self._unwritten.append(_record_of(call, None, error))
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write_soon())

    def insert(self, connection: Connection, call: "Call", answer: Answer | None) -> None:
        """Record a call that changes something, in the transaction of that change."""
        self._insert_batch(connection, [_record_of(call, answer, None)])

    async def close(self) -> None:
        """Write what is unwritten. Raises StorageUnavailable when that cannot be done."""
        self._closing.set()
        if self._writer is not None:
            await self._writer
        await self.flush()

    async def flush(self) -> None:
        """Write every record that waits. Raises StorageUnavailable, and keeps the records for another try."""
        async with self._writing:
            self._changes += [change for collect in self._collectors if (change := collect()) is not None]
            while self._unwritten or self._changes:
                batch, changes = self._unwritten[:RECORDS_PER_BATCH_MAX], tuple(self._changes)
                await self._store.write(lambda connection: self._write(connection, batch, changes))  # noqa: B023
                # Nothing is taken off before it is durable; others only ever join at the end meanwhile.
                del self._unwritten[: len(batch)]
                del self._changes[: len(changes)]

    def _write(self, connection: Connection, batch: Sequence[AuditRecord], changes: Sequence[Change]) -> None:
        if batch:
            self._insert_batch(connection, batch)
        for change in changes:
            change(connection)

    async def _write_soon(self) -> None:
        delay = BATCH_SECONDS
        while self._unwritten and not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), delay)
            try:
                await self.flush()
                delay = BATCH_SECONDS
            except StorageUnavailable:
                delay = RETRY_SECONDS
        self._writer = None

    def _insert_batch(self, connection: Connection, records: Sequence[AuditRecord]) -> None:
        values = {
            "batch": secrets.token_hex(16),
            "first_at": min(record.at for record in records),
            "last_at": max(record.at for record in records),
            "records": len(records),
        }
        packed = zlib.compress(_ENCODE(records), _COMPRESSION_LEVEL)
        sealed = self._sealer.seal(packed, tables.AUDIT_PLACE.format(**values))
        tables.insert_audit_batch(connection, {**values, "sealed": sealed})

    async def records(self, since: float, until: float) -> list[AuditRecord]:
        """Return the records of calls received from `since` to `until` (seconds), oldest first."""
        await self.flush()
        first, last = int(since * 1000), int(until * 1000)
        rows = await self._store.read(
            lambda connection: tables.select_audit_batches(connection, first, last, BATCHES_READ_MAX)
        )
        found: list[AuditRecord] = []
        for row in rows:
            packed = self._sealer.open(row.sealed, tables.AUDIT_PLACE.format(**row._mapping))
            found += (record for record in _DECODE(zlib.decompress(packed)) if first <= record.at <= last)
        return sorted(found, key=lambda record: record.at)

    async def find(self, request_id: str) -> list[AuditRecord]:
        """Return the records of one request: its own, and those of calls that services made on its behalf."""
        received = time_of_request_id(request_id)
        if received is None:
            return []
        at = received.timestamp()
        slack = REQUEST_TIME_SLACK_MS / 1000
        return [each for each in await self.records(at - slack, at + slack) if each.request_id == request_id]


def _record_of(call: "Call", answer: Answer | None, error: AwsError | None) -> AuditRecord:
    origin, operation, decision = call.origin, call.operation, call.decision
    model = operation.model
    return AuditRecord(
        int(origin.received_at * 1000),
        origin.request_id,
        operation.service.name,
        operation.service.event_source,
        operation.name,
        call.region,
        call.caller.identity,
        origin.source_ip,
        origin.user_agent,
        origin.host,
        origin.tls_version,
        origin.tls_cipher,
        operation.reads_only,
        model.redacted(call.params),
        None if answer is None else model.redacted_answer(answer),
        None if error is None else error.code,
        None if error is None else error.message,
        tuple(Resource(r.resource, r.account_id, r.resource_type) for r in call.requirements if r.resource_type),
        None if decision is None else Reason(decision.outcome.value, decision.layer.value, decision.statements),
        call.via,
    )
