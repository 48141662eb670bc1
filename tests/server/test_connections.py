"""What one connection may do: limits, deadlines, framing, and the order of answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from tests.server.door import Door, Line, opened_door

from strongroom.server.protocol import ConnectionLimits
from strongroom.wire.http import HttpRequest, HttpResponse

SMALL = ConnectionLimits(
    connections_max=3,
    target_bytes_max=200,
    head_bytes_max=2_000,
    headers_max=20,
    head_seconds_max=1,
    keep_alive_seconds_max=1,
    body_patience_seconds_max=1,
    body_bytes_per_second_min=1_000,
    discarded_bytes_max=10_000,
    write_stall_seconds_max=1,
)
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


def with_door(test: Callable[[Door, Line], Awaitable[None]], limits: ConnectionLimits = SMALL, **options: Any) -> None:
    async def main() -> None:
        async with opened_door(limits=limits, **options) as door:
            line = await door.connect()
            await test(door, line)
            line.close()

    asyncio.run(main())


def expect(sent: bytes, status: int, *, closes: bool = True) -> None:
    async def test(_: Door, line: Line) -> None:
        await line.send(sent)
        answer, headers, _ = await line.answer()
        assert answer == status
        assert (headers.get(b"connection") == b"close") == closes
        assert await line.is_closed(1.5 if closes else 0.2) == closes

    with_door(test)


def test_requests_follow_each_other_on_one_connection() -> None:
    async def test(_: Door, line: Line) -> None:
        for number in range(3):
            await line.send(b"POST /%d HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello" % number)
            status, headers, body = await line.answer()
            assert (status, headers[b"x-path"], body) == (200, b"/%d" % number, b"hello")
            assert b"server" not in headers
            assert headers[b"date"].endswith(b"GMT")

    with_door(test)


def test_requests_sent_at_once_are_answered_in_order() -> None:
    async def test(_: Door, line: Line) -> None:
        await line.send(b"".join(b"GET /%d HTTP/1.1\r\nhost: x\r\n\r\n" % number for number in range(20)))
        assert [(await line.answer())[1][b"x-path"] for _ in range(20)] == [b"/%d" % number for number in range(20)]

    with_door(test)


def test_a_bad_request_behind_a_good_one_costs_the_good_one_nothing() -> None:
    async def slow(request: HttpRequest) -> HttpResponse:
        await asyncio.sleep(0.1)
        return HttpResponse(200, [], b"done")

    async def test(_: Door, line: Line) -> None:
        await line.send(GET + b"nonsense\r\n\r\n")
        assert (await line.answer())[::2] == (200, b"done")
        assert await line.is_closed()

    with_door(test, handle=slow)


def test_chunked_bodies_are_put_together() -> None:
    async def test(_: Door, line: Line) -> None:
        await line.send(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await asyncio.sleep(0.05)
        await line.send(b"2\r\nde\r\n0\r\n\r\n")
        assert (await line.answer())[2] == b"abcde"

    with_door(test)


def test_a_client_that_asks_first_is_told_to_continue() -> None:
    async def test(_: Door, line: Line) -> None:
        await line.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n")
        assert (await line.answer())[0] == 100
        await line.send(b"abc")
        assert (await line.answer())[::2] == (200, b"abc")

    with_door(test)


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nbad\x00name: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nname: bad\x01value\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nspaced : 1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1e3\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/3.0\r\nhost: x\r\n\r\n",
        b"CONNECT host:443 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_is_not_clear_http_is_refused(sent: bytes) -> None:
    expect(sent, 400)


def test_a_bad_chunk_ends_the_connection() -> None:
    expect(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400)


def test_a_long_target_is_refused() -> None:
    expect(b"GET /" + b"a" * 300 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 414)


def test_a_long_target_without_end_is_refused() -> None:
    expect(b"GET /" + b"a" * 300, 414)


def test_many_headers_are_refused() -> None:
    expect(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 30 + b"\r\n", 431)


def test_a_large_head_in_one_piece_is_refused() -> None:
    expect(b"GET / HTTP/1.1\r\na: " + b"b" * 2_500 + b"\r\n\r\n", 431)


def test_a_head_without_end_is_refused() -> None:
    async def test(_: Door, line: Line) -> None:
        await line.send(b"GET / HTTP/1.1\r\na: ")
        for _ in range(22):
            await line.send(b"b" * 100)
            await asyncio.sleep(0.005)
        assert (await line.answer())[0] == 431

    with_door(test)


def test_a_large_body_is_not_mistaken_for_a_large_head() -> None:
    async def test(_: Door, line: Line) -> None:
        body = b"a" * 50_000
        await line.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 50000\r\n\r\n" + body + GET)
        assert (await line.answer())[::2] == (200, body)
        assert (await line.answer())[0] == 200

    with_door(test)


def test_a_head_that_comes_slowly_is_refused() -> None:
    async def test(door: Door, line: Line) -> None:
        await line.send(b"GET / HTTP/1.1\r\nhost: x\r\n")
        assert (await line.answer())[0] == 408
        assert await line.is_closed()
        assert door.state.refusals[408] == 1

    with_door(test)


def test_a_connection_that_says_nothing_is_closed() -> None:
    async def test(_: Door, line: Line) -> None:
        assert await line.is_closed()

    with_door(test)


def test_a_connection_that_is_done_is_closed() -> None:
    async def test(_: Door, line: Line) -> None:
        await line.send(GET)
        assert (await line.answer())[0] == 200
        assert await line.is_closed()

    with_door(test)


def test_a_body_that_does_not_come_is_given_up() -> None:
    async def test(_: Door, line: Line) -> None:
        await line.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc")
        assert (await line.answer())[0] == 408
        assert await line.is_closed()

    with_door(test)


def test_a_body_that_drips_is_given_up() -> None:
    async def test(_: Door, line: Line) -> None:
        await line.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n")
        answer = asyncio.create_task(line.answer())
        while not answer.done():
            await line.send(b"a")
            await asyncio.sleep(0.1)
        assert (await answer)[0] == 408

    with_door(test)


def test_a_steady_body_is_waited_for() -> None:
    async def test(_: Door, line: Line) -> None:
        await line.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 8000\r\n\r\n")
        for _ in range(16):
            await line.send(b"a" * 500)
            await asyncio.sleep(0.2)
        assert (await line.answer())[0] == 200

    with_door(test)


def test_a_refusal_can_be_read_by_who_sends_all_first() -> None:
    async def refuse(request: HttpRequest) -> HttpResponse:
        return HttpResponse(413, [], b"too large")

    async def test(_: Door, line: Line) -> None:
        await line.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9000\r\n\r\n")
        await asyncio.sleep(0.1)
        await line.send(b"a" * 9_000 + GET)
        assert (await line.answer())[::2] == (413, b"too large")
        assert (await line.answer())[0] == 413

    with_door(test, handle=refuse)


def test_a_body_that_nobody_wants_is_not_read_for_ever() -> None:
    async def refuse(request: HttpRequest) -> HttpResponse:
        return HttpResponse(413, [], b"")

    async def test(_: Door, line: Line) -> None:
        await line.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 90000000\r\n\r\nfirst")
        assert (await line.answer())[0] == 413

        async def send_on() -> None:
            for _ in range(1_000):
                await line.send(b"a" * 10_000)
                await asyncio.sleep(0)

        with pytest.raises(ConnectionError):
            await send_on()

    with_door(test, handle=refuse)


def test_one_connection_too_many_is_answered_503() -> None:
    async def test(door: Door, line: Line) -> None:
        others = [await door.connect() for _ in range(2)]
        await asyncio.sleep(0.05)
        surplus = await door.connect()
        assert (await surplus.answer())[0] == 503
        others[0].close()
        await asyncio.sleep(0.05)
        await line.send(GET)
        assert (await line.answer())[0] == 200
        again = await door.connect()
        await again.send(GET)
        assert (await again.answer())[0] == 200

    with_door(test)


def test_who_does_not_read_is_cut() -> None:
    async def large(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], b"a" * 20_000_000)

    async def test(door: Door, line: Line) -> None:
        line.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await line.send(GET)
        await asyncio.sleep(3.5)
        assert not door.state.connections

    with_door(test, handle=large)


def test_an_upgrade_is_answered_in_http_and_closed() -> None:
    expect(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n\x00\x01", 200)


def test_an_answer_in_parts_arrives_whole_or_visibly_not() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    async def broken() -> AsyncIterator[bytes]:
        yield b"one "
        raise RuntimeError("out of parts")

    async def stream(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], broken() if request.raw_path == b"/broken" else parts())

    async def test(_: Door, line: Line) -> None:
        await line.send(GET)
        assert await line.reader.readuntil(b"0\r\n\r\n")
        await line.send(b"GET /broken HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b"0\r\n\r\n" not in await line.reader.read()

    with_door(test, handle=stream)


def test_an_unforeseen_exception_tells_the_client_nothing() -> None:
    async def fail(request: HttpRequest) -> HttpResponse:
        raise RuntimeError("the secret is 1234")

    async def test(_: Door, line: Line) -> None:
        await line.send(GET)
        status, headers, body = await line.answer()
        assert status == 500
        assert b"1234" not in body
        assert len(headers[b"x-amzn-requestid"]) == 36

    with_door(test, handle=fail)


def test_head_has_no_body_and_keeps_a_stated_length() -> None:
    async def large(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [(b"content-length", b"123456")], b"")

    async def test(_: Door, line: Line) -> None:
        await line.send(b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b"content-length: 123456" in await line.reader.readuntil(b"\r\n\r\n")
        await line.send(b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert (await line.reader.readuntil(b"\r\n\r\n")).count(b"content-length") == 1

    with_door(test, handle=large)


def test_draining_waits_for_requests_and_takes_no_more() -> None:
    async def main() -> None:
        release = asyncio.Event()

        async def wait(request: HttpRequest) -> HttpResponse:
            await release.wait()
            return HttpResponse(200, [], b"finished")

        async with opened_door(wait) as door:
            busy, idle = await door.connect(), await door.connect()
            await busy.send(GET)
            await asyncio.sleep(0.05)
            draining = asyncio.create_task(door.listeners.drain(5))
            assert await idle.is_closed()
            with pytest.raises(OSError):
                await door.connect()
            release.set()
            status, headers, body = await busy.answer()
            assert (status, body, headers[b"connection"]) == (200, b"finished", b"close")
            assert await draining == 0

    asyncio.run(main())


def test_draining_cuts_what_does_not_finish() -> None:
    async def main() -> None:
        async def never(request: HttpRequest) -> HttpResponse:
            await asyncio.Event().wait()
            raise AssertionError

        async with opened_door(never) as door:
            line = await door.connect()
            await line.send(GET)
            await asyncio.sleep(0.05)
            assert await door.listeners.drain(0.2) == 1
            assert await line.is_closed()

    asyncio.run(main())


@pytest.mark.parametrize("header", [(b"x-name", b"a\r\nx-more: b"), (b"x-name", b"a\nb"), (b"x\rname", b"a")])
def test_a_line_break_in_a_header_never_leaves_the_server(header: tuple[bytes, bytes]) -> None:
    async def splitting(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [header], b"")

    async def test(_: Door, line: Line) -> None:
        await line.send(GET)
        status, headers, _body = await line.answer()
        assert status == 500
        assert b"x-more" not in headers

    with_door(test, handle=splitting)


def test_a_connection_ends_when_the_client_says_so() -> None:
    expect(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", 200)
    expect(b"GET / HTTP/1.0\r\n\r\n", 200)
