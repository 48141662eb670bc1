"""A short cut through ASGI for the usual request: its body is here already, its answer is in one piece.

An exchange is uvicorn's `RequestResponseCycle`, one request and its answer; the protocol puts it into the ASGI scope.
Everything unusual (streams, HEAD, a slow reader) goes the ordinary way, through `receive` and `send`.
"""

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from strongroom.wire.http import HttpResponse

_BODILESS = frozenset({204, 304})


def body_at_hand(exchange: RequestResponseCycle) -> bytes | None:
    """Return the whole body of the request if it has arrived, else None. Once it is taken, do not call `receive`."""
    if exchange.more_body or exchange.disconnected:
        return None
    return bytes(exchange.body)


def answer_at_once(exchange: RequestResponseCycle, response: HttpResponse) -> bool:
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
