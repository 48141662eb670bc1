"""Where a job gets its temporary credentials: a container credentials endpoint on a socket that listens inside.

AWS clients ask it when AWS_CONTAINER_CREDENTIALS_FULL_URI and AWS_CONTAINER_AUTHORIZATION_TOKEN say so.
Source: AWS SDKs and Tools Reference Guide, "Container credential provider".
"""

import asyncio
import hmac
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import cast

import httptools

PATH = "/credentials"

Provide = Callable[[], Awaitable[Mapping[str, str]]]
"""Returns `AccessKeyId`, `SecretAccessKey`, `Token`, `Expiration` (ISO 8601, UTC) and `RoleArn`."""

_HEADERS_BYTES_MAX = 16_384


class CredentialsEndpoint:
    """The endpoint of one job. `token` is what clients have to send in the header Authorization."""

    def __init__(self, token: str, provide: Provide) -> None:
        self._token = token
        self._provide = provide
        self._server: asyncio.AbstractServer | None = None
        self.connections: set[asyncio.Transport] = set()
        self.tasks: set[asyncio.Task[None]] = set()

    async def start(self, listener: socket.socket) -> None:
        """Answer on a listening socket, which is ours to close from now on."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), sock=listener)

    async def close(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self.connections):
            connection.abort()
        for task in tuple(self.tasks):
            task.cancel()

    async def answer(self, method: bytes, path: bytes, authorization: bytes) -> tuple[str, dict[str, str]]:
        """Return the status line's end and the members of the answer to one request."""
        if not hmac.compare_digest(authorization, self._token.encode()):
            return "403 Forbidden", {"code": "AccessDenied", "message": "The authorization token is not this job's."}
        if method != b"GET" or path.partition(b"?")[0] != PATH.encode():
            return "404 Not Found", {"code": "NotFound", "message": f"There is only {PATH}."}
        try:
            return "200 OK", dict(await self._provide())
        except Exception as error:  # Whatever it was: the job is told that there are none, and nothing of the reason.
            return "500 Internal Server Error", {"code": type(error).__name__, "message": "There are no credentials."}


class _Connection(asyncio.Protocol):
    """One connection; its requests are answered one after the other."""

    def __init__(self, endpoint: CredentialsEndpoint) -> None:
        self._endpoint = endpoint
        self._parser = httptools.HttpRequestParser(self)
        self._path = self._authorization = b""
        self._received = 0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._endpoint.connections.add(self._transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._endpoint.connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()
        if self._received > _HEADERS_BYTES_MAX:
            self._transport.abort()

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"authorization":
            self._authorization = value

    def on_message_complete(self) -> None:
        asked = self._endpoint.answer(self._parser.get_method(), self._path, self._authorization)
        self._path = self._authorization = b""
        self._received = 0
        task = asyncio.get_running_loop().create_task(self._respond(asked))
        self._endpoint.tasks.add(task)
        task.add_done_callback(self._endpoint.tasks.discard)

    async def _respond(self, asked: Awaitable[tuple[str, dict[str, str]]]) -> None:
        status, members = await asked
        body = json.dumps(members).encode()
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)
