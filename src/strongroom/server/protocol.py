"""One connection: HTTP/1.1 as httptools parses it, with limits and deadlines of our own.

Nothing here costs a timer or a clock reading per request: a sweep once a second (`listeners`) looks at every connection
and closes what waits too long, so deadlines are a second coarse.

What arrives is read into memory that is there already: into one room that all connections share, out of which the
parser takes heads and small bodies; and a large body, whose length is known, into rooms that are handed on as they are
(`large_body`), past the parser.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import httptools

from strongroom.server.exchange import Exchange
from strongroom.server.large_body import LargeBody, length_of
from strongroom.server.peer import Peer, peer_of

Application = Callable[[Exchange], Coroutine[Any, Any, None]]

ROOM_BYTES = 65_536
"""How much is read at once of heads and small bodies."""

UNREAD_BYTES_MAX = 65_536
"""How much of a body may wait for its reader before no more is read."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What one peer may cost us before any service has a say.

    A request head is bounded in bytes and header count, and must arrive whole within `head_seconds_max`. A body may
    pause for `body_patience_seconds_max`, and every `body_bytes_per_second_min` bytes received earn another second up
    to that. `discarded_bytes_max` is how much of a body is read on after an early answer, so that a client that first
    sends all and then listens still gets to read a refusal.
    """

    connections_max: int = 4_096
    target_bytes_max: int = 16_384
    head_bytes_max: int = 65_536
    headers_max: int = 200
    head_seconds_max: int = 10
    keep_alive_seconds_max: int = 75
    body_patience_seconds_max: int = 20
    body_bytes_per_second_min: int = 4_096
    write_stall_seconds_max: int = 60
    discarded_bytes_max: int = 67_108_864


class DoorState:
    """What all connections of all listeners share: the limits, who is connected, and what was refused, by status.

    `tasks` are the requests under way. `date_line` is the header that every answer begins with. `emptied` is set when
    the last connection closes after `is_draining` was set. One door belongs to one event loop.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self.connections: set[Connection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.total_requests = 0
        self.refusals: Counter[int] = Counter()
        self.is_draining = False
        self.emptied = asyncio.Event()
        self.date_line = b""
        self.room = memoryview(bytearray(ROOM_BYTES))


# What a connection waits for. Plain integers: they are compared on every request.
IDLE, HEAD, BODY = 0, 1, 2


class Connection(asyncio.BufferedProtocol):
    """An HTTP/1.1 server connection with limits; refusals of its own are short plain-text answers, then it closes."""

    transport: asyncio.Transport
    peer: Peer

    def __init__(self, application: Application, door: DoorState, loop: asyncio.AbstractEventLoop) -> None:
        self.door = door
        self.loop = loop
        self.write_paused = False
        self._application = application
        self._limits = door.limits
        self._room = door.room
        self._parser = _new_parser(self)
        self._exchange = self._answering = _nothing_asked(self)
        """The newest request and its answer; and the one that the application has begun with last."""
        self._waiting: deque[Exchange] = deque()
        """Requests that came before an earlier one was answered."""
        self._large: LargeBody | None = None
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._read_paused = False
        self._writable: asyncio.Future[None] | None = None
        self._phase = IDLE
        self._seconds = 0
        self._message_complete = True
        self._refused = False
        self._refusal = HTTPStatus.BAD_REQUEST
        self._chunk_bytes = 0
        self._head_bytes = self._head_first_bytes = 0
        self._is_all_head = False
        self._body_patience_seconds = 0.0
        self._body_bytes = 0
        self._received_bytes = 0
        self._discarded_bytes = 0
        self._stalled_seconds = 0

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note who is there and over what, or answer 503 when there are already too many connections."""
        # uvloop's transports are no subclass of it.
        self.transport = cast(asyncio.Transport, transport)
        self.peer = peer_of(self.transport)
        self.door.connections.add(self)
        if len(self.door.connections) > self._limits.connections_max or self.door.is_draining:
            self.refuse(HTTPStatus.SERVICE_UNAVAILABLE)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection, and tell whoever reads from it or writes to it."""
        self.door.connections.discard(self)
        for exchange in (self._answering, self._exchange):
            if not exchange.response_complete:
                exchange.disconnect()
        self.resume_writing()
        if exc is None:
            self.transport.close()
        self._parser = self._large = None
        if self.door.is_draining and not self.door.connections:
            self.door.emptied.set()

    def pause_writing(self) -> None:
        """Have writers wait: the peer reads more slowly than they write."""
        self.write_paused = True

    def resume_writing(self) -> None:
        """Have writers go on."""
        self.write_paused = False
        if self._writable is not None:
            if not self._writable.done():
                self._writable.set_result(None)
            self._writable = None

    async def writable(self) -> None:
        """Return when more may be written, or nobody is there any more."""
        while self.write_paused:
            if self._writable is None:
                self._writable = self.loop.create_future()
            # Shielded: one writer that is cancelled must not wake another.
            await asyncio.shield(self._writable)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where to put what arrives next."""
        large = self._large
        return self._room if large is None else large.room()

    def buffer_updated(self, nbytes: int) -> None:
        """Feed the parser; refuse what is not HTTP/1.1 or exceeds the limits of a request head."""
        if self._refused:
            return
        self._body_bytes += nbytes
        if self._large is not None:
            self._take_large(self._large, nbytes)
            return
        self._chunk_bytes = nbytes
        self._is_all_head = True
        try:
            self._parser.feed_data(self._room[:nbytes])
        except httptools.HttpParserUpgrade:
            # No other protocol is spoken here, and what follows cannot be told from a request: answer, then close.
            self._close_after_answer()
        except httptools.HttpParserError:
            self.refuse(self._refusal)
        else:
            # What frames the chunks of a body, and the trailers behind it, are bounded like a head.
            if self._phase != IDLE and self._is_all_head:
                self._head_bytes += nbytes
                if self._head_bytes > self._limits.head_bytes_max:
                    self.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    # What the parser tells. An exception raised here comes back out of `feed_data` as an HttpParserError.

    def on_message_begin(self) -> None:
        """Start the clock and the count of a request head."""
        self._target = b""
        self._headers = []
        self._phase = HEAD
        self._seconds = 0
        # What comes before the head in the same chunk may be a body, so that these bytes are the most that are its.
        self._head_first_bytes = self._chunk_bytes
        self._head_bytes = 0
        self._is_all_head = False
        self._message_complete = False

    def on_url(self, url: bytes) -> None:
        """Take (a part of) the request target; refuse a long one with 414."""
        self._target += url
        if len(self._target) > self._limits.target_bytes_max:
            self._refusal = HTTPStatus.REQUEST_URI_TOO_LONG
            raise ValueError("request target too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header. Trailers of a chunked body come here too, when its head is gone: they are never looked at."""
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Check the head as a whole, then let the application begin."""
        limits, headers, parser = self._limits, self._headers, self._parser
        self._headers = []
        if len(headers) > limits.headers_max or (
            self._head_first_bytes + self._head_bytes + self._chunk_bytes > limits.head_bytes_max
            and sum(len(name) + len(value) + 4 for name, value in headers) > limits.head_bytes_max
        ):
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise ValueError("request head too large")
        keep_alive = parser.should_keep_alive() and parser.get_http_version() != "1.0"
        exchange = Exchange(self, parser.get_method().decode(), *_split(self._target), headers, keep_alive)
        self._phase = BODY
        self._body_patience_seconds = limits.body_patience_seconds_max
        self._body_bytes = 0
        self._received_bytes = 0
        self._discarded_bytes = 0
        before, self._exchange = self._exchange, exchange
        if before.response_complete:
            self._start(exchange)
        else:
            self._pause_reading()
            self._waiting.append(exchange)

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body for whoever reads it, or drop it when the answer was already given."""
        self._is_all_head = False
        self._head_bytes = 0
        exchange = self._exchange
        if exchange.response_complete:
            self._discard(len(body))
            return
        self._received_bytes += len(body)
        exchange.add(body)
        if exchange.unread_bytes > UNREAD_BYTES_MAX:
            self._pause_reading()

    def on_message_complete(self) -> None:
        """End the body; the connection waits for the application, or for the next request."""
        self._exchange.end()
        self._message_complete = True
        self._phase = IDLE
        self._seconds = 0

    # A large body.

    def expect_large(self, exchange: Exchange) -> None:
        """Read what is to come of a request's body past the parser, when it is much: somebody asks for it."""
        if self._large is not None or exchange is not self._exchange or self._refused or self._parser.should_upgrade():
            return
        left = length_of(exchange.headers) - self._received_bytes
        if left >= ROOM_BYTES:
            self._large = LargeBody(exchange, left, self._room)

    def read_on(self) -> None:
        """Read what arrives next: the reader of a body has nothing more."""
        self._resume_reading()

    def _take_large(self, large: LargeBody, size: int) -> None:
        exchange = large.exchange
        if exchange.response_complete:
            large.skip(size)
            self._discard(size)
        elif large.take(size) and large.left:
            self._pause_reading()
        if not large.left:
            # The parser has not seen this body and waits for it for ever.
            self._large, self._parser = None, _new_parser(self)
            self.on_message_complete()

    def _discard(self, size: int) -> None:
        self._discarded_bytes += size
        if self._discarded_bytes > self._limits.discarded_bytes_max:
            self._refused = True
            self.transport.close()

    # What the application's answer tells.

    def _start(self, exchange: Exchange) -> None:
        self._answering = exchange
        exchange.task = self.loop.create_task(self._application(exchange))
        self.door.tasks.add(exchange.task)

    def answered(self) -> None:
        """Start the next request that waits on this connection. The sweep closes it when none comes."""
        self.door.total_requests += 1
        if self.transport.is_closing():
            return
        self._seconds = 0
        self._resume_reading()
        if self._waiting:
            self._start(self._waiting.popleft())

    def shutdown(self) -> None:
        """Close the connection as soon as what is under way is answered."""
        if self._exchange.response_complete:
            self.transport.close()
        else:
            self._exchange.keep_alive = False

    def _pause_reading(self) -> None:
        if not self._read_paused:
            self._read_paused = True
            self.transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._read_paused:
            self._read_paused = False
            self.transport.resume_reading()

    # What the sweep and the sentry do.

    def sweep(self) -> None:
        """Close the connection if it has waited too long for its peer. Called once a second."""
        self._seconds += 1
        if self.write_paused or self.transport.is_closing():
            self._stalled_seconds += 1
            if self._stalled_seconds > self._limits.write_stall_seconds_max:
                self.transport.abort()
            return
        self._stalled_seconds = 0
        if self._read_paused or self._refused:
            return
        if self._phase == BODY:
            self._sweep_body()
        elif self._phase == HEAD:
            if self._seconds > self._limits.head_seconds_max:
                self.refuse(HTTPStatus.REQUEST_TIMEOUT)
        elif self._is_idle() and self._seconds > self._idle_seconds_max():
            self.transport.close()

    def _idle_seconds_max(self) -> int:
        is_first = not self._exchange.method
        return self._limits.head_seconds_max if is_first else self._limits.keep_alive_seconds_max

    def _sweep_body(self) -> None:
        limits = self._limits
        if self._large is not None and not self._body_bytes:
            # A client may wait for an answer to what it has sent so far.
            self._large.hand_over()
        earned_seconds = self._body_bytes / limits.body_bytes_per_second_min
        self._body_bytes = 0
        self._body_patience_seconds = min(
            self._body_patience_seconds - 1 + earned_seconds, limits.body_patience_seconds_max
        )
        if self._body_patience_seconds < 0:
            self.refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _is_idle(self) -> bool:
        return self._message_complete and self._exchange.response_complete

    def _close_after_answer(self) -> None:
        self._refused = True
        if self._is_idle():
            self.transport.close()
        else:
            self._exchange.keep_alive = False

    def refuse(self, status: HTTPStatus) -> None:
        """Answer `status` in plain text and close the connection, or only close it if another answer is due first."""
        self._refused = True
        self.door.refusals[status] += 1
        exchange = self._exchange
        if not exchange.response_complete:
            if self._phase != BODY or self._waiting:
                # The request that is refused came after one that is being answered, and that answer is still owed.
                exchange.keep_alive = False
                return
            # The application learns that nobody listens any more; what it still sends is dropped.
            exchange.disconnect()
        if self._phase != BODY or not exchange.response_started:
            text = f"{status.phrase}\n".encode()
            self.transport.write(
                b"HTTP/1.1 %d %s\r\ncontent-type: text/plain\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s"
                % (status, status.phrase.encode(), len(text), text)
            )
        self.transport.close()


def _nothing_asked(connection: Connection) -> Exchange:
    """Return what stands for the request before the first one: it is answered."""
    nothing = Exchange(connection, "", b"", b"", [], keep_alive=True)
    nothing.more_body, nothing.response_complete = False, True
    return nothing


def _new_parser(connection: Connection) -> Any:
    parser = httptools.HttpRequestParser(connection)
    # A request behind one that says `Connection: close` is read, and gets no answer; it is no error of the first one.
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


def _split(target: bytes) -> tuple[bytes, bytes]:
    """Return path and query of a request target. Raises httptools' error, or UnicodeDecodeError, for what is none."""
    if target.startswith(b"/") and b"#" not in target and target.isascii():
        path, _, query = target.partition(b"?")
        return path, query
    parsed = httptools.parse_url(target)
    parsed.path.decode("ascii")
    return parsed.path, parsed.query or b""
