"""Bodies that are read past the parser: what arrives is what was sent, and what is behind it is the next request."""

import asyncio
import hashlib
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import uvloop
from tests.server.door import Door, Line, opened_door
from tests.server.test_connections import GET, SMALL

from strongroom.base.errors import AwsError
from strongroom.server.large_body import LARGE_ROOM_BYTES
from strongroom.wire.http import HttpRequest, HttpResponse

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
MIB = 1024 * 1024


@pytest.fixture(params=list(LOOPS))
def with_door(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Run a test of a door and one connection to it, on either event loop."""

    def run(test: Callable[[Door, Line], Awaitable[None]], **options: Any) -> None:
        async def main() -> None:
            async with opened_door(**options) as door:
                line = await door.connect()
                await asyncio.wait_for(test(door, line), 20)
                line.close()

        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(main())

    return run


def put(path: bytes, length: int, *lines: bytes) -> bytes:
    return b"".join((b"PUT %b HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n" % (path, length), *lines, b"\r\n"))


async def digest(request: HttpRequest) -> HttpResponse:
    """Answer the length and the hash of the body, and in how many chunks it came."""
    hashed, received, chunks = hashlib.sha256(), 0, 0
    async for chunk in request.body:
        hashed.update(chunk)
        received += len(chunk)
        chunks += 1
    told = f"{request.method} {received} {hashed.hexdigest()}".encode()
    return HttpResponse(200, [(b"x-chunks", b"%d" % chunks)], told)


def told(body: bytes, method: str = "PUT") -> bytes:
    return f"{method} {len(body)} {hashlib.sha256(body).hexdigest()}".encode()


@pytest.mark.parametrize("size", [65_535, 200_000, MIB - 1, MIB, MIB + 1, 3 * MIB + 65_536, 8 * MIB])
def test_what_is_read_is_what_was_sent(with_door: Callable[..., None], size: int) -> None:
    async def test(_: Door, line: Line) -> None:
        body = os.urandom(size)
        for _ in range(2):
            await line.send(put(b"/", size) + body)
            status, headers, answer = await line.answer()
            assert (status, answer) == (200, told(body))
            assert int(headers[b"x-chunks"]) <= 2 + size // LARGE_ROOM_BYTES

    with_door(test, handle=digest)


def test_it_does_not_matter_in_which_parts_it_comes(with_door: Callable[..., None]) -> None:
    chosen = random.Random(7)

    async def test(_: Door, line: Line) -> None:
        for _ in range(3):
            body = os.urandom(chosen.randrange(300_000, 2 * MIB))
            rest = memoryview(put(b"/", len(body)) + body + GET)
            while rest:
                part = chosen.choice((1, 50, 4_000, 70_000, 400_000))
                await line.send(bytes(rest[:part]))
                rest = rest[part:]
                await asyncio.sleep(0)
            assert (await line.answer())[2] == told(body)
            assert (await line.answer())[2] == told(b"", "GET")

    with_door(test, handle=digest)


def test_what_looks_like_a_request_in_a_body_is_body(with_door: Callable[..., None]) -> None:
    async def test(_: Door, line: Line) -> None:
        body = (b"\r\n\r\n" + GET + put(b"/evil", 5) + b"hello") * 20_000
        await line.send(put(b"/", len(body)))
        await asyncio.sleep(0.05)
        await line.send(body + put(b"/", len(body)) + body + GET)
        assert (await line.answer())[2] == told(body)
        assert (await line.answer())[2] == told(body)
        assert (await line.answer())[2] == told(b"", "GET")

    with_door(test, handle=digest)


def test_nonsense_behind_a_body_is_refused(with_door: Callable[..., None]) -> None:
    async def test(door: Door, line: Line) -> None:
        body = bytes(MIB)
        await line.send(put(b"/", MIB) + body + b"nonsense\r\n\r\n")
        assert (await line.answer())[::2] == (200, told(body))
        await line.reader.read()
        assert door.state.refusals[400] == 1

    with_door(test, handle=digest)


def test_a_client_that_asks_first_is_told_to_continue(with_door: Callable[..., None]) -> None:
    async def test(_: Door, line: Line) -> None:
        body = os.urandom(2 * MIB)
        await line.send(put(b"/", len(body), b"expect: 100-continue\r\n"))
        assert (await line.answer())[0] == 100
        await line.send(body)
        assert (await line.answer())[::2] == (200, told(body))

    with_door(test, handle=digest)


def test_a_body_of_unknown_length_is_read_as_ever(with_door: Callable[..., None]) -> None:
    async def test(_: Door, line: Line) -> None:
        body = os.urandom(700_000)
        await line.send(b"PUT / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        for at in range(0, len(body), 100_000):
            await line.send(b"%x\r\n%b\r\n" % (100_000, body[at : at + 100_000]))
        await line.send(b"0\r\n\r\n" + GET)
        assert (await line.answer())[2] == told(body)
        assert (await line.answer())[2] == told(b"", "GET")

    with_door(test, handle=digest)


def test_headers_behind_a_chunked_body_are_no_headers(with_door: Callable[..., None]) -> None:
    seen: list[HttpRequest] = []

    async def handle(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        return await digest(request)

    async def test(_: Door, line: Line) -> None:
        chunked = b"PUT / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
        await line.send(chunked + b"x-amz-acl: public\r\n\r\n")
        assert (await line.answer())[2] == told(b"abc")
        assert b"x-amz-acl" not in dict(seen[0].headers)

    with_door(test, handle=handle)


def test_headers_behind_a_chunked_body_do_not_go_on_for_ever(with_door: Callable[..., None]) -> None:
    async def test(_: Door, line: Line) -> None:
        await line.send(b"PUT / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nname: ")
        for _ in range(22):
            await line.send(b"b" * 100)
            await asyncio.sleep(0.005)
        assert (await line.answer())[0] == 431

    with_door(test, handle=digest, limits=SMALL)


def test_an_upgrade_has_no_body_and_is_answered_and_closed(with_door: Callable[..., None]) -> None:
    async def test(_: Door, line: Line) -> None:
        await line.send(put(b"/", MIB, b"connection: upgrade\r\nupgrade: websocket\r\n"))
        status, headers, answer = await line.answer()
        assert (status, answer, headers[b"connection"]) == (200, told(b""), b"close")
        assert await line.is_closed()

    with_door(test, handle=digest)


def test_a_refusal_in_the_middle_lets_the_connection_go_on(with_door: Callable[..., None]) -> None:
    async def handle(request: HttpRequest) -> HttpResponse:
        async for chunk in request.body:
            if chunk:
                return HttpResponse(403, [], b"enough")
        return HttpResponse(200, [], b"nothing")

    async def test(_: Door, line: Line) -> None:
        body = bytes(5 * MIB)
        await line.send(put(b"/", len(body)) + body + GET)
        assert (await line.answer())[::2] == (403, b"enough")
        # GET has no body: what was left of the first one was dropped, all of it.
        assert (await line.answer())[::2] == (200, b"nothing")

    with_door(test, handle=handle)


def test_a_body_that_nobody_wants_any_more_is_not_read_for_ever(with_door: Callable[..., None]) -> None:
    async def handle(request: HttpRequest) -> HttpResponse:
        async for _ in request.body:
            return HttpResponse(403, [], b"enough")
        raise AssertionError

    async def test(door: Door, _: Line) -> None:
        line = await door.connect()
        await line.send(put(b"/", 900 * MIB) + bytes(MIB))
        assert (await line.answer())[0] == 403

        async def send_on() -> None:
            for _ in range(10_000):
                await line.send(bytes(100_000))
                await asyncio.sleep(0)

        with pytest.raises(ConnectionError):
            await send_on()

    with_door(test, handle=handle, limits=SMALL)


def test_a_body_that_stops_is_given_up(with_door: Callable[..., None]) -> None:
    async def test(door: Door, line: Line) -> None:
        await line.send(put(b"/", 3 * MIB) + bytes(1_500_000))
        assert (await line.answer())[0] == 408
        assert await line.is_closed()
        assert door.state.refusals[408] == 1

    with_door(test, handle=digest, limits=SMALL)


def test_what_has_come_is_read_before_all_of_a_room_has(with_door: Callable[..., None]) -> None:
    async def handle(request: HttpRequest) -> HttpResponse:
        first = b""
        async for chunk in request.body:
            first += bytes(chunk)
            if b"field" in first:
                return HttpResponse(403, [], b"not with this field")
        raise AssertionError

    async def test(_: Door, line: Line) -> None:
        await line.send(put(b"/", 3 * MIB))
        await asyncio.sleep(0.05)
        await line.send(b"a field, and then nothing")
        assert (await line.answer())[::2] == (403, b"not with this field")

    with_door(test, handle=handle)


def test_a_client_that_leaves_ends_its_body(with_door: Callable[..., None]) -> None:
    refused: list[AwsError] = []

    async def handle(request: HttpRequest) -> HttpResponse:
        try:
            return await digest(request)
        except AwsError as error:
            refused.append(error)
            raise

    async def test(door: Door, _: Line) -> None:
        line = await door.connect()
        await line.send(put(b"/", 30 * MIB) + bytes(2_500_000))
        await asyncio.sleep(0.05)
        line.close()
        while not refused:
            await asyncio.sleep(0.01)
        assert (refused[0].code, refused[0].status) == ("RequestTimeout", 408)

    with_door(test, handle=handle)


def test_what_is_not_read_is_not_received(with_door: Callable[..., None]) -> None:
    go_on = asyncio.Event()

    async def handle(request: HttpRequest) -> HttpResponse:
        chunks = aiter(request.body)
        first = await anext(chunks)
        await go_on.wait()
        rest = 0
        async for chunk in chunks:
            rest += len(chunk)
        return HttpResponse(200, [], b"%d" % (len(first) + rest))

    async def test(_: Door, line: Line) -> None:
        size = 64 * MIB
        sending = asyncio.create_task(line.send(put(b"/", size) + bytes(size)))
        await asyncio.sleep(0.5)
        assert not sending.done()
        go_on.set()
        assert (await line.answer())[2] == b"%d" % size
        await sending

    with_door(test, handle=handle)


def test_a_chunk_stays_as_it_is_while_others_come(with_door: Callable[..., None]) -> None:
    async def handle(request: HttpRequest) -> HttpResponse:
        kept = [chunk async for chunk in request.body]
        return HttpResponse(200, [], hashlib.sha256(b"".join(kept)).hexdigest().encode())

    async def test(_: Door, line: Line) -> None:
        body = os.urandom(5 * MIB + 3)
        await line.send(put(b"/", len(body)) + body)
        assert (await line.answer())[2] == hashlib.sha256(body).hexdigest().encode()

    with_door(test, handle=handle)


def test_an_answer_that_streams_while_its_request_is_read(with_door: Callable[..., None]) -> None:
    async def parts(request: HttpRequest) -> AsyncIterator[bytes]:
        async for chunk in request.body:
            yield b"%d " % len(chunk)

    async def handle(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], parts(request))

    async def test(_: Door, line: Line) -> None:
        await line.send(put(b"/", 2 * MIB) + bytes(2 * MIB))
        answer = await line.reader.readuntil(b"0\r\n\r\n")
        chunks = answer.partition(b"\r\n\r\n")[2].split(b"\r\n")[1::2]
        assert sum(int(chunk) for chunk in b"".join(chunks).split()) == 2 * MIB

    with_door(test, handle=handle)
