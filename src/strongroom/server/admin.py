"""The server's own answers, below `/_strongroom/`: health and metrics. They need no signature and hold no secret."""

import time
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from strongroom.server.proxies import Networks
from strongroom.wire.http import HttpRequest, HttpResponse

HEALTH_SECONDS_MAX = 1.0
"""How old an answer about the database may be: asking for health must not become a way to burden it."""

Health = dict[str, Any]
Handle = Callable[[HttpRequest], Awaitable[HttpResponse]]

NOTHING_BELOW: Mapping[bytes, Handle] = MappingProxyType({})

_JSON = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]


class Admin:
    """Answers `GET /_strongroom/health` (everybody) and `GET /_strongroom/metrics` (the operator's networks only).

    `examine` reports the state of the house, with the member `healthy`; `render_metrics` gives Prometheus's text.
    `below` answers what begins with a path of its own.
    """

    def __init__(
        self,
        examine: Callable[[], Awaitable[Health]],
        render_metrics: Callable[[], bytes],
        metrics_peers: Networks,
        below: Mapping[bytes, Handle] = NOTHING_BELOW,
    ) -> None:
        self._examine = examine
        self._render_metrics = render_metrics
        self._metrics_peers = metrics_peers
        self._below = below
        self._health: tuple[float, Health] = (float("-inf"), {})

    async def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request."""
        for path, handle in self._below.items():
            if request.raw_path.startswith(path):
                return await handle(request)
        if request.raw_path not in (b"/_strongroom/health", b"/_strongroom/metrics"):
            return plain(404, "Not Found")
        if request.method not in ("GET", "HEAD"):
            return plain(405, "Method Not Allowed", (b"allow", b"GET, HEAD"))
        if request.raw_path == b"/_strongroom/health":
            return await self._answer_health()
        # A request that a proxy passed on may come from anywhere, though it looks local.
        if request.header(b"x-forwarded-for") is not None or request.origin.source_ip not in self._metrics_peers:
            return plain(403, "Forbidden")
        return HttpResponse(
            200, [(b"content-type", b"text/plain; version=0.0.4; charset=utf-8")], self._render_metrics()
        )

    async def _answer_health(self) -> HttpResponse:
        asked_at = time.monotonic()
        if asked_at - self._health[0] > HEALTH_SECONDS_MAX:
            self._health = (asked_at, await self._examine())
        health = self._health[1]
        return HttpResponse(200 if health.get("healthy", True) else 503, _JSON, msgspec.json.encode(health))


def plain(status: int, text: str, *headers: tuple[bytes, bytes]) -> HttpResponse:
    """Return an answer of one line of text."""
    return HttpResponse(status, [(b"content-type", b"text/plain"), *headers], text.encode() + b"\n")
