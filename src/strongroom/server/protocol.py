"""One connection: uvicorn's HTTP/1.1 parser and flow control, with the limits and deadlines that it lacks.

Nothing here costs a timer or a clock reading per request: a sweep once a second (`listeners`) looks at every connection
and closes what waits too long, so deadlines are a second coarse.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from strongroom.server.exchange import Exchange
from strongroom.server.proxies import canonical_address


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


class DoorState(ServerState):
    """What all connections of all listeners share: uvicorn's state, the limits, and what was refused, by status.

    `emptied` is set when the last connection closes after `is_draining` was set.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        super().__init__()
        self.limits = limits
        self.refusals: Counter[int] = Counter()
        self.is_draining = False
        self.emptied = asyncio.Event()


class Peer:
    """Facts of one connection that every request on it shares."""

    __slots__ = ("address", "local_port", "tls_cipher", "tls_version")

    def __init__(self, address: str, local_port: int, tls_version: str | None, tls_cipher: str | None) -> None:
        self.address = address
        self.local_port = local_port
        self.tls_version = tls_version
        self.tls_cipher = tls_cipher


# What a connection waits for. Plain integers: they are compared on every request.
IDLE, HEAD, BODY = 0, 1, 2


class BoundedHttpProtocol(HttpToolsProtocol):
    """An HTTP/1.1 server connection with limits; refusals of its own are short plain-text answers, then it closes."""

    server_state: DoorState
    cycle: Exchange

    def __init__(
        self, config: Config, server_state: DoorState, app_state: dict[str, Any] | None = None, _loop: Any = None
    ) -> None:
        super().__init__(config, server_state, app_state or {}, _loop)
        self._limits = server_state.limits
        self._phase = IDLE
        self._seconds = 0
        self._message_complete = True
        self._refused = False
        self._refusal = HTTPStatus.BAD_REQUEST
        self._chunk_bytes = 0
        self._head_bytes = 0
        self._head_began_in_this_chunk = False
        self._body_patience_seconds = 0.0
        self._body_bytes = 0
        self._discarded_bytes = 0
        self._stalled_seconds = 0

    # What the transport tells.

    def connection_made(self, transport: Any) -> None:
        """Note who is there and over what, or answer 503 when there are already too many connections."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        version = cipher = None
        if tls is not None:
            version = (tls.version() or "").removeprefix("TLSv") or None
            agreed = tls.cipher()
            cipher = agreed[0] if agreed else None
        address = canonical_address(self.client[0]) if self.client else ""
        local_port = (self.server[1] or 0) if self.server else 0
        self.app_state = {"peer": Peer(address, local_port, version, cipher)}
        if len(self.connections) > self._limits.connections_max or self.server_state.is_draining:
            self.refuse(HTTPStatus.SERVICE_UNAVAILABLE)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        if self.server_state.is_draining and not self.connections:
            self.server_state.emptied.set()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; refuse what is not HTTP/1.1 or exceeds the limits of a request head."""
        if self._refused:
            return
        self._chunk_bytes = len(data)
        self._body_bytes += self._chunk_bytes
        self._head_began_in_this_chunk = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # No other protocol is spoken here, and what follows cannot be told from a request: answer, then close.
            self._close_after_answer()
        except httptools.HttpParserError:
            self.refuse(self._refusal)
        else:
            if self._phase == HEAD and not self._head_began_in_this_chunk:
                self._head_bytes += self._chunk_bytes
                if self._head_bytes > self._limits.head_bytes_max:
                    self.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    # What the parser tells. An exception raised here comes back out of `feed_data` as an HttpParserError.

    def on_message_begin(self) -> None:
        """Start the clock and the count of a request head."""
        super().on_message_begin()
        self._phase = HEAD
        self._seconds = 0
        self._head_bytes = 0
        self._head_began_in_this_chunk = True
        self._message_complete = False

    def on_url(self, url: bytes) -> None:
        """Take (a part of) the request target; refuse a long one with 414."""
        self.url += url
        if len(self.url) > self._limits.target_bytes_max:
            self._refusal = HTTPStatus.REQUEST_URI_TOO_LONG
            raise ValueError("request target too long")

    def on_headers_complete(self) -> None:
        """Check the head as a whole, then let the application begin."""
        limits = self._limits
        if len(self.headers) > limits.headers_max or (
            self._head_bytes + self._chunk_bytes > limits.head_bytes_max
            and sum(len(name) + len(value) + 4 for name, value in self.headers) > limits.head_bytes_max
        ):
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise ValueError("request head too large")
        self._phase = BODY
        self._body_patience_seconds = limits.body_patience_seconds_max
        self._body_bytes = 0
        self._discarded_bytes = 0
        super().on_headers_complete()
        self.cycle.pieces, self.cycle.pieces_bytes = [], 0

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body for whoever reads it, or drop it when the answer was already given."""
        cycle = self.cycle
        if cycle.response_complete:
            self._discarded_bytes += len(body)
            if self._discarded_bytes > self._limits.discarded_bytes_max:
                self._refused = True
                self.transport.close()
            return
        cycle.pieces.append(body)
        cycle.pieces_bytes += len(body)
        if cycle.pieces_bytes > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        """End the body; the connection waits for the application, or for the next request."""
        super().on_message_complete()
        self._message_complete = True
        self._phase = IDLE
        self._seconds = 0

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cycle.scope["state"]["exchange"] = cycle
        super()._start_asgi_task(cycle, app)

    # What the application's answer tells.

    def on_response_complete(self) -> None:
        """Start the next request that waits on this connection. The sweep closes it when none comes."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self._seconds = 0
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)

    # What the sweep and the sentry do.

    def sweep(self) -> None:
        """Close the connection if it has waited too long for its peer. Called once a second."""
        self._seconds += 1
        flow = self.flow
        if flow.write_paused or self.transport.is_closing():
            self._stalled_seconds += 1
            if self._stalled_seconds > self._limits.write_stall_seconds_max:
                self.transport.abort()
            return
        self._stalled_seconds = 0
        if flow.read_paused or self._refused:
            return
        if self._phase == BODY:
            self._sweep_body()
        elif self._phase == HEAD:
            if self._seconds > self._limits.head_seconds_max:
                self.refuse(HTTPStatus.REQUEST_TIMEOUT)
        elif self._is_idle() and self._seconds > self._idle_seconds_max():
            self.transport.close()

    def _idle_seconds_max(self) -> int:
        is_first = self._cycle() is None
        return self._limits.head_seconds_max if is_first else self._limits.keep_alive_seconds_max

    def _sweep_body(self) -> None:
        limits = self._limits
        earned_seconds = self._body_bytes / limits.body_bytes_per_second_min
        self._body_bytes = 0
        self._body_patience_seconds = min(
            self._body_patience_seconds - 1 + earned_seconds, limits.body_patience_seconds_max
        )
        if self._body_patience_seconds < 0:
            self.refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _is_idle(self) -> bool:
        cycle = self._cycle()
        return self._message_complete and (cycle is None or cycle.response_complete)

    def _cycle(self) -> RequestResponseCycle | None:
        """Return the newest request and its answer, None before the first."""
        return self.cycle

    def _close_after_answer(self) -> None:
        self._refused = True
        if self._is_idle():
            self.transport.close()
        else:
            self.cycle.keep_alive = False

    def refuse(self, status: HTTPStatus) -> None:
        """Answer `status` in plain text and close the connection, or only close it if another answer is due first."""
        self._refused = True
        self.server_state.refusals[status] += 1
        cycle = self._cycle()
        if cycle is not None and not cycle.response_complete:
            if self._phase != BODY or self.pipeline:
                # The request that is refused came after one that is being answered, and that answer is still owed.
                cycle.keep_alive = False
                return
            # The application learns from `disconnected` that nobody listens any more; what it still sends is dropped.
            cycle.disconnected = True
            cycle.message_event.set()
        if cycle is None or self._phase != BODY or not cycle.response_started:
            text = f"{status.phrase}\n".encode()
            self.transport.write(
                b"HTTP/1.1 %d %s\r\ncontent-type: text/plain\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s"
                % (status, status.phrase.encode(), len(text), text)
            )
        self.transport.close()
