"""The Runtime API of one execution environment: where a function's runtime asks for invocations, and answers them.

Whoever speaks to it is somebody else's code. It reaches one environment's invocations and nothing more: no other
environment has this listener, heads and bodies are bounded, one body is kept at a time, and what the API refuses costs
its sender the connection.

Source: AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes".
"""

import asyncio
import re
import socket
from typing import NamedTuple, cast

import httptools

RESPONSE_BYTES_MAX = 6 * 1024 * 1024 + 100
"""The longest answer of a function. Source: AWS Lambda's own message, which gives 6291556 bytes."""
HEAD_BYTES_MAX = 1_280 * 1024
"""The longest head: runtimes of Amazon's send what an error looked like, up to 1 MB, in a header."""
HEADERS_MAX = 64
CONNECTIONS_MAX = 16
DISCARDED_BYTES_MAX = 64 * 1024 * 1024
"""How much of an answer that is too long anyway is read on, so that its sender can hear that."""

TOO_LARGE = "Function.ResponseSizeTooLarge"

_PREFIX = b"/2018-06-01/runtime/"
_NEXT, _INIT_ERROR, _INVOCATION = _PREFIX + b"invocation/next", _PREFIX + b"init/error", _PREFIX + b"invocation/"
_TYPE = re.compile(r"[A-Za-z][\w.<>:&\[\]-]{0,255}", re.ASCII)
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
_REASONS = {
    200: b"OK",
    202: b"Accepted",
    400: b"Bad Request",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    413: b"Request Entity Too Large",
}
_ACCEPTED = b'{"status":"OK"}\n'


class Invocation(NamedTuple):
    """What a runtime is given. `deadline_ms` is the real time, in milliseconds since the epoch, when its time is over.

    `client_context` is JSON in ASCII, empty for none.
    """

    request_id: str
    payload: bytes
    function_arn: str
    deadline_ms: int = 0
    trace_id: str = ""
    client_context: str = ""


class Outcome(NamedTuple):
    """What a runtime answered. `error_type` is None for a result, and else what the runtime called the error.

    `payload` is at most `RESPONSE_BYTES_MAX` bytes of whatever the function made, JSON or not.
    """

    payload: bytes
    error_type: str | None = None


class RuntimeEnded(Exception):  # noqa: N818 (it says what happened)
    """The process that was to answer is no more."""


class RuntimeApi:
    """Serves the Runtime API of one execution environment on a listening socket, in the running event loop."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._server: asyncio.AbstractServer | None = None
        self._connections: set[_Connection] = set()
        self._poll: _Connection | None = None
        self._idle = asyncio.Event()
        self._has_ended = False
        self._initialized: asyncio.Future[Outcome | None] = asyncio.get_running_loop().create_future()
        self._invocation: Invocation | None = None
        self._is_taken = False
        self._is_answering = False
        self._outcome: asyncio.Future[Outcome] | None = None

    async def start(self) -> None:
        """Begin to listen. The socket is ours to close from now on."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), sock=self._listener)

    async def initialized(self) -> Outcome | None:
        """Wait until the runtime asks for its first invocation (None), or says that it could not begin (the error).

        Raises RuntimeEnded.
        """
        return await asyncio.shield(self._initialized)

    @property
    def is_waiting(self) -> bool:
        """Whether the runtime asks for an invocation now."""
        return self._poll is not None

    async def idle(self) -> None:
        """Wait until the runtime asks for an invocation: what it did for the last one is over. Raises RuntimeEnded."""
        await self._idle.wait()
        if self._has_ended:
            raise RuntimeEnded

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Give the runtime an invocation once it asks for one, and return what it answers.

        Nothing here ends an invocation that is not answered: whoever cancels this call ends the environment as well.
        Raises RuntimeEnded, ValueError for values that cannot be in a header, and RuntimeError while there is another
        invocation.
        """
        if self._has_ended:
            raise RuntimeEnded
        if self._invocation is not None:
            raise RuntimeError("an execution environment has one invocation at a time")
        for value in (invocation.request_id, invocation.function_arn, invocation.trace_id, invocation.client_context):
            if not _PRINTABLE.fullmatch(value):
                raise ValueError("what goes into a header has to be printable ASCII")
        self._invocation, self._is_taken, self._is_answering = invocation, False, False
        self._outcome = asyncio.get_running_loop().create_future()
        try:
            if self._poll is not None:
                self._hand_over(self._poll, invocation)
            return await self._outcome
        finally:
            self._invocation = self._outcome = None

    def end(self) -> None:
        """Have everybody who waits for the runtime know that it has ended. Answers that have come stand."""
        self._has_ended = True
        self._idle.set()
        if not self._initialized.done():
            self._initialized.set_exception(RuntimeEnded())
            # Nobody may be waiting for it.
            self._initialized.exception()
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_exception(RuntimeEnded())

    async def close(self) -> None:
        """Listen no more, and cut every connection. Safe to call twice."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for connection in tuple(self._connections):
            connection.cut()
        if server is None:
            self._listener.close()

    def admit(self, connection: "_Connection") -> bool:
        """Count a new connection; False when there are too many."""
        if len(self._connections) >= CONNECTIONS_MAX or self._server is None:
            return False
        self._connections.add(connection)
        return True

    def leave(self, connection: "_Connection") -> None:
        """Forget a connection that is gone."""
        self._connections.discard(connection)
        if self._poll is connection:
            self._poll = None
            if not self._has_ended:
                self._idle.clear()

    def next(self, connection: "_Connection") -> None:
        """Answer a runtime that asks for an invocation, as soon as there is one."""
        if self._poll is not None or (self._invocation is not None and self._is_taken):
            connection.refuse(403, "InvalidStateTransition", "The runtime has an invocation, or asks for one already.")
            return
        if not self._initialized.done():
            self._initialized.set_result(None)
        if self._invocation is not None:
            self._hand_over(connection, self._invocation)
            return
        self._poll = connection
        self._idle.set()

    def _hand_over(self, connection: "_Connection", invocation: Invocation) -> None:
        self._poll, self._is_taken = None, True
        self._idle.clear()
        headers = (
            f"Lambda-Runtime-Aws-Request-Id: {invocation.request_id}\r\n"
            f"Lambda-Runtime-Deadline-Ms: {invocation.deadline_ms}\r\n"
            f"Lambda-Runtime-Invoked-Function-Arn: {invocation.function_arn}\r\n"
        )
        if invocation.trace_id:
            headers += f"Lambda-Runtime-Trace-Id: {invocation.trace_id}\r\n"
        if invocation.client_context:
            headers += f"Lambda-Runtime-Client-Context: {invocation.client_context}\r\n"
        connection.answer(200, invocation.payload, headers.encode("ascii"))

    def begins_answer(self, request_id: str) -> tuple[int, str, str] | None:
        """Let one connection send the answer to the invocation in hand, or return why not: status, type, message."""
        if self._invocation is None or not self._is_taken or self._invocation.request_id != request_id:
            return 400, "InvalidRequestID", "Invalid request ID"
        if self._is_answering:
            return 403, "InvalidStateTransition", "The invocation is being answered already."
        self._is_answering = True
        return None

    def gives_up_answer(self) -> None:
        """Take note that whoever was sending the answer went away: the runtime may send it once more."""
        self._is_answering = False

    def settle(self, outcome: Outcome) -> None:
        """Take the answer to the invocation in hand."""
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_result(outcome)

    def fail_initialization(self, outcome: Outcome) -> bool:
        """Take the runtime's word that it could not begin; False when it has begun."""
        if self._initialized.done():
            return False
        self._initialized.set_result(outcome)
        return True


class _Connection(asyncio.Protocol):
    """One connection of whoever is in the environment: one request after the other, each answered in one write."""

    def __init__(self, api: RuntimeApi) -> None:
        self._api = api
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._is_admitted = False
        self._is_busy = False
        self._begin()

    def _begin(self) -> None:
        self._is_in_head = True
        self._keeps_alive = False
        self._head_bytes = 0
        self._url = b""
        self._error_type = ""
        self._headers = 0
        self._expects = False
        self._body: list[bytes] | None = None
        self._body_bytes = 0
        self._is_answer = self._is_too_large = False
        self._refusal: tuple[int, str, str] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take note of the transport; more connections than anybody needs are cut."""
        self._transport = cast(asyncio.Transport, transport)
        connected = transport.get_extra_info("socket")
        if connected is not None and connected.family != socket.AF_UNIX:
            # A small answer must not wait for the acknowledgement of the one before it.
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._is_admitted = self._api.admit(self)
        if not self._is_admitted:
            self._transport.abort()

    def connection_lost(self, problem: Exception | None) -> None:
        """Forget the connection."""
        self._transport = None
        if self._is_answer and not self._is_too_large:
            self._api.gives_up_answer()
        if self._is_admitted:
            self._api.leave(self)

    def cut(self) -> None:
        """End the connection at once."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        if self._transport is None:
            return
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self.cut()
                return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.cut()

    # What the parser calls, in this order.

    def on_message_begin(self) -> None:
        """A request begins: the one before it has to be answered by then."""
        if self._is_busy:
            self.cut()
            return
        self._begin()

    def on_url(self, url: bytes) -> None:
        """Part of the target."""
        if len(self._url) <= 1024:
            self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, whole."""
        self._headers += 1
        if self._headers > HEADERS_MAX:
            self.cut()
        lower = name.lower()
        if lower == b"lambda-runtime-function-error-type":
            self._error_type = value.decode("ascii", "replace")
        elif lower == b"expect":
            self._expects = True

    def on_headers_complete(self) -> None:
        """The head is there: see whether the body is wanted."""
        self._is_in_head = False
        self._is_busy = True
        self._keeps_alive = self._parser.should_keep_alive()
        method, url = self._parser.get_method(), self._url.partition(b"?")[0]
        if url == _NEXT:
            self._refusal = None if method == b"GET" else _wrong_method()
        elif url == _INIT_ERROR:
            self._refusal = _wrong_method() if method != b"POST" else None
            self._body = [] if self._refusal is None else None
        elif url.startswith(_INVOCATION) and url.endswith((b"/response", b"/error")):
            request_id = url[len(_INVOCATION) : url.rindex(b"/")].decode("ascii", "replace")
            self._refusal = _wrong_method() if method != b"POST" else self._api.begins_answer(request_id)
            if self._refusal is None:
                self._is_answer, self._body = True, []
        else:
            self._refusal = 404, "ResourceNotFound", "There is no such path in the Runtime API."
        if self._expects and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Part of the body: kept as far as anybody wants it."""
        self._body_bytes += len(body)
        if self._body is not None:
            self._body.append(body)
            if self._body_bytes > RESPONSE_BYTES_MAX:
                self._body = None
                self._is_too_large = True
                if self._is_answer:
                    self._api.settle(_too_large())
        if self._body_bytes > DISCARDED_BYTES_MAX:
            self.cut()

    def on_message_complete(self) -> None:
        """The request is there as a whole: answer it."""
        self._is_in_head, self._head_bytes = True, 0
        if self._transport is None:
            return
        url = self._url.partition(b"?")[0]
        body = b"".join(self._body) if self._body is not None else b""
        self._body = None
        if self._refusal is not None:
            self.refuse(*self._refusal)
        elif self._is_too_large:
            self._is_answer = False
            self.refuse(413, "RequestEntityTooLarge", _too_large_message(), closes=False)
        elif url == _NEXT:
            self._api.next(self)
        elif url == _INIT_ERROR:
            if self._api.fail_initialization(Outcome(body, self._type())):
                self.answer(202, _ACCEPTED)
            else:
                self.refuse(403, "InvalidStateTransition", "The runtime has begun already.")
        else:
            self._is_answer = False
            # The answer first: the next request is on its way while the invocation's caller is told.
            self.answer(202, _ACCEPTED)
            self._api.settle(Outcome(body, self._type() if url.endswith(b"/error") else None))

    def _type(self) -> str:
        return self._error_type if _TYPE.fullmatch(self._error_type) else ""

    def refuse(self, status: int, error_type: str, message: str, *, closes: bool = True) -> None:
        """Answer with an error of the Runtime API; its sender has to connect again, unless told otherwise."""
        body = f'{{"errorMessage":"{message}","errorType":"{error_type}"}}\n'.encode("ascii")
        self._keeps_alive = self._keeps_alive and not closes
        self.answer(status, body, b"Connection: close\r\n" if closes else b"")

    def answer(self, status: int, body: bytes, headers: bytes = b"") -> None:
        """Answer the request in hand, in one write."""
        self._is_busy = False
        if self._transport is None:
            return
        head = b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n\r\n"
        self._transport.write(head % (status, _REASONS[status], headers, len(body)) + body)
        if not self._keeps_alive:
            self._transport.close()


def _wrong_method() -> tuple[int, str, str]:
    return 405, "MethodNotAllowed", "The path takes another method."


def _too_large_message() -> str:
    return f"Response payload size exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes)."


def _too_large() -> Outcome:
    payload = f'{{"errorMessage":"{_too_large_message()}","errorType":"{TOO_LARGE}"}}'
    return Outcome(payload.encode("ascii"), TOO_LARGE)
