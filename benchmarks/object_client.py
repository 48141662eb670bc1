"""A client that costs next to nothing: one socket, signed heads, bodies that are sent and received as they are."""

import socket
import time
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from benchmarks.servers import StartError
from benchmarks.signed import Access

BUFFER_BYTES = 1024 * 1024
IDLE_SECONDS_MAX = 2.0
"""After this long a server may have hung up: the connection is made anew, before the clock of a request runs."""


class _UnsignedPayload(S3SigV4Auth):  # type: ignore[misc]  # botocore has no types
    """Signs the head alone, so that hashing the body weighs on neither side."""

    def payload(self, request: AWSRequest) -> str:
        return "UNSIGNED-PAYLOAD"


class ObjectClient:
    """One connection to a server."""

    def __init__(self, access: Access) -> None:
        self._access = access
        where = urlsplit(access.endpoint)
        self._host = where.netloc
        self._place = where.hostname or "", where.port or 80
        self._used_at = 0.0
        self._socket = socket.create_connection(self._place)
        self._buffer = bytearray(BUFFER_BYTES)
        self._auth = _UnsignedPayload(Credentials(access.access_key_id, access.secret_access_key), "s3", access.region)

    def be_ready(self) -> None:
        """Connect anew unless the connection was used just now."""
        if time.monotonic() - self._used_at > IDLE_SECONDS_MAX:
            self._socket.close()
            self._socket = socket.create_connection(self._place)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._used_at = time.monotonic()

    def request(self, method: str, path: str, headers: dict[str, str], body: bytes | None, *, repeats: int = 1) -> int:
        """Send a request, its body `repeats` times over; return how many bytes the body of the answer had.

        Raises StartError for a refusal.
        """
        head = self._head(method, path, headers, 0 if body is None else len(body) * repeats)
        self._socket.sendall(head)
        for _ in range(repeats if body else 0):
            self._socket.sendall(body or b"")
        return self._receive(f"{method} {path}")

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _head(self, method: str, path: str, headers: dict[str, str], length: int) -> bytes:
        request = AWSRequest(method, f"http://{self._host}{path}", headers)
        self._auth.add_auth(request)
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}", f"Content-Length: {length}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items() if name.lower() != "host"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def _receive(self, what: str) -> int:
        received = b""
        while b"\r\n\r\n" not in received:
            part = self._socket.recv(BUFFER_BYTES)
            if not part:
                raise StartError(f"{what}: the connection was closed")
            received += part
        head, _, rest = received.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:])
        length = int(fields.get(b"content-length", b"0"))
        # Some servers hang up after every answer; what a new connection costs them is not in their figures.
        is_kept = head.startswith(b"HTTP/1.1") and b"close" not in fields.get(b"connection", b"")
        self._used_at = time.monotonic() if is_kept else 0.0
        got = len(rest)
        while got < length:
            count = self._socket.recv_into(self._buffer)
            if not count:
                raise StartError(f"{what}: the body ended early")
            got += count
        if head[9:12] not in (b"200", b"206"):
            raise StartError(f"{what}: {head[:200]!r} {rest[:500]!r}")
        return got
