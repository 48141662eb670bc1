"""From a request's bytes to `HttpRequest`, and who is believed to have sent it."""

import asyncio
from typing import Any

import pytest
from tests.server.door import opened_door

from strongroom.base.configuration import parse_networks
from strongroom.base.context import time_of_request_id
from strongroom.base.errors import AwsError
from strongroom.server.proxies import Networks, canonical_address, sender
from strongroom.wire.http import HttpRequest, HttpResponse


def ask(sent: bytes, **options: Any) -> HttpRequest:
    """Send one request and return what the handler was given, with its body read."""
    seen: list[HttpRequest] = []

    async def handle(request: HttpRequest) -> HttpResponse:
        await request.body.read(1_000)
        seen.append(request)
        return HttpResponse(200, [], b"")

    async def main() -> None:
        async with opened_door(handle, **options) as door:
            line = await door.connect()
            await line.send(sent)
            assert (await line.answer())[0] == 200
            line.close()

    asyncio.run(main())
    return seen[0]


def test_a_request_keeps_the_bytes_that_were_signed() -> None:
    request = ask(b"PUT /a%2Fb//c%20d?x=%41&y HTTP/1.1\r\nHost: Example\r\nX-Amz-A:  1 \r\ncontent-length: 2\r\n\r\nhi")
    assert (request.method, request.raw_path, request.query_string) == ("PUT", b"/a%2Fb//c%20d", b"x=%41&y")
    assert request.fields[b"x-amz-a"].strip() == b"1"
    assert asyncio.run(request.body.read(10)) == b"hi"


def test_the_origin_says_what_the_socket_knows() -> None:
    request = ask(
        b"GET / HTTP/1.1\r\nhost: example\r\nuser-agent: tester/1\r\nreferer: /list\r\nx-forwarded-for: 9.9.9.9\r\n\r\n"
    )
    origin = request.origin
    assert (origin.source_ip, origin.secure, origin.tls_version) == ("127.0.0.1", False, None)
    assert (origin.host, origin.user_agent, origin.referer) == ("example", "tester/1", "/list")
    told = time_of_request_id(origin.request_id)
    assert told is not None
    assert told.timestamp() == pytest.approx(origin.received_at, abs=0.01)


def test_a_trusted_proxy_is_believed() -> None:
    sent = b"GET / HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 1.1.1.1, 9.9.9.9\r\nx-forwarded-proto: https\r\n\r\n"
    origin = ask(sent, networks=parse_networks("trusted-proxies", ("127.0.0.1",))).origin
    assert (origin.source_ip, origin.secure, origin.tls_version) == ("9.9.9.9", True, None)


def test_a_body_over_the_limit_is_refused_before_it_comes() -> None:
    refused: list[AwsError] = []

    async def handle(request: HttpRequest) -> HttpResponse:
        try:
            await request.body.read(10)
        except AwsError as error:
            refused.append(error)
        return HttpResponse(413, [], b"")

    async def main() -> None:
        async with opened_door(handle) as door:
            line = await door.connect()
            head = b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 1000000\r\n\r\n"
            await line.send(head)
            assert (await line.answer())[0] == 413

    asyncio.run(main())
    assert refused[0].status == 413


def test_a_client_that_leaves_ends_its_body() -> None:
    refused: list[AwsError] = []

    async def handle(request: HttpRequest) -> HttpResponse:
        try:
            await request.body.read(1_000)
        except AwsError as error:
            refused.append(error)
            raise
        return HttpResponse(200, [], b"")

    async def main() -> None:
        async with opened_door(handle) as door:
            line = await door.connect()
            await line.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc")
            await asyncio.sleep(0.05)
            line.close()
            while not refused:
                await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(main(), 5))
    assert (refused[0].code, refused[0].status) == ("RequestTimeout", 408)


TRUSTED = Networks(parse_networks("trusted-proxies", ("10.0.0.0/8", "fd00::/8")))


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("9.9.9.9", b"1.1.1.1", "9.9.9.9"),
        ("10.0.0.1", b"1.1.1.1", "1.1.1.1"),
        ("10.0.0.1", b"1.1.1.1, 2.2.2.2", "2.2.2.2"),
        ("10.0.0.1", b"1.1.1.1, 2.2.2.2, 10.0.0.2", "2.2.2.2"),
        ("10.0.0.1", b"10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", b"1.1.1.1, unknown", "10.0.0.1"),
        ("10.0.0.1", b"", "10.0.0.1"),
        ("10.0.0.1", b"::ffff:3.3.3.3", "3.3.3.3"),
        ("fd00::1", b"2001:DB8::1", "2001:db8::1"),
        ("10.0.0.1", b"\xff\xfe", "10.0.0.1"),
    ],
)
def test_the_sender_is_the_nearest_address_that_is_no_proxy(peer: str, forwarded: bytes, expected: str) -> None:
    assert sender(peer, False, {b"x-forwarded-for": forwarded}, TRUSTED)[0] == expected


@pytest.mark.parametrize(
    ("peer", "protocol", "expected"),
    [
        ("10.0.0.1", b"https", True),
        ("10.0.0.1", b"HTTPS", True),
        ("10.0.0.1", b"http", False),
        ("10.0.0.1", b"https, http", False),
        ("9.9.9.9", b"https", False),
    ],
)
def test_only_a_trusted_proxy_makes_a_request_secure(peer: str, protocol: bytes, expected: bool) -> None:
    assert sender(peer, False, {b"x-forwarded-proto": protocol}, TRUSTED)[1] is expected


def test_an_ipv4_address_is_one_whatever_socket_it_came_over() -> None:
    assert canonical_address("::ffff:127.0.0.1") == "127.0.0.1"
    assert canonical_address("fe80::1%eth0") == "fe80::1"
