"""A door in the test's own process: real sockets, real parser, a handler of the test's choosing."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from strongroom.base.clock import Clock
from strongroom.server.front_door import FrontDoor, Handle
from strongroom.server.listeners import Listeners
from strongroom.server.protocol import ConnectionLimits, DoorState
from strongroom.server.proxies import Networks
from strongroom.server.sockets import bind, port_of
from strongroom.wire.http import HttpRequest, HttpResponse


async def echo(request: HttpRequest) -> HttpResponse:
    """Answer the body of the request, and its path in a header."""
    return HttpResponse(200, [(b"x-path", request.raw_path)], await request.body.read(100_000))


class Door:
    """A listener on a free port of the loopback interface."""

    def __init__(self, handle: Handle = echo, limits: ConnectionLimits | None = None, **trusted: Any) -> None:
        self.state = DoorState(limits or ConnectionLimits())
        networks = Networks(trusted.get("networks", ()))
        self.listeners = Listeners(FrontDoor(handle, handle, networks, Clock()), self.state)
        self.port = 0

    async def open(self) -> None:
        listener = bind("127.0.0.1", 0)
        self.port = port_of(listener)
        await self.listeners.start(listener, None)

    async def connect(self) -> "Line":
        return Line(*await asyncio.open_connection("127.0.0.1", self.port))


class Line:
    """One connection to the door, in bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[int, dict[bytes, bytes], bytes]:
        """Read one answer: status, headers, body."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10)
        first, *lines = head[:-4].split(b"\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
        body = await asyncio.wait_for(self.reader.readexactly(int(headers.get(b"content-length", b"0"))), 10)
        return int(first.split()[1]), headers, body

    async def is_closed(self, seconds: float = 5) -> bool:
        """Read to the end; True when the server closed the connection without a further byte."""
        try:
            return await asyncio.wait_for(self.reader.read(), seconds) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    def close(self) -> None:
        sock: socket.socket = self.writer.get_extra_info("socket")
        assert sock is not None
        self.writer.close()


@asynccontextmanager
async def opened_door(
    handle: Handle = echo, limits: ConnectionLimits | None = None, **options: Any
) -> AsyncIterator[Door]:
    door = Door(handle, limits, **options)
    await door.open()
    try:
        yield door
    finally:
        await door.listeners.drain(0)
