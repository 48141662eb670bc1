"""All connections of all listeners: they start, are swept once a second, and drain."""

import asyncio
import contextlib
import socket
import ssl
from email.utils import formatdate
from typing import Any

from uvicorn.config import Config

from strongroom.server.protocol import BoundedHttpProtocol, DoorState
from strongroom.server.sockets import BACKLOG

TLS_HANDSHAKE_SECONDS_MAX = 10
TLS_SHUTDOWN_SECONDS_MAX = 1


class Listeners:
    """Serves one ASGI application on any number of sockets, some with TLS, in the running event loop.

    uvicorn's `Server` is not used: it serves one socket's worth of configuration, owns the signals, and has no sweep.
    """

    def __init__(self, application: Any, door: DoorState) -> None:
        self._door = door
        self._servers: list[asyncio.AbstractServer] = []
        self._sweep: asyncio.TimerHandle | None = None
        self._config = Config(
            application,
            http=BoundedHttpProtocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
        )
        self._config.load()

    async def start(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Accept connections on a bound socket, which is ours to close from now on."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: BoundedHttpProtocol(self._config, self._door, _loop=loop),
            sock=listener,
            ssl=tls,
            backlog=BACKLOG,
            ssl_handshake_timeout=None if tls is None else TLS_HANDSHAKE_SECONDS_MAX,
            ssl_shutdown_timeout=None if tls is None else TLS_SHUTDOWN_SECONDS_MAX,
        )
        self._servers.append(server)
        if self._sweep is None:
            self._each_second(loop)

    def _each_second(self, loop: asyncio.AbstractEventLoop) -> None:
        self._door.default_headers = [(b"date", formatdate(usegmt=True).encode())]
        for connection in tuple(self._door.connections):
            if isinstance(connection, BoundedHttpProtocol):
                connection.sweep()
        self._sweep = loop.call_later(1.0, self._each_second, loop)

    async def drain(self, seconds_max: float) -> int:
        """Accept no more, let requests in flight finish for at most `seconds_max`, then cut what is left.

        Returns how many connections were cut.
        """
        self._door.is_draining = True
        for server in self._servers:
            server.close()
        for connection in tuple(self._door.connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds_max):
                if self._door.connections:
                    await self._door.emptied.wait()
                # A client that went away leaves its request running.
                await asyncio.gather(*(asyncio.shield(task) for task in self._door.tasks), return_exceptions=True)
        if self._sweep is not None:
            self._sweep.cancel()
        left = tuple(self._door.connections)
        for connection in left:
            connection.transport.abort()
        tasks = tuple(self._door.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return len(left)
