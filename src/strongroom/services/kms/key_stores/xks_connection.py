"""HTTPS/1.1 to one external key store proxy: kept connections, and a deadline over connecting, handshake and answer."""

import asyncio
import contextlib
import ssl
from collections import deque
from pathlib import Path
from typing import NamedTuple

import httptools

from strongroom.services.kms.key_stores.xks_errors import (
    MALFORMED,
    TIMED_OUT,
    TLS_FAILED,
    UNREACHABLE,
    XksProxyError,
)

answer_bytes_max = 65_536
idle_connections_max = 16
_READ_BYTES = 16_384


class Address(NamedTuple):
    """Where to connect: a host name or address, and a port."""

    host: str
    port: int


class Answer(NamedTuple):
    """An HTTP answer: its status, its content type (empty when there is none), and its body."""

    status: int
    content_type: str
    body: bytes


def trusting(trust: Path | None) -> ssl.SSLContext:
    """Return a context that trusts the certificates in a PEM file, or those that the system trusts.

    TLS 1.2 or newer, and the certificate must be for the host. Raises OSError for a file that holds no certificates.
    """
    context = ssl.create_default_context(cafile=trust)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class _ConnectionWasStale(Exception):  # noqa: N818 (it says what happened)
    """The proxy closed a kept connection before it answered."""


class _Connection:
    """One connection, on which one request at a time is answered."""

    __slots__ = ("_reader", "_writer", "can_be_kept", "is_fresh")

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.is_fresh = True
        self.can_be_kept = False

    async def exchange(self, request: bytes) -> Answer:
        """Send a request and return its answer. Raises XksProxyError; _ConnectionWasStale when there is no answer."""
        self.can_be_kept = False
        answer = _AnswerParser()
        received = 0
        try:
            self._writer.write(request)
            while not answer.is_complete:
                chunk = await self._reader.read(_READ_BYTES)
                if not chunk:
                    raise ConnectionResetError
                received += len(chunk)
                if received > answer_bytes_max:
                    raise XksProxyError(MALFORMED)
                answer.feed(chunk)
        except OSError as error:
            if received > 0:
                raise XksProxyError(MALFORMED) from None
            if not self.is_fresh:
                raise _ConnectionWasStale from None
            # With TLS 1.3, a server's refusal of the handshake arrives in place of its first bytes.
            raise XksProxyError(TLS_FAILED if isinstance(error, ssl.SSLError) else UNREACHABLE) from None
        self.can_be_kept = answer.keeps_alive
        self.is_fresh = False
        return answer.result()

    @property
    def is_open(self) -> bool:
        """Whether nothing came in unasked, not even the end."""
        return not self._writer.is_closing() and not self._reader.at_eof()

    def close(self) -> None:
        """Close at once; a TLS farewell is not waited for."""
        with contextlib.suppress(RuntimeError):
            self._writer.transport.abort()


class _AnswerParser:
    """httptools' callbacks."""

    def __init__(self) -> None:
        self.is_complete = False
        self.keeps_alive = False
        self._content_types: list[str] = []
        self._body: list[bytes] = []
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, chunk: bytes) -> None:
        """Take bytes in. Raises XksProxyError for what is no HTTP answer, or goes on after its end."""
        try:
            self._parser.feed_data(chunk)
        except httptools.HttpParserError:
            raise XksProxyError(MALFORMED) from None

    def result(self) -> Answer:
        """Return the answer."""
        content_type = self._content_types[0] if len(self._content_types) == 1 else ""
        return Answer(self._parser.get_status_code(), content_type, b"".join(self._body))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the one header that counts."""
        if name.lower() == b"content-type":
            self._content_types.append(value.decode("latin-1"))

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        self._body.append(body)

    def on_message_begin(self) -> None:
        """Refuse a second answer: nobody asked for it."""
        if self.is_complete:
            raise XksProxyError(MALFORMED)

    def on_message_complete(self) -> None:
        """Note the end, and whether the connection may be used again."""
        self.is_complete = True
        self.keeps_alive = self._parser.should_keep_alive()


class HttpsConnections:
    """The connections to one proxy. `name` is who the certificate must be for, `address` where to connect."""

    def __init__(self, name: str, address: Address, context: ssl.SSLContext, timeout_seconds: float) -> None:
        self._name = name
        self._address = address
        self._context = context
        self._timeout_seconds = timeout_seconds
        self._idle: deque[_Connection] = deque()

    async def exchange(self, request: bytes) -> Answer:
        """Send a request, which must be safe to send twice, and return the answer. Raises XksProxyError.

        A kept connection that turns out to be closed is replaced, once, within the same deadline.
        """
        try:
            async with asyncio.timeout(self._timeout_seconds):
                kept = self._take_idle()
                if kept is not None:
                    with contextlib.suppress(_ConnectionWasStale):
                        return await self._exchange_on(kept, request)
                return await self._exchange_on(await self._connect(), request)
        except TimeoutError:
            raise XksProxyError(TIMED_OUT) from None

    def close(self) -> None:
        """Close the connections that nobody uses; those in use are closed by their users."""
        while self._idle:
            self._idle.pop().close()

    async def _exchange_on(self, connection: _Connection, request: bytes) -> Answer:
        try:
            return await connection.exchange(request)
        finally:
            if connection.can_be_kept and len(self._idle) < idle_connections_max:
                self._idle.append(connection)
            else:
                connection.close()

    def _take_idle(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
            connection.close()
        return None

    async def _connect(self) -> _Connection:
        try:
            reader, writer = await asyncio.open_connection(self._address.host, self._address.port)
        except (OSError, UnicodeError):
            raise XksProxyError(UNREACHABLE) from None
        try:
            await writer.start_tls(self._context, server_hostname=self._name)
        except OSError:
            raise XksProxyError(TLS_FAILED) from None
        finally:
            if not isinstance(writer.get_extra_info("ssl_object"), ssl.SSLObject):
                writer.transport.abort()
        return _Connection(reader, writer)
