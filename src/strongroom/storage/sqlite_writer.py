"""The one thread that writes to SQLite."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

from sqlalchemy import Connection, Engine

from strongroom.storage.errors import StorageUnavailable, unavailable
from strongroom.storage.group import GroupLost, PendingWrite, apply_group, group_writes_max
from strongroom.storage.sqlite_connection import driver_of

turn_after_seconds = 0.002
turns_apart_seconds = 0.001
turn_seconds = 0.0005
turn_during_commit_seconds = 0.0001
"""A group under way for `turn_after_seconds` gets the interpreter to itself for `turn_seconds`, again and again."""


class SqliteWriter:
    """Takes writes from a queue and commits those that wait together, durably, as one transaction.

    The event loop's thread gives turns: a loop that is busy without a pause lets go of the interpreter's lock only for
    instants, each too short for another thread to wake and take it, and starves the writer for up to seconds. So while
    a group takes longer than it should, the loop sleeps for a moment every now and then.

    Outcomes are known only after COMMIT, also the exceptions of failed writes: what such a write had read may be the
    uncommitted change of another one in its group.
    """

    def __init__(
        self,
        engine: Engine,
        connection: Connection,
        loop: asyncio.AbstractEventLoop,
        acknowledge: Callable[[Sequence[PendingWrite]], None],
    ) -> None:
        """Start the thread. `acknowledge` is called in the thread of `loop` with each group that has its outcomes."""
        self._engine = engine
        self._connection: Connection | None = connection
        self._loop = loop
        self._acknowledge = acknowledge
        self._queue: SimpleQueue[PendingWrite | None] = SimpleQueue()
        self._unfinished = 0
        self._turns: asyncio.TimerHandle | None = None
        self._is_committing = False
        self.met_trouble = False
        """Whether a write of the last group failed for want of the disk or the file."""
        # A daemon, so that a process whose owner forgot to close the store can end; what it loses, nobody was told of.
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._thread.start()

    def put(self, pending: PendingWrite) -> None:
        """Queue a write. To be called in the event loop's thread."""
        self._unfinished += 1
        if self._turns is None:
            self._turns = self._loop.call_later(turn_after_seconds, self._give_turn)
        self._queue.put(pending)

    def is_alive(self) -> bool:
        """Return whether the thread runs."""
        return self._thread.is_alive()

    async def close(self) -> None:
        """Finish what is queued, close the connection and end the thread."""
        self._queue.put(None)
        await self._loop.run_in_executor(None, self._thread.join)

    def _give_turn(self) -> None:
        time.sleep(turn_during_commit_seconds if self._is_committing else turn_seconds)
        self._turns = self._loop.call_later(turns_apart_seconds, self._give_turn)

    def _finish(self, group: Sequence[PendingWrite]) -> None:
        self._unfinished -= len(group)
        if self._turns is not None:
            self._turns.cancel()
            self._turns = None
        if self._unfinished:
            self._turns = self._loop.call_later(turn_after_seconds, self._give_turn)
        self._acknowledge(group)

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group = self._gather(first)
            try:
                self._commit(group)
            except BaseException as error:
                self._abandon_connection()
                reason = error.__cause__ if isinstance(error, GroupLost) and error.__cause__ else error
                for pending in group:
                    pending.error = unavailable(reason)
            self.met_trouble = any(isinstance(pending.error, StorageUnavailable) for pending in group)
            try:
                self._loop.call_soon_threadsafe(self._finish, group)
            except RuntimeError:  # The loop is closed: nobody is left to tell.
                break
        if self._connection is not None:
            self._connection.close()

    def _gather(self, first: PendingWrite) -> list[PendingWrite]:
        group = [first]
        try:
            while len(group) < group_writes_max:
                pending = self._queue.get_nowait()
                if pending is None:
                    self._queue.put(None)
                    break
                group.append(pending)
        except Empty:
            pass
        return group

    def _commit(self, group: Sequence[PendingWrite]) -> None:
        if self._connection is None:
            self._connection = self._engine.connect()
        driver = driver_of(self._connection)
        transaction = self._connection.begin()
        if apply_group(self._connection, group, driver.execute, lambda: driver.in_transaction):
            self._is_committing = True
            try:
                transaction.commit()
            finally:
                self._is_committing = False
        else:
            transaction.rollback()

    def _abandon_connection(self) -> None:
        # Closing rolls back, whatever state a failed commit left; the next group opens a new connection.
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.invalidate()
                connection.close()
            except Exception:  # noqa: S110 (it is given up anyway)
                pass
