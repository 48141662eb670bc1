"""The log of a build: its lines, with every secret masked, to CloudWatch Logs and to S3 as the service role.

Source: AWS CodeBuild User Guide, "Monitor builds", "LogsConfig"; CloudWatch Logs API Reference, PutLogEvents.
"""

import asyncio
import codecs
import contextlib
import zlib
from collections.abc import AsyncIterator, Iterable
from typing import Any

import structlog

from strongroom.base.clock import Clock, as_datetime
from strongroom.base.errors import AwsError
from strongroom.services.codebuild.masking import Masker
from strongroom.services.codebuild.running.failures import ACCESS_DENIED, CLIENT_ERROR, PhaseFailed
from strongroom.services.codebuild.service_role import ServiceRole

FLUSH_SECONDS = 0.5
BATCH_EVENTS_MAX, BATCH_BYTES_MAX, EVENT_BYTES = 10_000, 1_000_000, 26
LINE_CHARACTERS_MAX = 60_000
WAITING_BYTES_MAX = 1_000_000
STORED_BYTES_MAX = 64 * 1024 * 1024
_GZIP_WBITS = 31

_log = structlog.get_logger("strongroom.codebuild")


class BuildLog:
    """The log of one build. Until `open` has found where it goes, lines wait.

    Nothing leaves it, and nothing of it is kept, but with the values masked that it was told of before.
    """

    def __init__(
        self,
        role: ServiceRole,
        clock: Clock,
        place: tuple[str, str] | None,
        stored: tuple[str, str] | None,
    ) -> None:
        """`place` is a log group and a stream, `stored` a bucket and a key; None for what is not wanted."""
        self._role = role
        self._clock = clock
        self._place = place
        self._stored = stored
        self._values: set[str] = set()
        self._masker = Masker(())
        # A character may come in two pieces.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._partial = ""
        self._events: list[dict[str, Any]] = []
        self._bytes = 0
        self._last_at = 0
        self._compressor = zlib.compressobj(6, zlib.DEFLATED, _GZIP_WBITS)
        self._compressed = bytearray()
        self._flushing = asyncio.Lock()
        self._flusher: asyncio.Task[None] | None = None
        self.is_open = False

    def mask(self, values: Iterable[str]) -> None:
        """Have more values masked from now on."""
        added = {value for value in values if value} - self._values
        if added:
            self._append(self._masker.close())
            self._values |= added
            self._masker = Masker(self._values)

    def masker(self) -> Masker:
        """Return what masks the values in something else than the log."""
        return Masker(self._values)

    def masked(self, text: str) -> str:
        """Return a text with the values masked."""
        masker = self.masker()
        return (masker.feed(text.encode(errors="replace")) + masker.close()).decode(errors="replace")

    def tell(self, text: str) -> None:
        """Add a line of CodeBuild's own."""
        self._end_line()
        at = as_datetime(self._clock.now())
        self._append(f"[Container] {at:%Y/%m/%d %H:%M:%S.%f} {self.masked(text)}\n".encode())

    async def take(self, output: bytes) -> None:
        """Add what a command printed. Waits while too much is on its way."""
        self._append(self._masker.feed(output))
        if self._bytes > WAITING_BYTES_MAX and self.is_open:
            await self.flush()

    def end_output(self) -> None:
        """Say that what comes next was not printed by the same command."""
        self._append(self._masker.close())

    def _end_line(self) -> None:
        self.end_output()
        self._partial += self._decoder.decode(b"", final=True)
        if self._partial:
            self._append(b"\n")

    def _append(self, shown: bytes) -> None:
        if not shown:
            return
        *lines, self._partial = (self._partial + self._decoder.decode(shown)).split("\n")
        for line in lines:
            self._add(line + "\n")
        while len(self._partial) > LINE_CHARACTERS_MAX:
            self._add(self._partial[:LINE_CHARACTERS_MAX])
            self._partial = self._partial[LINE_CHARACTERS_MAX:]

    def _add(self, line: str) -> None:
        if self._stored is not None and len(self._compressed) < STORED_BYTES_MAX:
            self._compressed += self._compressor.compress(line.encode())
        if self._place is None:
            return
        self._last_at = max(self._last_at, int(self._clock.now() * 1000))
        for begin in range(0, len(line), LINE_CHARACTERS_MAX):
            piece = line[begin : begin + LINE_CHARACTERS_MAX]
            self._events.append({"timestamp": self._last_at, "message": piece})
            self._bytes += len(piece.encode()) + EVENT_BYTES

    async def open(self) -> None:
        """Make the log stream, and the log group where there is none. Raises PhaseFailed."""
        if self._place is not None:
            group, stream = self._place
            try:
                try:
                    await self._logs("CreateLogStream", logGroupName=group, logStreamName=stream)
                except AwsError as error:
                    if error.code != "ResourceNotFoundException":
                        raise
                    with contextlib.suppress(_AlreadyThere):
                        await self._logs("CreateLogGroup", logGroupName=group)
                    await self._logs("CreateLogStream", logGroupName=group, logStreamName=stream)
            except _AlreadyThere:
                pass
            except AwsError as error:
                raise PhaseFailed(
                    ACCESS_DENIED if "AccessDenied" in error.code else CLIENT_ERROR,
                    f"Service role {self._role.role_arn} does not allow AWS CodeBuild to create Amazon CloudWatch "
                    f"Logs log streams. Error message: {error.message}",
                ) from None
        self.is_open = True
        self._flusher = asyncio.get_running_loop().create_task(self._flush_now_and_then())

    async def _logs(self, name: str, **params: Any) -> None:
        try:
            await self._role.perform("logs", name, params)
        except AwsError as error:
            if error.code == "ResourceAlreadyExistsException":
                raise _AlreadyThere from None
            raise

    async def _flush_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Send the lines that wait. What CloudWatch Logs refuses is lost, and the server's own log says so."""
        async with self._flushing:
            while self._events and self._place is not None:
                batch = self._next_batch()
                group, stream = self._place
                try:
                    await self._logs("PutLogEvents", logGroupName=group, logStreamName=stream, logEvents=batch)
                except AwsError as error:
                    _log.warning("lines of a build's log were refused", log_group=group, code=error.code)

    def _next_batch(self) -> list[dict[str, Any]]:
        size = count = 0
        for event in self._events[:BATCH_EVENTS_MAX]:
            size += len(event["message"].encode()) + EVENT_BYTES
            if size > BATCH_BYTES_MAX and count:
                size -= len(event["message"].encode()) + EVENT_BYTES
                break
            count += 1
        batch, self._events = self._events[:count], self._events[count:]
        self._bytes -= size
        return batch

    async def close(self, encryption: dict[str, Any]) -> None:
        """Send what is left, and store the whole in S3 where that is wanted. Raises PhaseFailed when S3 refuses it.

        `encryption` are the members of PutObject that say how it is encrypted.
        """
        self._end_line()
        if self._flusher is not None:
            # Never in the middle of sending: what is on its way would be lost.
            async with self._flushing:
                self._flusher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._flusher
        if self.is_open:
            await self.flush()
        if self._stored is not None:
            bucket, key = self._stored
            content = bytes(self._compressed + self._compressor.flush())
            params = {
                "Bucket": bucket,
                "Key": key,
                "Body": _chunks(content),
                "ContentLength": len(content),
                "ContentType": "text/plain",
                "ContentEncoding": "gzip",
            }
            try:
                await self._role.s3("PutObject", params | encryption)
            except AwsError as error:
                raise PhaseFailed(CLIENT_ERROR, f"Error uploading logs to S3: {error.code}: {error.message}") from None


class _AlreadyThere(Exception):  # noqa: N818 (it says what is so)
    pass


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content
