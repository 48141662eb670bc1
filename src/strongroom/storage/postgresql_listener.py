"""Hears from other servers, by LISTEN, what their changes made stale; says "forget everything" after any gap."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg

from strongroom.storage.notification import channel, decode

heartbeat_seconds = 1.0
"""How often a quiet connection is tried. A server that has been cut off knows it after this and the time-out."""
heartbeat_timeout_seconds = 2.0
connect_timeout_seconds = 5.0
_RECONNECT_DELAYS_SECONDS = (0.05, 0.2, 0.5, 1.0)


class Listener:
    """A connection of its own that listens, in a task, until closed.

    While it is cut off, what it has not heard is unknown: it says "forget everything" when it notices, at every failed
    attempt to come back, and once it listens again.
    """

    def __init__(self, connect: Mapping[str, Any], sender: str, tell: Callable[[Sequence[str]], None]) -> None:
        """Take psycopg's connection parameters; `tell` is called in the event loop. `sender` is not listened to."""
        self._connect = {**connect, "connect_timeout": connect_timeout_seconds}
        self._sender = sender
        self._tell = tell
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen. Raises psycopg.Error when the first connection fails."""
        self._task = asyncio.create_task(self._run(await self._listen()), name="postgresql-listener")

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _listen(self) -> psycopg.AsyncConnection[Any]:
        connection = await psycopg.AsyncConnection.connect(autocommit=True, **self._connect)
        try:
            await connection.execute(f"LISTEN {channel}")
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _run(self, connection: psycopg.AsyncConnection[Any]) -> None:
        while True:
            try:
                await self._hear(connection)
            except (psycopg.Error, OSError, TimeoutError):
                self._tell(())
            finally:
                await connection.close()
            connection = await self._listen_again()
            self._tell(())

    async def _hear(self, connection: psycopg.AsyncConnection[Any]) -> None:
        while True:
            async for heard in connection.notifies(timeout=heartbeat_seconds):
                notification = decode(heard.payload)
                if notification.sender != self._sender:
                    self._tell(notification.names)
            # Without traffic of our own a broken line would look like silence.
            async with asyncio.timeout(heartbeat_timeout_seconds):
                await connection.execute("SELECT 1")

    async def _listen_again(self) -> psycopg.AsyncConnection[Any]:
        attempt = 0
        while True:
            await asyncio.sleep(_RECONNECT_DELAYS_SECONDS[min(attempt, len(_RECONNECT_DELAYS_SECONDS) - 1)])
            try:
                return await self._listen()
            except (psycopg.Error, OSError):
                self._tell(())
            attempt += 1
