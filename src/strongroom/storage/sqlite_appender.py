"""Writes that nobody waits for, made in the event loop's thread.

A second thread that wants the interpreter's lock while the loop is busy costs the loop dearly: each release of the
lock wakes the thread, in vain as a rule. So the audit trail's batches, twenty a second, are written right here: without
a wait for the disk that takes a fraction of a millisecond. Once a second the writer's thread makes them durable.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from strongroom.storage.errors import StorageUnavailable, is_outage, unavailable
from strongroom.storage.group import finished
from strongroom.storage.sqlite_connection import driver_of
from strongroom.storage.store import append_seconds_max

T = TypeVar("T")
Write = Callable[[Callable[[Connection], Any]], Awaitable[Any]]


class SqliteAppender:
    """The connection for `Store.append`. `write` is the store's durable way, which syncs what was appended."""

    def __init__(self, engine: Engine, loop: asyncio.AbstractEventLoop, write: Write) -> None:
        self._engine = engine
        self._loop = loop
        self._write = write
        self._connection: Connection | None = None
        self._execute: Callable[[str], object]
        self._sync: asyncio.Task[None] | None = None
        self._is_closing = asyncio.Event()

    async def append(self, fn: Callable[[Connection], T]) -> T:
        """Run `fn` in a transaction of its own, now, or with the writer's next group when that holds the lock."""
        connection = self._connection
        if connection is None:
            connection = self._connection = self._engine.connect()
            # For SQLAlchemy only, which sends nothing for it; the real transactions are begun and ended below.
            connection.begin()
            self._execute = driver_of(connection).execute
        try:
            self._execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                result: T = await self._write(fn)
                return result
            self._drop()
            raise unavailable(error) from error
        try:
            value = finished(fn(connection))
            self._execute("COMMIT")
        except BaseException as error:
            # Closing the connection undoes whatever was done; the next append opens another.
            self._drop()
            if isinstance(error, sqlite3.Error) or (
                isinstance(error, DBAPIError) and is_outage(error, while_writing=True)
            ):
                raise unavailable(error) from error
            raise
        if self._sync is None:
            self._sync = self._loop.create_task(self._sync_soon())
        return value

    async def close(self) -> None:
        """Sync what was appended, and close the connection."""
        self._is_closing.set()
        if self._sync is not None:
            await self._sync
        self._drop()

    async def _sync_soon(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._is_closing.wait(), append_seconds_max / 2)
        self._sync = None
        # A durable commit syncs the whole log. Setting the version of the user, which nobody uses, needs one. When the
        # disk refuses it, the next append tries again: what was appended is in the log, only not surely on the disk.
        with contextlib.suppress(StorageUnavailable):
            await self._write(lambda connection: connection.exec_driver_sql("PRAGMA user_version=0").close())

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()
