"""The log stream of an execution environment: events wait for a moment, and are written with the role's permission.

A function whose role may not write has no log, and runs all the same. Source: AWS Lambda Developer Guide, "Sending
Lambda function logs to CloudWatch Logs".
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Any

import structlog

from strongroom.base.clock import as_datetime
from strongroom.base.errors import AwsError
from strongroom.crypto.random import random_bytes
from strongroom.operations.house import House
from strongroom.operations.perform import perform
from strongroom.services.lambda_.execution_role import running_as
from strongroom.services.lambda_.function_version import FunctionVersion
from strongroom.services.lambda_.invocation.role_session import internal_origin
from strongroom.storage.errors import StorageUnavailable

WAIT_SECONDS = 0.25
"""How long the first event waits for others."""
WAITING_BYTES_MAX = 8 * 1024 * 1024
"""Of events that wait for CloudWatch Logs. What a function prints beyond that is left out, and the log says so."""

BATCH_BYTES_MAX = 1_048_576
BATCH_EVENTS_MAX = 10_000
BATCH_SECONDS_MAX = 23 * 60 * 60
BYTES_PER_EVENT = 26
"""Source: CloudWatch Logs API Reference, PutLogEvents."""

REFUSED_SECONDS = 20.0
"""For how long it is not tried again to write to a log that the role may not write to."""

Event = tuple[int, str]
"""The real time in milliseconds, and the message."""

_log = structlog.get_logger("strongroom.lambda")


def stream_name(version: FunctionVersion, now: float) -> str:
    """Return the name of a new environment's log stream: `2026/11/30/[$LATEST]0123...`."""
    return f"{as_datetime(now):%Y/%m/%d}/[{version.version}]{random_bytes(16).hex()}"


class LogStream:
    """Events of one execution environment on their way to CloudWatch Logs."""

    def __init__(self, house: House, version: FunctionVersion) -> None:
        self.name = stream_name(version, house.clock.now())
        self._house = house
        self._version = version
        self._lock = asyncio.Lock()
        self._events: list[Event] = []
        self._bytes = 0
        self._left_out = 0
        self._is_made = False
        self._refused_until = 0.0
        self._writing: asyncio.Task[None] | None = None

    def add(self, milliseconds: int, message: str) -> None:
        """Take an event of a real time. Nothing waits for it."""
        if not message:
            return
        size = len(message.encode()) + BYTES_PER_EVENT
        if self._bytes + size > WAITING_BYTES_MAX:
            self._left_out += 1
            return
        self._bytes += size
        self._events.append((milliseconds, message))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write_soon())

    async def flush(self) -> None:
        """Write all that is there, and return when it is written, or cannot be."""
        writing = self._writing
        if writing is not None:
            # It ends its wait; a batch that it has begun is written all the same.
            writing.cancel()
        await self._write()

    async def _write_soon(self) -> None:
        await asyncio.sleep(WAIT_SECONDS)
        await asyncio.shield(self._write())

    async def _write(self) -> None:
        async with self._lock:
            while self._events:
                events, self._events = self._events, []
                self._bytes = 0
                if self._left_out:
                    events.append((events[-1][0], f"{self._left_out} messages were left out: too many at once.\n"))
                    self._left_out = 0
                if time.monotonic() >= self._refused_until:
                    await self._write_all(events)

    async def _write_all(self, events: list[Event]) -> None:
        # Two clocks tell the times: the function's for messages, the server's for what it says itself.
        events.sort(key=lambda event: event[0])
        # The house's clock may be moved at any time; by it, too, an event has just happened.
        clock = self._house.clock
        ahead = int((clock.now() - clock.wall()) * 1000)
        try:
            for batch in batches([(milliseconds + ahead, message) for milliseconds, message in events]):
                await self._put(batch)
        except (AwsError, StorageUnavailable) as error:
            self._refused_until = time.monotonic() + REFUSED_SECONDS
            self._is_made = False
            if not isinstance(error, AwsError) or error.status >= 500:
                _log.warning("a function's log was not written", function=self._version.name, reason=str(error))

    async def _put(self, batch: Sequence[Event]) -> None:
        events = [{"timestamp": timestamp, "message": message} for timestamp, message in batch]
        for _ in range(2):
            if not self._is_made:
                await self._make()
            try:
                await self._call("PutLogEvents", logEvents=events)
                return
            except AwsError as error:
                # Somebody deleted the stream, or the log group with it.
                if error.code != "ResourceNotFoundException":
                    raise
                self._is_made = False

    async def _make(self) -> None:
        try:
            await self._call_if_missing("CreateLogStream")
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise
            await self._call_if_missing("CreateLogGroup")
            await self._call_if_missing("CreateLogStream")
        self._is_made = True

    async def _call_if_missing(self, operation: str) -> None:
        try:
            await self._call(operation)
        except AwsError as error:
            if error.code != "ResourceAlreadyExistsException":
                raise

    async def _call(self, operation: str, **params: Any) -> None:
        caller = await running_as(self._house, self._version.role_arn, self._version.name)
        if caller is None:
            raise AwsError("AccessDeniedException", "The function's execution role is gone.", 403)
        named = {"logGroupName": self._version.log_group}
        if operation != "CreateLogGroup":
            named["logStreamName"] = self.name
        await perform(
            self._house,
            "logs",
            operation,
            named | params,
            caller=caller,
            origin=internal_origin(self._house.clock),
            region=self._version.region,
        )


def batches(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    """Return events, in the order of their times, in batches that PutLogEvents takes."""
    batch: list[Event] = []
    size = 0
    for event in events:
        own = len(event[1].encode()) + BYTES_PER_EVENT
        if batch and (
            size + own > BATCH_BYTES_MAX
            or len(batch) >= BATCH_EVENTS_MAX
            or event[0] - batch[0][0] > BATCH_SECONDS_MAX * 1000
        ):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += own
    if batch:
        yield batch
