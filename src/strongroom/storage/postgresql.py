"""The store on PostgreSQL: the same functions, run through SQLAlchemy's asynchronous engine.

Writes are SERIALIZABLE: services read, decide and write in one function, and on SQLite nothing can come between; with
REPEATABLE READ two servers could each see "no such alias, 49,999 grants" and both go on. The price is that PostgreSQL
may ask for a repetition, which is why a function must be repeatable. One server runs its writes one group at a time, as
on SQLite: they keep the order of their calls, never collide with each other, and share commits.

Reads are REPEATABLE READ READ ONLY: one snapshot for all statements of a function, without the bookkeeping (and the
repetitions) of SERIALIZABLE. What a read decides is decided again by the write that follows from it.
"""

import asyncio
import contextlib
import random
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from strongroom.base.errors import OperatorError
from strongroom.storage.errors import StoreClosed, is_conflict, is_outage, unavailable
from strongroom.storage.group import GroupLost, PendingWrite, apply_group, finished, group_writes_max
from strongroom.storage.migrate import migrate
from strongroom.storage.notification import channel, encode
from strongroom.storage.postgresql_listener import Listener
from strongroom.storage.store import Store

T = TypeVar("T")

reading_connections_max = 8
"""How many reads run at once in one server; others wait for `pool_timeout_seconds` at most."""
pool_timeout_seconds = 10.0
connect_timeout_seconds = 5
statement_timeout_milliseconds = 30_000
idle_in_transaction_milliseconds = 30_000
"""PostgreSQL ends the transaction of a server that hangs in the middle of it, and with it its locks."""
attempts_max = 12
"""How often a group is tried, the first time included, while other servers' changes keep colliding with it."""
_BACKOFF_SECONDS = 0.002
_BACKOFF_SECONDS_MAX = 0.1
version_min = 130_000
"""PostgreSQL 13, as `server_version_num` counts."""


class CommitUncertain(Exception):  # noqa: N818 (it names a state)
    """The line broke during COMMIT: whether the change was made is unknown, and trying again could make it twice."""


class PostgresqlStore(Store):
    """A store in one PostgreSQL database, which several servers may share."""

    kind: ClassVar[Literal["sqlite", "postgresql"]] = "postgresql"

    def __init__(self, url: URL) -> None:
        super().__init__()
        self._reading = _engine(url, "repeatable read", read_only=True, connections_max=reading_connections_max)
        self._writing = _engine(url, "serializable", read_only=False, connections_max=1)
        self._sender = uuid.uuid4().hex
        parameters = self._reading.dialect.create_connect_args(self._reading.url)[1]
        self._listener = Listener(parameters, self._sender, self._invalidate)
        self._queue: deque[PendingWrite] = deque()
        self._has_work = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._is_open = True

    @classmethod
    async def open(cls, url: URL) -> "PostgresqlStore":
        """Connect, migrate, listen; see `open_store`."""
        store = cls(url)
        try:
            async with store._writing.connect() as connection:
                await connection.run_sync(_check_server)
                await connection.run_sync(migrate)
            await store._listener.start()
        except BaseException as error:
            await store._disconnect()
            if isinstance(error, (DBAPIError, psycopg.Error, OSError)):
                place = url.set(password=None, query={}).render_as_string()
                raise OperatorError(f"cannot open the database {place}: {unavailable(error)}") from error
            raise
        store._writer = asyncio.create_task(store._write_groups(), name="postgresql-writer")
        return store

    async def read(self, fn: Callable[[Connection], T]) -> T:
        """Return `fn(connection)`, see `Store.read`. Runs `fn` again, once, when the connection was dead."""
        if not self._is_open:
            raise StoreClosed("the store is closed")
        try:
            try:
                return await self._read_once(fn)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
            return await self._read_once(fn)
        except (DBAPIError, PoolTimeoutError) as error:
            if isinstance(error, PoolTimeoutError) or is_outage(error, while_writing=False):
                raise unavailable(error) from error
            raise

    async def is_healthy(self) -> bool:
        """Return whether PostgreSQL answers in time, and takes writes."""
        try:
            async with asyncio.timeout(connect_timeout_seconds):
                is_standby = await self.read(
                    lambda connection: connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar()
                )
        except Exception:
            return False
        return not is_standby and self._writer is not None and not self._writer.done()

    async def _read_once(self, fn: Callable[[Connection], T]) -> T:
        async with self._reading.connect() as connection:
            return await connection.run_sync(lambda synchronous: finished(fn(synchronous)))

    def _enqueue(self, pending: PendingWrite) -> None:
        self._queue.append(pending)
        self._has_work.set()

    async def _write_groups(self) -> None:
        queue = self._queue
        while True:
            if not queue:
                self._has_work.clear()
                await self._has_work.wait()
            group = [queue.popleft() for _ in range(min(len(queue), group_writes_max))]
            try:
                await self._commit(group)
            except (Exception, asyncio.CancelledError) as error:
                for pending in group:
                    pending.error = unavailable(_reason(error))
                self._acknowledge(group)
                if isinstance(error, asyncio.CancelledError):
                    raise
            else:
                self._acknowledge(group)

    async def _commit(self, group: Sequence[PendingWrite]) -> None:
        """Commit a group, again and again while that is safe and of use. Raises what stands in the way."""
        has_reconnected = False
        for attempt in range(1, attempts_max + 1):
            try:
                async with self._writing.connect() as connection:
                    await connection.run_sync(self._apply, group)
                return
            except Exception as error:
                reason = _reason(error)
                if is_conflict(reason) and attempt < attempts_max:
                    # Random, so that two servers do not meet again.
                    longest = min(_BACKOFF_SECONDS * 2**attempt, _BACKOFF_SECONDS_MAX)
                    await asyncio.sleep(random.random() * longest)  # noqa: S311
                    continue
                is_dead = isinstance(reason, DBAPIError) and reason.connection_invalidated
                if is_dead and not isinstance(error, CommitUncertain) and not has_reconnected:
                    has_reconnected = True  # A connection of the pool that died while it was idle.
                    continue
                raise

    def _apply(self, connection: Connection, group: Sequence[PendingWrite]) -> None:
        driver: Any = connection.connection.driver_connection

        def is_intact() -> bool:
            # A COMMIT in the state INERROR would be answered by a rollback, without an error.
            return bool(driver.info.transaction_status != TransactionStatus.INERROR and not connection.invalidated)

        transaction = connection.begin()
        if not apply_group(connection, group, connection.exec_driver_sql, is_intact):
            transaction.rollback()
            return
        stale = dict.fromkeys(name for pending in group if pending.error is None for name in pending.invalidates)
        payloads = encode(self._sender, tuple(stale))
        if payloads:
            # PostgreSQL delivers notifications at the commit, and only then.
            connection.exec_driver_sql(f"SELECT pg_notify('{channel}', unnest(%s::text[]))", (payloads,))
        try:
            transaction.commit()
        except DBAPIError as error:
            if is_conflict(error):
                raise
            raise CommitUncertain("COMMIT failed") from error

    async def _disconnect(self) -> None:
        self._is_open = False
        if self._writer is not None:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer
        await self._listener.close()
        await self._writing.dispose()
        await self._reading.dispose()


def _reason(error: BaseException) -> BaseException:
    """Return the database's error behind one of our own."""
    if isinstance(error, (GroupLost, CommitUncertain)) and error.__cause__ is not None:
        return error.__cause__
    return error


def _engine(url: URL, isolation: str, *, read_only: bool, connections_max: int) -> AsyncEngine:
    settings = {
        "default_transaction_isolation": isolation.replace(" ", r"\ "),
        "default_transaction_read_only": "on" if read_only else "off",
        "statement_timeout": str(statement_timeout_milliseconds),
        "idle_in_transaction_session_timeout": str(idle_in_transaction_milliseconds),
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    given = url.query.get("options", "")
    query = {
        "application_name": "strongroom",
        "connect_timeout": str(connect_timeout_seconds),
        **url.query,
        "options": f"{given} {options}".strip() if isinstance(given, str) else options,
    }
    return create_async_engine(
        url.set(drivername="postgresql+psycopg", query=query),
        pool_size=connections_max,
        max_overflow=0,
        pool_timeout=pool_timeout_seconds,
        use_native_hstore=False,
        hide_parameters=True,  # Parameters stay out of the text of exceptions, and so out of logs.
    )


def _check_server(connection: Connection) -> None:
    """Refuse a server that would not keep what the store promises. Raises OperatorError."""
    with connection.begin():
        row = connection.exec_driver_sql(
            "SELECT current_setting('server_version_num')::int, current_setting('server_encoding'),"
            " current_setting('synchronous_commit'), pg_is_in_recovery()"
        ).one()
    version, encoding, synchronous_commit, is_standby = row
    if version < version_min:
        raise OperatorError(f"PostgreSQL {version // 10_000} is too old: {version_min // 10_000} or newer is needed")
    if encoding != "UTF8":
        raise OperatorError(f"the encoding of the database is {encoding}: make one with ENCODING 'UTF8'")
    if synchronous_commit == "off":
        raise OperatorError("synchronous_commit is off for this database or user: acknowledged changes could be lost")
    if is_standby:
        raise OperatorError("the PostgreSQL server is a standby, which takes no writes: name the primary")
