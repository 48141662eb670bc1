"""One request: from what the connection read to `HttpRequest`, and from `HttpResponse` back."""

from collections.abc import AsyncIterator, Awaitable, Callable

from strongroom.base.buffer import Buffer
from strongroom.base.clock import Clock
from strongroom.base.context import Origin, new_request_id
from strongroom.base.errors import AwsError
from strongroom.server.exchange import (
    Exchange,
    add_to_answer,
    answer_at_once,
    arriving_body,
    begin_answer,
    body_at_hand,
    end_answer,
)
from strongroom.server.logs import logger
from strongroom.server.proxies import Networks, sender
from strongroom.wire.http import Body, HttpRequest, HttpResponse

Handle = Callable[[HttpRequest], Awaitable[HttpResponse]]

RESERVED_PATH = b"/_strongroom/"
"""Below this path are the server's own answers. No bucket can be named so, hence no S3 request is hidden by it."""

_NOBODY = Origin("", 0.0, "", False)


class DeclaredBody(Body):
    """A body that is still arriving, of which the sender said how long it will be."""

    __slots__ = ("_declared_bytes",)

    def __init__(self, declared_bytes: int, chunks: AsyncIterator[Buffer]) -> None:
        super().__init__(chunks)
        self._declared_bytes = declared_bytes

    async def read(self, body_bytes_max: int) -> bytes:
        """Return the whole body; refuse one that is declared too long (413) before it has arrived."""
        if self._declared_bytes > body_bytes_max:
            raise AwsError(
                "RequestEntityTooLargeException", f"The request body is larger than {body_bytes_max} bytes.", 413
            )
        return await super().read(body_bytes_max)


class FrontDoor:
    """Answers requests. `handle` answers those to AWS, `admin` those below `RESERVED_PATH`."""

    def __init__(self, handle: Handle, admin: Handle, trusted: Networks, clock: Clock) -> None:
        self._handle = handle
        self._admin = admin
        self._trusted = trusted if trusted else None
        self._now = clock.now

    async def __call__(self, exchange: Exchange) -> None:
        """Serve one request. Whatever goes wrong, the client gets an answer without a word of what it was."""
        request = self._request(exchange)
        fields = request.fields
        if b"content-length" in fields or b"transfer-encoding" in fields:
            whole = body_at_hand(exchange)
            request.body = Body(whole) if whole is not None else _arriving(fields, exchange)
        handle = self._admin if request.raw_path.startswith(RESERVED_PATH) else self._handle
        try:
            try:
                response = await handle(request)
                if answer_at_once(exchange, response):
                    return
            except Exception as error:
                logger.error("request failed", request_id=request.origin.request_id, exc_info=error)
                response = _internal_failure(request.origin.request_id)
            await _answer(request, exchange, response)
        finally:
            exchange.leave()

    def _request(self, exchange: Exchange) -> HttpRequest:
        peer = exchange.connection.peer
        request = HttpRequest(exchange.method, exchange.path, exchange.query, exchange.headers, _NOBODY)
        fields = request.fields
        address, secure = peer.address, peer.tls_version is not None
        if self._trusted is not None:
            address, secure = sender(address, secure, fields, self._trusted)
        received_at = self._now()
        request.origin = Origin(
            new_request_id(received_at),
            received_at,
            address,
            secure,
            peer.tls_version,
            peer.tls_cipher,
            fields.get(b"user-agent", b"").decode("latin-1"),
            fields.get(b"host", b"").decode("latin-1"),
            fields.get(b"referer", b"").decode("latin-1"),
        )
        return request


def _arriving(fields: dict[bytes, bytes], exchange: Exchange) -> Body:
    return DeclaredBody(int(fields.get(b"content-length", 0)), arriving_body(exchange))


async def _answer(request: HttpRequest, exchange: Exchange, response: HttpResponse) -> None:
    """Send an answer that does not go out at once."""
    if exchange.waits_to_be_told:
        # Whether a client still sends a body that it was not told to send is its own choice: what comes next could
        # be that body, or another request.
        exchange.keep_alive = False
    headers, body = response.headers, response.body
    try:
        if isinstance(body, bytes):
            if _states_its_length(exchange.method, response):
                headers = [*headers, (b"content-length", b"%d" % len(body))]
            await begin_answer(exchange, response.status, headers)
            await add_to_answer(exchange, body)
        else:
            await begin_answer(exchange, response.status, headers)
            await _send_stream(exchange, body)
        await end_answer(exchange)
    except Exception as error:
        # What is sent cannot be taken back. The connection is cut, so that the client learns that the answer is not
        # whole.
        logger.error("answer failed", request_id=request.origin.request_id, exc_info=error)


async def _send_stream(exchange: Exchange, body: AsyncIterator[Buffer]) -> None:
    try:
        async for chunk in body:
            if exchange.disconnected:
                # Nobody reads on: what is left need not be made.
                return
            await add_to_answer(exchange, chunk)
    finally:
        close = getattr(body, "aclose", None)
        if close is not None:
            await close()


def _states_its_length(method: str, response: HttpResponse) -> bool:
    if response.status == 204 or response.status == 304:
        return False
    # The answer to HEAD has no body, but may state the length that GET would answer.
    return method != "HEAD" or all(name.lower() != b"content-length" for name, _ in response.headers)


def _internal_failure(request_id: str) -> HttpResponse:
    body = b'{"__type":"InternalFailure","message":"The request processing has failed because of an unknown error."}'
    headers = [(b"content-type", b"application/x-amz-json-1.1"), (b"x-amzn-requestid", request_id.encode())]
    return HttpResponse(500, headers, body)
