"""Requests to S3 as the server would see them, and what the wire makes of them."""

import asyncio
from typing import Any

from tests.wire.wire_requests import ORIGIN

from strongroom.base.context import Origin
from strongroom.model.service import service_model
from strongroom.wire.http import Body, HttpRequest
from strongroom.wire.rest_route import RestRoute
from strongroom.wire.route import Router
from strongroom.wire.s3.operations import S3Routes
from strongroom.wire.s3.payload import UNSIGNED, Payload, payload_of
from strongroom.wire.s3.protocol import S3_PROTOCOL

ROUTER = Router(
    [service_model(name) for name in ("kms", "sts", "s3", "s3control")], ["strongroom.test", "s3.strongroom.test"]
)
assert ROUTER.s3 is not None
ROUTES: S3Routes = ROUTER.s3


def request(
    method: str,
    path: str,
    query: str = "",
    headers: dict[str, str] | None = None,
    body: bytes | Body = b"",
    host: str = "localhost:4566",
) -> HttpRequest:
    pairs = [(name.lower().encode(), value.encode()) for name, value in {"Host": host, **(headers or {})}.items()]
    if isinstance(body, bytes) and body and "Content-Length" not in (headers or {}):
        pairs.append((b"content-length", b"%d" % len(body)))
    return HttpRequest(method, path.encode(), query.encode(), pairs, from_host(host), body)


def from_host(host: str) -> Origin:
    return ORIGIN._replace(host=host)


def params_of(sent: HttpRequest, route: RestRoute | None = None) -> dict[str, Any]:
    """Return the params of an unsigned request; a streamed body is read to its end."""
    return asyncio.run(accepted(sent, route or ROUTES.route(sent)))


async def accepted(sent: HttpRequest, route: RestRoute) -> dict[str, Any]:
    body = await S3_PROTOCOL.body_of(route, sent, payload_of(sent, UNSIGNED, None))
    params = S3_PROTOCOL.accept(route, sent, body)
    return {name: await value.read(1 << 30) if isinstance(value, Payload) else value for name, value in params.items()}
