"""Ways out of a sandbox: addresses that a job connects to as if they were there, and that the server forwards.

A job has no network but its own loopback. For an address that it is granted, a socket listens in there, and what comes
in is relayed to the real one. The job needs to know nothing of it: `localhost` and 127.x.y.z are where they always are,
another IP address becomes one of the loopback's, and a name stands in /etc/hosts for an address that is free.
"""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from strongroom.base.outbound_addresses import Address

ROUTES_MAX = 8
"""Addresses that one sandbox may be granted."""

CONNECTIONS_MAX = 64
"""Connections that one sandbox may have out at once; further ones wait."""

CONNECT_SECONDS_MAX = 10.0
_PIECE_BYTES = 65_536
_FIRST_FREE = ipaddress.IPv4Address("127.77.0.1")
_LOOPBACK = "127.0.0.1"
_LOOPBACK_NETWORK = ipaddress.IPv4Network("127.0.0.0/8")


class Route(NamedTuple):
    """One way out: to `destination`, by the IPv4 address (at the same port) where it is found inside.

    `name` is to stand for the address in /etc/hosts; None where none has to.
    """

    destination: Address
    address: str
    name: str | None = None

    @property
    def is_loopback(self) -> bool:
        """Whether the address is the loopback's already."""
        return ipaddress.IPv4Address(self.address) in _LOOPBACK_NETWORK


def routes_to(destinations: Iterable[Address]) -> tuple[Route, ...]:
    """Return the routes to some addresses. Raises ValueError for too many, and for IPv6 addresses."""
    routes = []
    named: dict[str, str] = {}
    for destination in dict.fromkeys(destinations):
        host = destination.host
        if host == "localhost":
            routes.append(Route(destination, _LOOPBACK))
        elif _is_ip(host):
            routes.append(Route(destination, host))
        else:
            address = named.setdefault(host, str(_FIRST_FREE + len(named)))
            routes.append(Route(destination, address, host))
    if len(routes) > ROUTES_MAX:
        raise ValueError(f"a sandbox can have {ROUTES_MAX} addresses outside, not {len(routes)}")
    return tuple(routes)


def _is_ip(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if address.version != 4:
        raise ValueError(f"{host} is an address of IPv6, which a sandbox cannot reach")
    return True


class Relay:
    """Forwards what comes in at the listening sockets of some routes, which are its own to close from now on."""

    def __init__(self, listeners: Sequence[socket.socket], routes: Sequence[Route]) -> None:
        self._free = asyncio.Semaphore(CONNECTIONS_MAX)
        self._connections: set[asyncio.Task[None]] = set()
        self._accepting = [
            asyncio.create_task(self._accept(listener, route.destination))
            for listener, route in zip(listeners, routes, strict=True)
        ]
        self._listeners = tuple(listeners)

    async def close(self) -> None:
        """Listen no more, and cut every connection. Safe to call twice."""
        tasks = [*self._accepting, *self._connections]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for listener in self._listeners:
            listener.close()

    async def _accept(self, listener: socket.socket, destination: Address) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._free.acquire()
            try:
                accepted, _ = await loop.sock_accept(listener)
            except BaseException:
                self._free.release()
                raise
            task = asyncio.create_task(_relay(accepted, destination))
            self._connections.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._connections.discard(task)
        self._free.release()
        if not task.cancelled():
            task.exception()


async def _relay(accepted: socket.socket, destination: Address) -> None:
    """Carry bytes both ways until either side is through. What cannot be reached is cut, as a refusal."""
    with accepted, contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(CONNECT_SECONDS_MAX):
            there = await asyncio.open_connection(destination.host, destination.port)
        here = await asyncio.open_connection(sock=accepted)
        try:
            await asyncio.gather(_carry(here[0], there[1]), _carry(there[0], here[1]))
            for _, writer in (here, there):
                writer.close()
                await writer.wait_closed()
        finally:
            for _, writer in (here, there):
                writer.transport.abort()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_PIECE_BYTES):
        writer.write(piece)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
