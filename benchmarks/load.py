"""The load generator: a few keep-alive connections that each send the next request when its answer has come.

It looks at every answer: status 200, a body of the announced length, and the bytes that a right answer must hold. The
latest body to each request is kept, so that some can be decrypted afterwards. A connection that the server closes after
its answer is opened again, as a client would.
"""

import asyncio
import ssl
import time
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import uvloop

from benchmarks.signed import Pool

HEAD_BYTES_MAX = 16_384
DRAIN_SECONDS_MAX = 20.0
HEARING_SECONDS = 0.01


class WrongAnswerError(Exception):
    """A server gave an answer that was not right, so that its figures mean nothing."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of the load generator sent and got. `seconds` lasts from the first request to the last answer."""

    requests: int
    seconds: float
    connections_opened: int
    bodies: list[bytes]


class _Client:
    """One client, with one request under way at a time, over one connection after another."""

    def __init__(self, load: "Load", first: int, step: int) -> None:
        self.load = load
        self.index = first
        self.step = step
        self.connection: _Connection | None = None
        self.is_busy = False

    def send(self) -> None:
        """Send the next request of the pool, over a new connection when the server has closed the old one."""
        self.is_busy = True
        self.index = (self.index + self.step) % len(self.load.pool.wire)
        if self.connection is None:
            self.load.connect(self)
        else:
            self.connection.transport.write(self.load.pool.wire[self.index])


class _Connection(asyncio.Protocol):
    """Bytes from the server, cut into answers."""

    transport: asyncio.Transport

    def __init__(self, client: _Client) -> None:
        self.client = client
        self.pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request that the connection was opened for."""
        self.transport = cast(asyncio.Transport, transport)
        self.client.connection = self
        self.transport.write(self.client.load.pool.wire[self.client.index])

    def data_received(self, data: bytes) -> None:
        """Take an answer when all of it is here."""
        if self.pending:
            data = self.pending + data
        load = self.client.load
        end = data.find(b"\r\n\r\n")
        if end < 0:
            if len(data) > HEAD_BYTES_MAX:
                load.fail(f"{len(data)} bytes without an end of the headers")
            self.pending = data
            return
        head = data[: end + 2].lower()
        at = head.find(b"\r\ncontent-length:")
        if at < 0:
            load.fail(f"no content length: {data[:200]!r}")
            return
        body = data[end + 4 :]
        length = int(head[at + 17 : head.index(b"\r", at + 2)])
        if len(body) < length:
            self.pending = data
            return
        self.pending = b""
        self.client.is_busy = False
        if b"\r\nconnection: close" in head:
            self.client.connection = None
            self.transport.close()
        load.take(self.client, data[9:12], body, len(body) == length)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail when the server hangs up on a request; between requests it may."""
        if self.client.connection is self:
            self.client.connection = None
            if self.client.is_busy:
                self.client.load.fail(f"the connection broke in the middle of a request: {exc}")


class Load:
    """Connections to one server, which run one pool of requests after another. Not for use by two threads.

    `stays_awake` is for a load generator that has a core of its own: waking a sleeping process on another core costs
    the one who wakes it, above all in a virtual machine, and a client on another machine would not need it.
    """

    def __init__(
        self, endpoint: str, pool: Pool, *, connections: int, stays_awake: bool = False, ca_bundle: str | None = None
    ) -> None:
        address = urlsplit(endpoint)
        self.host = address.hostname or ""
        self.port = address.port or 0
        self.tls = ssl.create_default_context(cafile=ca_bundle) if address.scheme == "https" else None
        self.pool = pool
        self.stays_awake = stays_awake
        self.loop = uvloop.new_event_loop()
        self.bodies = [b""] * len(pool.wire)
        self.connections_opened = 0
        self.remaining = 0
        self.deadline = 0.0
        self.finished = 0
        self.done: asyncio.Future[None] = self.loop.create_future()
        self.opening: set[asyncio.Task[object]] = set()
        self.clients = [_Client(self, first, connections) for first in range(connections)]

    def use(self, pool: Pool) -> None:
        """Send the requests of `pool` from now on."""
        self.pool = pool
        self.bodies = [b""] * len(pool.wire)

    def run(self, *, seconds: float = 0.0, requests_max: int = 0) -> Run:
        """Send for `seconds` (when that is zero: `requests_max` in all), wait for every answer, and return the count.

        Raises WrongAnswerError when an answer was not right, a connection broke, or answers stopped coming.
        """
        return self.loop.run_until_complete(self._run(seconds, requests_max))

    async def _run(self, seconds: float, requests_max: int) -> Run:
        self.done = self.loop.create_future()
        self.finished = self.connections_opened = 0
        self.remaining = requests_max if requests_max else 1 << 60
        # Servers close connections that idle: hear of it before the first request goes into one of those.
        await asyncio.sleep(HEARING_SECONDS)
        begin = time.perf_counter()
        self.deadline = begin + (seconds or DRAIN_SECONDS_MAX)
        for client in self.clients:
            self._next(client)
        if self.stays_awake:
            self._stay_awake()
        try:
            async with asyncio.timeout(seconds + DRAIN_SECONDS_MAX):
                await self.done
        except TimeoutError:
            raise WrongAnswerError(f"{self.host}:{self.port} stopped answering {self.pool.operation}") from None
        return Run(self.finished, time.perf_counter() - begin, self.connections_opened, self.bodies)

    def _stay_awake(self) -> None:
        """Never wait for answers asleep: what it takes to wake a client up again would be the server's CPU time."""
        if not self.done.done():
            self.loop.call_soon(self._stay_awake)

    def _next(self, client: _Client) -> None:
        if self.remaining > 0 and time.perf_counter() < self.deadline:
            self.remaining -= 1
            client.send()
        elif not self.done.done() and not any(other.is_busy for other in self.clients):
            self.done.set_result(None)

    def connect(self, client: _Client) -> None:
        """Open a connection; the client's request goes out when it stands."""
        self.connections_opened += 1
        opening: asyncio.Task[object] = self.loop.create_task(self._connect(client))
        self.opening.add(opening)
        opening.add_done_callback(self.opening.discard)

    async def _connect(self, client: _Client) -> None:
        try:
            await self.loop.create_connection(lambda: _Connection(client), self.host, self.port, ssl=self.tls)
        except OSError as error:
            self.fail(f"no connection to {self.host}:{self.port}: {error}")

    def take(self, client: _Client, status: bytes, body: bytes, is_whole: bool) -> None:
        """Check one answer and let its client go on."""
        index = client.index
        if status != b"200" or not is_whole or self.pool.contents[index] not in body:
            self.fail(f"{self.pool.operation} answered {status.decode(errors='replace')}: {body[:300]!r}")
            return
        self.bodies[index] = body
        self.finished += 1
        self._next(client)

    def fail(self, reason: str) -> None:
        """End the run: figures that hold a wrong answer are none."""
        if not self.done.done():
            self.done.set_exception(WrongAnswerError(reason))

    def close(self) -> None:
        """Hang up and end the event loop."""
        for client in self.clients:
            client.is_busy = False
            if client.connection is not None:
                client.connection.transport.abort()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()
