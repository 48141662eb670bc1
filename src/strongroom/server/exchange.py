"""A short cut through ASGI for the usual request: its body is here already, its answer is in one piece.

An exchange is uvicorn's `RequestResponseCycle`, one request and its answer; the protocol puts it into the ASGI scope.
An answer that is unusual (a stream, HEAD, a slow reader) goes the ordinary way, through `send`. A body is always read
from here: it is handed on in the pieces that the parser made of it, where uvicorn would copy each piece twice.
"""

from collections.abc import AsyncIterator

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from strongroom.base.errors import AwsError
from strongroom.wire.http import HttpResponse

_BODILESS = frozenset({204, 304})


class Exchange(RequestResponseCycle):
    """An exchange as the protocol prepares it: `pieces` are those of the body that nobody has taken yet."""

    pieces: list[bytes]
    pieces_bytes: int


def body_at_hand(exchange: Exchange) -> bytes | None:
    """Return the whole body of the request if it has arrived, else None. It is taken once."""
    if exchange.more_body or exchange.disconnected:
        return None
    pieces = exchange.pieces
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def arriving_body(exchange: Exchange) -> AsyncIterator[bytes]:
    """Yield the body as it arrives, and not before somebody asks for it where the client waits for that.

    Raises AwsError `RequestTimeout` when the client went away or was too slow.
    """
    if exchange.waiting_for_100_continue and not exchange.transport.is_closing():
        exchange.waiting_for_100_continue = False
        exchange.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    while True:
        if exchange.disconnected or exchange.response_complete:
            raise AwsError("RequestTimeout", "The request body did not arrive in time.", 408)
        pieces, is_all = exchange.pieces, not exchange.more_body
        exchange.pieces, exchange.pieces_bytes = [], 0
        if pieces:
            # Many small pieces would take more room than what is in them.
            yield pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if is_all:
            return
        if not exchange.pieces and exchange.more_body:
            exchange.flow.resume_reading()
            await exchange.message_event.wait()
            exchange.message_event.clear()


def answer_at_once(exchange: Exchange, response: HttpResponse) -> bool:
    """Write the answer in one piece; False, with nothing done, when it has to go the ordinary way.

    Raises ValueError, with nothing written, for a header that would break the head apart.
    """
    body, status = response.body, response.status
    if (
        not isinstance(body, bytes)
        or status in _BODILESS
        or exchange.response_started
        or exchange.disconnected
        or exchange.flow.write_paused
        or (exchange.waiting_for_100_continue and exchange.more_body)
        or exchange.scope["method"] == "HEAD"
    ):
        return False
    parts = [STATUS_LINE[status]]
    for name, value in exchange.default_headers:
        parts += (name, b": ", value, b"\r\n")
    for name, value in response.headers:
        parts += (name, b": ", value, b"\r\n")
    parts.append(b"content-length: %d\r\n" % len(body))
    lines = len(exchange.default_headers) + len(response.headers) + 2
    if not exchange.keep_alive:
        parts.append(b"connection: close\r\n")
        lines += 1
    head = b"".join(parts)
    # A line break inside a header would let its value start headers, or an answer, of its own.
    if head.count(b"\n") != lines or head.count(b"\r") != lines:
        raise ValueError("a header of the answer holds a line break")
    exchange.response_started = exchange.response_complete = True
    exchange.waiting_for_100_continue = False
    exchange.transport.write(b"%b\r\n%b" % (head, body))
    exchange.message_event.set()
    if not exchange.keep_alive:
        exchange.transport.close()
    exchange.on_response()
    return True
