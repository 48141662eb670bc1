"""One request and its answer, as the connection hands them to the application.

The usual answer is in one piece, and is written at once (`answer_at_once`). What is not usual (a stream, HEAD, a slow
reader) goes out in parts, through `begin_answer`, `add_to_answer` and `end_answer`.
"""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import TYPE_CHECKING

from strongroom.base.buffer import Buffer
from strongroom.base.errors import AwsError
from strongroom.wire.http import Headers, HttpResponse

if TYPE_CHECKING:
    from strongroom.server.protocol import Connection

_BODILESS = frozenset({204, 304})
_LENGTH = b"content-length"


def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


_STATUS_LINES = {status: _status_line(status) for status in range(100, 600)}


class Exchange:
    """One request, of which the head has arrived, and its answer, of which nothing is written yet.

    `path` and `query` are as sent, still percent-encoded; `headers` are pairs with names in lower case. `unread_bytes`
    are those of the body that nobody has taken. `disconnected` is true once nobody listens to the answer any more.
    `left_bytes` is what is still to be sent of an answer that said how long it is, None for one that did not. `task` is
    the application's, which calls `leave` at its end.
    """

    # What is so at first for every request costs nothing to make: it is kept with the class until it changes.
    disconnected = False
    is_continued = False
    response_started = False
    response_complete = False
    more_body = True
    unread_bytes = 0
    left_bytes: int | None = None
    task: asyncio.Task[None]
    _awaited: asyncio.Future[None] | None = None

    def __init__(
        self, connection: "Connection", method: str, path: bytes, query: bytes, headers: Headers, keep_alive: bool
    ) -> None:
        self.connection = connection
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.keep_alive = keep_alive
        self._pieces: list[Buffer] = []

    # What the connection tells.

    def add(self, piece: Buffer) -> None:
        """Take a part of the body, which is its reader's from now on."""
        self._pieces.append(piece)
        self.unread_bytes += len(piece)
        if self._awaited is not None:
            self._wake()

    def end(self) -> None:
        """Note that the body has arrived whole."""
        self.more_body = False
        if self._awaited is not None:
            self._wake()

    def disconnect(self) -> None:
        """Note that nobody listens any more."""
        self.disconnected = True
        if self._awaited is not None:
            self._wake()

    def _wake(self) -> None:
        awaited, self._awaited = self._awaited, None
        if awaited is not None and not awaited.done():
            awaited.set_result(None)

    # What the application asks.

    def take(self) -> list[Buffer]:
        """Return the parts of the body that have arrived since it was asked last."""
        pieces, self._pieces = self._pieces, []
        self.unread_bytes = 0
        return pieces

    async def news(self) -> None:
        """Return when more of the body is here, all of it is, or the client is gone."""
        self._awaited = self.connection.loop.create_future()
        await self._awaited

    @property
    def waits_to_be_told(self) -> bool:
        """Whether the client will not send its body before it is told to continue."""
        return (
            self.more_body
            and not self.is_continued
            and any(name == b"expect" and value.lower() == b"100-continue" for name, value in self.headers)
        )

    def leave(self) -> None:
        """Note that the application is done with it.

        Where not all is answered, the connection is cut: the one way left to tell that an answer is not whole.
        """
        if not self.response_complete and not self.disconnected:
            self.connection.transport.close()
        self.connection.door.tasks.discard(self.task)


def body_at_hand(exchange: Exchange) -> bytes | None:
    """Return the whole body of the request if it has arrived, else None. It is taken once."""
    if exchange.more_body or exchange.disconnected:
        return None
    return b"".join(exchange.take())


async def arriving_body(exchange: Exchange) -> AsyncIterator[Buffer]:
    """Yield the body as it arrives, and not before somebody asks for it where the client waits for that.

    Raises AwsError `RequestTimeout` when the client went away or was too slow.
    """
    connection = exchange.connection
    if exchange.waits_to_be_told and not connection.transport.is_closing():
        exchange.is_continued = True
        connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    while True:
        if exchange.disconnected or exchange.response_complete:
            raise AwsError("RequestTimeout", "The request body did not arrive in time.", 408)
        is_all = not exchange.more_body
        if not is_all:
            connection.expect_large(exchange)
        pieces = exchange.take()
        if pieces:
            # Many small pieces would take more room than what is in them.
            yield pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if is_all:
            return
        if not exchange.unread_bytes and exchange.more_body:
            connection.read_on()
            await exchange.news()


def answer_at_once(exchange: Exchange, response: HttpResponse) -> bool:
    """Write the answer in one piece; False, with nothing done, when it has to go the ordinary way.

    Raises ValueError, with nothing written, for a header that would break the head apart.
    """
    body, status = response.body, response.status
    connection = exchange.connection
    if (
        not isinstance(body, bytes)
        or status in _BODILESS
        or exchange.response_started
        or exchange.disconnected
        or connection.write_paused
        or (exchange.more_body and exchange.waits_to_be_told)
        or exchange.method == "HEAD"
    ):
        return False
    head = _head_of(exchange, status, response.headers, b"content-length: %d\r\n" % len(body))
    exchange.response_started = True
    connection.transport.write(head + body)
    _complete(exchange)
    return True


async def begin_answer(exchange: Exchange, status: int, headers: Headers) -> None:
    """Send the head of an answer whose body follows in parts, in chunks unless the headers say how long it is.

    Raises ValueError, with nothing written, for a header that would break the head apart.
    """
    length = next((int(value) for name, value in headers if name.lower() == _LENGTH), None)
    is_bodiless = exchange.method == "HEAD" or status in _BODILESS
    exchange.left_bytes = 0 if is_bodiless else length
    in_chunks = length is None and not is_bodiless
    head = _head_of(exchange, status, headers, b"transfer-encoding: chunked\r\n" if in_chunks else b"")
    exchange.response_started = True
    await _write(exchange, head)


async def add_to_answer(exchange: Exchange, part: Buffer) -> None:
    """Send a part of an answer's body, after those before it are on their way. HEAD gets none.

    Raises ValueError for more than the head has promised.
    """
    if exchange.method == "HEAD" or not part:
        return
    left = exchange.left_bytes
    if left is None:
        await _write(exchange, b"".join((b"%x\r\n" % len(part), part, b"\r\n")))
        return
    if len(part) > left:
        raise ValueError("the answer is longer than it says")
    exchange.left_bytes = left - len(part)
    await _write(exchange, part)


async def end_answer(exchange: Exchange) -> None:
    """Note that the answer is whole. Raises ValueError when less was sent than the head has promised."""
    if exchange.disconnected:
        return
    if exchange.left_bytes:
        raise ValueError("the answer is shorter than it says")
    if exchange.left_bytes is None:
        await _write(exchange, b"0\r\n\r\n")
    if not exchange.disconnected:
        _complete(exchange)


async def _write(exchange: Exchange, data: Buffer) -> None:
    connection = exchange.connection
    if connection.write_paused and not exchange.disconnected:
        await connection.writable()
    if not exchange.disconnected:
        connection.transport.write(data)


def _complete(exchange: Exchange) -> None:
    exchange.response_complete = True
    if not exchange.keep_alive:
        exchange.connection.transport.close()
    exchange.connection.answered()


def _head_of(exchange: Exchange, status: int, headers: Headers, framing: bytes) -> bytes:
    """Return the head of an answer, in which `framing` is the line that tells where its body ends, if any does."""
    parts = [_STATUS_LINES[status], exchange.connection.door.date_line]
    for name, value in headers:
        parts += (name, b": ", value, b"\r\n")
    parts.append(framing)
    lines = len(headers) + 3 if framing else len(headers) + 2
    if not exchange.keep_alive:
        parts.append(b"connection: close\r\n")
        lines += 1
    parts.append(b"\r\n")
    head = b"".join(parts)
    # A line break inside a header would let its value start headers, or an answer, of its own.
    if head.count(b"\n") != lines + 1 or head.count(b"\r") != lines + 1:
        raise ValueError("a header of the answer holds a line break")
    return head
