"""The store on SQLite: reads inline in the event loop, writes in one writer thread that groups them.

Independent writers do not scale on SQLite, one writer does: whatever is waiting when it is free shares one durable
commit. Readers never wait for it (write-ahead log).
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal, TypeVar

from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError

from strongroom.base.errors import OperatorError
from strongroom.storage.errors import StoreClosed, is_outage, unavailable
from strongroom.storage.group import PendingWrite, finished
from strongroom.storage.migrate import migrate
from strongroom.storage.sqlite_appender import SqliteAppender
from strongroom.storage.sqlite_connection import (
    appending_engine,
    create_files,
    driver_of,
    reading_engine,
    writing_engine,
)
from strongroom.storage.sqlite_writer import SqliteWriter
from strongroom.storage.store import Store

T = TypeVar("T")

sqlite_version_min = (3, 35, 0)
"""The first SQLite with RETURNING."""


class SqliteStore(Store):
    """A store in one SQLite file. Two servers on one file are the caller's to prevent: see `lock.DirectoryLock`."""

    kind: ClassVar[Literal["sqlite", "postgresql"]] = "sqlite"

    def __init__(self, reading: Engine, appending: Engine, writing: Engine, writing_connection: Connection) -> None:
        super().__init__()
        self._reading = reading
        self._is_open = True
        self._is_reader_broken = False
        self._connect_reader()
        self._appender = SqliteAppender(appending, self._loop, self.write)
        self._writer = SqliteWriter(writing, writing_connection, self._loop, self._acknowledge)

    @classmethod
    def open(cls, url: URL) -> "SqliteStore":
        """Open the file that `url` names, see `open_store`. It blocks the event loop meanwhile: this is start-up."""
        if not url.database or url.database == ":memory:" or url.query or url.host:
            raise OperatorError("a SQLite database URL has the form sqlite:///path, and nothing after the path")
        if sqlite3.sqlite_version_info < sqlite_version_min:
            raise OperatorError(f"SQLite {sqlite3.sqlite_version} is too old: {sqlite_version_min} or newer is needed")
        path = Path(url.database).absolute()
        connection: Connection | None = None
        try:
            create_files(path)
            writing = writing_engine(path)
            connection = writing.connect()
            migrate(connection)
            return cls(reading_engine(path), appending_engine(path), writing, connection)
        except BaseException as error:
            if connection is not None:
                connection.close()
            if isinstance(error, OSError):
                raise OperatorError(f"cannot open the database {path}: {error.strerror}") from error
            if isinstance(error, DBAPIError):
                raise OperatorError(f"cannot open the database {path}: {error.orig}") from error
            raise

    async def read(self, fn: Callable[[Connection], T]) -> T:
        """Return `fn(connection)`, see `Store.read`."""
        if not self._is_open:
            raise StoreClosed("the store is closed")
        try:
            if self._is_reader_broken:
                self._reader.invalidate()
                self._connect_reader()
            self._execute("BEGIN")
            return finished(fn(self._reader))
        except DBAPIError as error:
            if is_outage(error, while_writing=False):
                self._is_reader_broken = True
                raise unavailable(error) from error
            raise
        finally:
            # Ended after each read, so that the next one sees what has been committed since.
            if self._driver.in_transaction:
                self._execute("ROLLBACK")

    async def append(self, fn: Callable[[Connection], T]) -> T:
        """Run `fn(connection)` without waiting for the disk, see `Store.append`."""
        if self._closing:
            raise StoreClosed("the store is closing")
        return await self._appender.append(fn)

    async def is_healthy(self) -> bool:
        """Return whether a read works and the writer can commit. It writes only when the last group met trouble."""
        try:
            await self.read(lambda connection: connection.exec_driver_sql("SELECT 1 FROM alembic_version").scalar())
            if self._writer.met_trouble:
                # Setting the version of the user (which nobody uses) rewrites one page: a commit that needs the disk.
                await self.write(lambda connection: connection.exec_driver_sql("PRAGMA user_version=0").close())
        except Exception:
            return False
        return self._writer.is_alive()

    def _connect_reader(self) -> None:
        self._reader = self._reading.connect()
        # This transaction exists for SQLAlchemy only, which sends nothing for it, and stays open: it saves every read
        # the making of one. The real ones are the BEGIN and ROLLBACK of `read`.
        self._reader.begin()
        self._driver = driver_of(self._reader)
        self._execute = self._driver.cursor().execute
        self._is_reader_broken = False

    def _enqueue(self, pending: PendingWrite) -> None:
        self._writer.put(pending)

    async def close(self) -> None:
        """Finish the writes that were asked for and sync what was appended, then close."""
        if not self._closing:
            await self._appender.close()
        await super().close()

    async def _disconnect(self) -> None:
        self._is_open = False
        self._reader.invalidate()
        self._reader.close()
        # The writer goes last: the last connection to close empties the log into the database.
        await self._writer.close()
