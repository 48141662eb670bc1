"""The store and its two verbs, `read` and `write`: what every database offers, and what they share."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, Literal, TypeVar

from sqlalchemy import Connection, make_url
from sqlalchemy.exc import ArgumentError

from strongroom.base.errors import OperatorError
from strongroom.storage.errors import StorageUnavailable, StoreClosed
from strongroom.storage.group import PendingWrite

writes_waiting_max = 1024
"""How many writes may be queued or under way; the next callers of `write` wait, in order, until there is room."""

append_seconds_max = 1.0
"""How long after `append` returned a failure of the machine may still undo the change."""

T = TypeVar("T")
Subscriber = Callable[[Sequence[str]], None]


class Store(ABC):
    """A durable database. One object per process and event loop; it is made by `open_store`.

    `fn` is an ordinary function of a SQLAlchemy connection, in which SQLAlchemy Core is used as usual. It must take its
    rows out of the result before it returns (a Result that escapes is a TypeError), must not commit or roll back (but
    may use `connection.begin_nested()`), and must be repeatable: on PostgreSQL it runs again when another server's
    change collides, so it may touch nothing but the database and its own local variables. To catch a database error
    inside `fn` and go on, wrap the statement in `begin_nested()`; otherwise let it propagate.

    What `fn` raises comes to its own caller with its type; a broken constraint is `sqlalchemy.exc.IntegrityError` on
    every database (see `errors.is_unique_violation`). Trouble of the database itself is StorageUnavailable.
    """

    kind: ClassVar[Literal["sqlite", "postgresql"]]

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._subscribers: list[Subscriber] = []
        self._slots = asyncio.Semaphore(writes_waiting_max)
        self._writes_unfinished = 0
        self._closing = False
        self._drained = asyncio.Event()

    @abstractmethod
    async def read(self, fn: Callable[[Connection], T]) -> T:
        """Return `fn(connection)`, run on one snapshot that holds every write acknowledged before the call.

        `fn` runs in the event loop's thread and cannot write. Keep it short: on SQLite nothing else runs meanwhile.
        """

    async def write(self, fn: Callable[[Connection], T], *, invalidates: Iterable[str] = ()) -> T:
        """Run `fn(connection)` and return its result once the change is durable, and subscribers know of it.

        Writes are serializable: each sees the database as if it ran alone, in the order of the calls. Several share
        one commit, each in a savepoint: when `fn` raises, only its own changes are undone. On SQLite `fn` runs in the
        writer's thread, on PostgreSQL in the event loop's. `invalidates` names the cache entries that this change makes
        stale. A caller that is cancelled once its write is queued does not undo it.

        Raises what `fn` raises, StorageUnavailable when the change could not be made durable, and StoreClosed.
        """
        if isinstance(invalidates, str):
            raise TypeError("invalidates is a collection of names, not one name")
        if self._closing:
            raise StoreClosed("the store is closing")
        self._writes_unfinished += 1
        try:
            await self._slots.acquire()
        except BaseException:
            self._count_down(1)
            raise
        pending = PendingWrite(fn, tuple(invalidates), self._loop.create_future())
        self._enqueue(pending)
        result: T = await pending.future
        return result

    async def append(self, fn: Callable[[Connection], T]) -> T:
        """Run `fn(connection)` like `write`, but perhaps return before the disk has confirmed it.

        When it returns, the change is seen by every read and outlives the process; it outlives a failure of the whole
        machine once `append_seconds_max` have passed, or any later `write` was acknowledged. Meant for what nobody
        waits for. It may run in the event loop's thread: keep it short. Raises what `write` raises.
        """
        return await self.write(fn)

    def subscribe(self, callback: Subscriber) -> None:
        """Have `callback(names)` called in the event loop's thread after each change that makes cache entries stale.

        It is called after the commit and before the `write` that caused it returns; on PostgreSQL also for changes of
        other servers. An empty sequence means "forget everything". Being told of a change that did not happen after all
        is possible and harmless. A callback that raises is called again with an empty sequence.
        """
        self._subscribers.append(callback)

    @abstractmethod
    async def is_healthy(self) -> bool:
        """Return whether the database answers and takes writes, as far as can be told cheaply. Never raises."""

    async def close(self) -> None:
        """Finish the writes that were asked for, then close. Further calls do nothing."""
        if self._closing:
            return
        self._closing = True
        if self._writes_unfinished:
            await self._drained.wait()
        await self._disconnect()

    @abstractmethod
    def _enqueue(self, pending: PendingWrite) -> None:
        """Queue a write; `_acknowledge` must follow for it, whatever happens."""

    @abstractmethod
    async def _disconnect(self) -> None:
        """Close every connection. Nothing is queued any more."""

    def _acknowledge(self, group: Sequence[PendingWrite]) -> None:
        """Tell subscribers, then callers, what became of a group. Runs in the event loop's thread."""
        stale: dict[str, None] = {}
        for pending in group:
            if pending.error is None or isinstance(pending.error, StorageUnavailable):
                stale.update(dict.fromkeys(pending.invalidates))
        if stale:
            self._invalidate(tuple(stale))
        for pending in group:
            self._slots.release()
            pending.settle()
        self._count_down(len(group))

    def _invalidate(self, names: Sequence[str]) -> None:
        for callback in self._subscribers:
            if not self._tell(callback, names) and names:
                self._tell(callback, ())

    def _tell(self, callback: Subscriber, names: Sequence[str]) -> bool:
        try:
            callback(names)
        except Exception as error:  # The callers of `write` must get their answers all the same.
            self._loop.call_exception_handler({"message": "a cache was not told of a change", "exception": error})
            return False
        return True

    def _count_down(self, finished: int) -> None:
        self._writes_unfinished -= finished
        if self._closing and not self._writes_unfinished:
            self._drained.set()


async def open_store(url: str) -> Store:
    """Open `sqlite:///relative/path`, `sqlite:////absolute/path` or `postgresql://user@host/database`.

    A SQLite file and its directory are created when missing (modes 0600 and 0700), and the schema is brought to the
    newest. Raises OperatorError for a URL that is not one of these, a database that cannot be reached or written, or
    one that a newer Strongroom made.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise OperatorError("the database URL cannot be read: use sqlite:///path or postgresql://...") from None
    # Each database's driver is imported only when it is used, which keeps start-up short.
    if parsed.drivername == "sqlite":
        from strongroom.storage.sqlite import SqliteStore

        return SqliteStore.open(parsed)
    if parsed.drivername in ("postgresql", "postgres"):
        from strongroom.storage.postgresql import PostgresqlStore

        return await PostgresqlStore.open(parsed)
    raise OperatorError(f"{parsed.drivername} is not a database that Strongroom knows: use sqlite or postgresql")
