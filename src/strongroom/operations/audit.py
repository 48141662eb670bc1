"""The ledger: every call leaves a record, compressed, then sealed, then appended, in batches.

A change's record is written in the change's own transaction, also when a service makes it without being called. Records
of calls that change nothing are gathered and written together, at most `BATCH_SECONDS` later, without making the caller
wait.
"""

import asyncio
import contextlib
import secrets
import zlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from isal import isal_zlib

from strongroom.base.clock import Clock
from strongroom.base.context import time_of_request_id
from strongroom.base.errors import AwsError
from strongroom.envelope.sealed import Sealer
from strongroom.operations import tables
from strongroom.operations.denials import without_encoded_message
from strongroom.operations.registry import Answer
from strongroom.operations.trail import AuditRecord, Resource
from strongroom.storage.connection import Connection
from strongroom.storage.store import Store

if TYPE_CHECKING:
    from strongroom.operations.call import Call

BATCH_SECONDS = 0.05
RETRY_SECONDS = 1.0
RECORDS_PER_BATCH_MAX = 2_000
BATCH_BYTES_MAX = 8 * 1024 * 1024
UNWRITTEN_RECORDS_MAX = 50_000
UNWRITTEN_BYTES_MAX = 64 * 1024 * 1024
BATCHES_PER_READ = 500
REQUEST_TIME_SLACK_MS = 1_000

# ISA-L writes the format of zlib, about four times as fast; zlib reads it.
_COMPRESSION_LEVEL = 1
_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(list[AuditRecord]).decode

_log = structlog.get_logger("strongroom.audit")

Change = Callable[[Connection], None]
Entry = tuple[int, bytes]
"""When (milliseconds since the epoch), and the record, encoded: nothing that happens later can change it."""


class Audit:
    """The audit trail of one house."""

    def __init__(self, store: Store, sealer: Sealer, clock: Clock) -> None:
        self._store = store
        self._sealer = sealer
        self._clock = clock
        self._unwritten: list[Entry] = []
        self._unwritten_bytes = 0
        self._changes: list[Change] = []
        self._collectors: list[Callable[[], Change | None]] = []
        self._writer: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()
        self._closing = asyncio.Event()

    def must_be_writable(self) -> None:
        """Raise ServiceUnavailable (503) while so many records wait that no more may be owed: no record, no answer."""
        if len(self._unwritten) >= UNWRITTEN_RECORDS_MAX or self._unwritten_bytes >= UNWRITTEN_BYTES_MAX:
            raise AwsError("ServiceUnavailable", "The audit trail cannot be written.", 503)

    def write_along(self, collect: Callable[[], Change | None]) -> None:
        """Have `collect` asked, before each batch, for a change to make in the batch's transaction, or None."""
        self._collectors.append(collect)

    def record(self, call: "Call", error: AwsError | None) -> None:
        """Record a call that changed nothing, whether it succeeded or was refused."""
        entry = _entry_of(_record_of(call, None, error))
        self._unwritten.append(entry)
        self._unwritten_bytes += len(entry[1])
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write_soon())

    def insert(self, connection: Connection, call: "Call", answer: Answer | None) -> None:
        """Record a call that changes something, in the transaction of that change."""
        self._insert_batch(connection, [_entry_of(_record_of(call, answer, None))])

    def insert_event(self, connection: Connection, event: AuditRecord) -> None:
        """Record what a service does by itself (`trail.service_event`), in the transaction of that change."""
        self._insert_batch(connection, [_entry_of(event)])

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
                batch, changes = self._next_batch(), tuple(self._changes)
                await self._store.append(lambda connection: self._write(connection, batch, changes))  # noqa: B023
                # Nothing is taken off before it is written; others only ever join at the end meanwhile.
                del self._unwritten[: len(batch)]
                del self._changes[: len(changes)]
                self._unwritten_bytes -= sum(len(encoded) for _, encoded in batch)

    def _next_batch(self) -> list[Entry]:
        batch = self._unwritten[:RECORDS_PER_BATCH_MAX]
        room = BATCH_BYTES_MAX
        for count, (_, encoded) in enumerate(batch):
            room -= len(encoded)
            if room < 0:
                return batch[: max(1, count)]
        return batch

    def _write(self, connection: Connection, batch: Sequence[Entry], changes: Sequence[Change]) -> None:
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
            except Exception as error:
                # The records are kept and tried again; once too many wait, `must_be_writable` refuses every call.
                _log.error("the audit trail cannot be written", error_type=type(error).__name__)
                delay = RETRY_SECONDS
        self._writer = None

    def _insert_batch(self, connection: Connection, entries: Sequence[Entry]) -> None:
        times = [at for at, _ in entries]
        values = {
            "batch": secrets.token_hex(16),
            "first_at": min(times),
            "last_at": max(times),
            "records": len(entries),
        }
        packed = isal_zlib.compress(_ENCODE([msgspec.Raw(encoded) for _, encoded in entries]), _COMPRESSION_LEVEL)
        sealed = self._sealer.seal(packed, tables.AUDIT_PLACE.format(**values))
        tables.insert_audit_batch(connection, {**values, "sealed": sealed})

    async def records(self, since: float, until: float, request_id: str | None = None) -> list[AuditRecord]:
        """Return the records of calls received from `since` to `until` (seconds), of one request or all, oldest first.

        Raises SealBroken when a batch was changed behind Strongroom's back.
        """
        await self.flush()
        first, last, after = int(since * 1000), int(until * 1000), -1
        found: list[AuditRecord] = []
        while True:
            rows = await self._store.read(
                lambda connection: tables.select_audit_batches(connection, first, last, after, BATCHES_PER_READ)  # noqa: B023
            )
            for row in rows:
                packed = self._sealer.open(row.sealed, tables.AUDIT_PLACE.format(**row._mapping))
                for record in _DECODE(zlib.decompress(packed)):
                    if first <= record.at <= last and request_id in (None, record.request_id):
                        found.append(record)
            if len(rows) < BATCHES_PER_READ:
                return sorted(found, key=lambda record: record.at)
            after = rows[-1].number

    async def find(self, request_id: str) -> list[AuditRecord]:
        """Return the records of one request: its own, and those of calls that services made on its behalf."""
        received = time_of_request_id(request_id)
        if received is None:
            return []
        at = received.timestamp()
        slack = REQUEST_TIME_SLACK_MS / 1000
        return await self.records(at - slack, at + slack, request_id)


def _entry_of(record: AuditRecord) -> Entry:
    return record.at, _ENCODE(record)


def _record_of(call: "Call", answer: Answer | None, error: AwsError | None) -> AuditRecord:
    origin, operation = call.origin, call.operation
    model = operation.model
    return AuditRecord(
        int(origin.received_at * 1000),
        origin.request_id,
        operation.service.name,
        operation.service.event_source,
        operation.name,
        call.serving_region,
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
        None if error is None else without_encoded_message(error.message),
        _resources_of(call, error),
        call.reason,
        call.via,
        None,
        call.number,
        _additional(call) if operation.service.name == "s3" else call.additional,
    )


_AUTHENTICATION = {"REST-HEADER": "AuthHeader", "REST-QUERY-STRING": "QueryString", "POST": "HtmlForm"}


def _additional(call: "Call") -> dict[str, Any] | None:
    """Return what S3's events tell besides: how the request was signed and how many bytes went which way."""
    signed = call.origin.authentication
    if call.called_via or not signed.kind:
        return call.additional
    told = {"SignatureVersion": "SigV4", "AuthenticationMethod": _AUTHENTICATION.get(signed.kind, signed.kind)}
    if call.origin.tls_cipher is not None:
        told["CipherSuite"] = call.origin.tls_cipher
    return {**told, "bytesTransferredIn": 0, "bytesTransferredOut": 0, **(call.additional or {})}


def _resources_of(call: "Call", error: AwsError | None) -> tuple[Resource, ...]:
    named = tuple([each.audited for each in call.requirements if each.audited is not None])
    return named + call.made if call.made and error is None else named
