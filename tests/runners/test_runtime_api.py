"""The Runtime API as a runtime meets it, and as somebody meets it who means no good."""

import asyncio
import contextlib
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from strongroom.runners.runtime_api import (
    CONNECTIONS_MAX,
    HEAD_BYTES_MAX,
    RESPONSE_BYTES_MAX,
    Invocation,
    Outcome,
    RuntimeApi,
    RuntimeEnded,
)

NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n"
GIVEN = Invocation("id-1", b'{"a": 1}', "arn:aws:lambda:us-east-1:1:function:f", 1_700_000_000_000, "Root=1")


class Client:
    """One connection of whoever is in the environment."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(5):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in head[1:] if line)
            body = await self.reader.readexactly(int(headers.get("Content-Length", 0)))
        return int(head[0].split()[1]), headers, body

    async def ask(self, data: bytes) -> tuple[int, dict[str, str], bytes]:
        self.send(data)
        return await self.answer()

    async def is_cut(self) -> bool:
        """Whether the other side ends the connection, after whatever it still says."""
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                await self.reader.read()
        return True


def post(path: str, body: bytes, *headers: str) -> bytes:
    lines = [f"POST /2018-06-01/runtime/{path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Served:
    """An API, and as many connections to it as a test wants."""

    def __init__(self, api: RuntimeApi, port: int) -> None:
        self.api = api
        self._port = port

    async def connect(self) -> Client:
        return Client(*await asyncio.open_connection("127.0.0.1", self._port, limit=2**23))

    async def taking(self) -> tuple[Client, "asyncio.Task[Outcome]"]:
        """A runtime that was given an invocation."""
        client = await self.connect()
        invoked = asyncio.create_task(self.api.invoke(GIVEN))
        assert (await client.ask(NEXT))[0] == 200
        return client, invoked


def with_api(body: Callable[[Served], Awaitable[None]]) -> None:
    async def main() -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            listener.setblocking(False)
            api = RuntimeApi(listener)
            await api.start()
            await body(Served(api, listener.getsockname()[1]))
            await api.close()

    asyncio.run(main())


def error_of(body: bytes) -> Any:
    return json.loads(body)["errorType"]


def test_a_runtime_is_given_invocations_and_answers_them() -> None:
    async def body(served: Served) -> None:
        client = await served.connect()
        client.send(NEXT)
        assert await served.api.initialized() is None
        for number in range(3):
            await served.api.idle()
            given = GIVEN._replace(request_id=f"id-{number}", client_context='{"custom":{}}')
            invoked = asyncio.create_task(served.api.invoke(given))
            status, headers, payload = await client.answer()
            assert (status, payload) == (200, b'{"a": 1}')
            assert headers["Lambda-Runtime-Aws-Request-Id"] == f"id-{number}"
            assert headers["Lambda-Runtime-Deadline-Ms"] == "1700000000000"
            assert headers["Lambda-Runtime-Invoked-Function-Arn"] == GIVEN.function_arn
            assert headers["Lambda-Runtime-Trace-Id"] == "Root=1"
            assert headers["Lambda-Runtime-Client-Context"] == '{"custom":{}}'
            assert (await client.ask(post(f"invocation/id-{number}/response", b"[1]")))[0] == 202
            assert await invoked == Outcome(b"[1]")
            client.send(NEXT)

    with_api(body)


def test_errors_and_chunks_and_a_body_that_waits_to_be_asked_for() -> None:
    async def body(served: Served) -> None:
        client, invoked = await served.taking()
        header = "Lambda-Runtime-Function-Error-Type: Runtime.Own"
        assert (await client.ask(post("invocation/id-1/error", b'{"errorMessage":"no"}', header)))[0] == 202
        assert await invoked == Outcome(b'{"errorMessage":"no"}', "Runtime.Own")
        client, invoked = await served.taking()
        path = b"POST /2018-06-01/runtime/invocation/id-1/response HTTP/1.1\r\n"
        client.send(path + b"Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
        assert (await client.answer())[0] == 100
        for piece in (b"3\r\n[1,\r\n", b"2\r\n2]\r\n0\r\n\r\n"):
            client.send(piece)
            await asyncio.sleep(0.01)
        assert (await client.answer())[0] == 202
        assert await invoked == Outcome(b"[1,2]")

    with_api(body)


def test_a_runtime_that_cannot_begin() -> None:
    async def body(served: Served) -> None:
        client = await served.connect()
        told = b'{"errorType":"Runtime.ImportModuleError"}'
        header = "Lambda-Runtime-Function-Error-Type: Runtime.ImportModuleError"
        assert (await client.ask(post("init/error", told, header)))[0] == 202
        assert await served.api.initialized() == Outcome(told, "Runtime.ImportModuleError")
        status, _, refusal = await client.ask(post("init/error", told))
        assert (status, error_of(refusal)) == (403, "InvalidStateTransition")

    with_api(body)


def test_what_is_too_long_is_not_kept_and_is_an_error_at_once() -> None:
    async def body(served: Served) -> None:
        client, invoked = await served.taking()
        long = b"x" * (RESPONSE_BYTES_MAX + 1)
        status, _, refusal = await client.ask(post("invocation/id-1/response", long))
        assert (status, error_of(refusal)) == (413, "RequestEntityTooLarge")
        outcome = await invoked
        assert (outcome.error_type, error_of(outcome.payload)) == ("Function.ResponseSizeTooLarge",) * 2
        client, invoked = await served.taking()
        assert (await client.ask(post("invocation/id-1/response", long[:-1])))[0] == 202
        assert len((await invoked).payload) == RESPONSE_BYTES_MAX

    with_api(body)


@pytest.mark.parametrize(
    ("request_", "status", "error"),
    [
        (post("invocation/id-2/response", b"1"), 400, "InvalidRequestID"),
        (post("invocation/id-1/response", b"1").replace(b"POST", b"PUT", 1), 405, "MethodNotAllowed"),
        (NEXT, 403, "InvalidStateTransition"),
        (NEXT.replace(b"GET", b"POST", 1), 405, "MethodNotAllowed"),
        (NEXT.replace(b"invocation/next", b"restore/next"), 404, "ResourceNotFound"),
        (b"GET /2020-01-01/extension/register HTTP/1.1\r\n\r\n", 404, "ResourceNotFound"),
        (b"GET / HTTP/1.1\r\n\r\n", 404, "ResourceNotFound"),
    ],
)
def test_what_is_refused_changes_nothing(request_: bytes, status: int, error: str) -> None:
    async def body(served: Served) -> None:
        client, invoked = await served.taking()
        other = await served.connect()
        seen, _, refusal = await other.ask(request_)
        assert (seen, error_of(refusal)) == (status, error)
        assert await other.is_cut()
        assert not invoked.done()
        assert (await client.ask(post("invocation/id-1/response", b"1")))[0] == 202
        assert await invoked == Outcome(b"1")

    with_api(body)


def test_an_answer_comes_once_and_by_one_connection() -> None:
    async def body(served: Served) -> None:
        client, invoked = await served.taking()
        client.send(post("invocation/id-1/response", b"12345")[:-3])
        await asyncio.sleep(0.02)
        other = await served.connect()
        assert error_of((await other.ask(post("invocation/id-1/response", b"no")))[2]) == "InvalidStateTransition"
        # Who began it went away: somebody else may answer.
        client.writer.transport.abort()
        await asyncio.sleep(0.02)
        third = await served.connect()
        assert (await third.ask(post("invocation/id-1/response", b"yes")))[0] == 202
        assert await invoked == Outcome(b"yes")
        assert error_of((await third.ask(post("invocation/id-1/response", b"again")))[2]) == "InvalidRequestID"

    with_api(body)


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /" + b"x" * HEAD_BYTES_MAX + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 100 + b"\r\n",
        NEXT[:-2] + b"A: " + b"x" * (HEAD_BYTES_MAX + 300_000),
        NEXT[:-2] + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        NEXT[:-2] + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        NEXT + NEXT,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=["TLS", "long target", "many headers", "long head", "two lengths", "upgrade", "two at once", "HTTP/2"],
)
def test_nonsense_costs_its_sender_the_connection_and_nobody_else(data: bytes) -> None:
    async def body(served: Served) -> None:
        client, invoked = await served.taking()
        hostile = await served.connect()
        hostile.send(data)
        assert await hostile.is_cut()
        assert (await client.ask(post("invocation/id-1/response", b"1")))[0] == 202
        assert await invoked == Outcome(b"1")

    with_api(body)


def test_connections_without_end() -> None:
    async def body(served: Served) -> None:
        client, invoked = await served.taking()
        many = [await served.connect() for _ in range(3 * CONNECTIONS_MAX)]
        assert await many[-1].is_cut()
        assert (await client.ask(post("invocation/id-1/response", b"1")))[0] == 202
        assert await invoked == Outcome(b"1")
        for each in many:
            each.writer.transport.abort()
        await asyncio.sleep(0.05)
        assert (await (await served.connect()).ask(b"GET / HTTP/1.1\r\n\r\n"))[0] == 404

    with_api(body)


def test_whoever_waits_for_a_runtime_that_has_ended_is_told() -> None:
    async def body(served: Served) -> None:
        waiting = asyncio.create_task(served.api.initialized())
        await asyncio.sleep(0)
        served.api.end()
        for ended in (waiting, served.api.idle(), served.api.invoke(GIVEN)):
            with pytest.raises(RuntimeEnded):
                await ended

    with_api(body)

    async def during(served: Served) -> None:
        _, invoked = await served.taking()
        served.api.end()
        with pytest.raises(RuntimeEnded):
            await invoked

    with_api(during)


def test_what_cannot_be_in_a_header_is_not_put_there() -> None:
    async def body(served: Served) -> None:
        for value in ("a\r\nX: y", "\u00e9", "a\0"):
            with pytest.raises(ValueError, match="printable"):
                await served.api.invoke(GIVEN._replace(client_context=value))

    with_api(body)
