"""A group of writes that shares one transaction, each in a savepoint of its own."""

import asyncio
from collections.abc import Callable, Sequence
from types import GeneratorType
from typing import Any, TypeVar

from sqlalchemy import Connection, MappingResult, Result, ScalarResult
from sqlalchemy.exc import DBAPIError

from strongroom.storage.errors import is_conflict, is_outage, unavailable

group_writes_max = 128
"""How many writes share one commit at most; it bounds how long the first of them waits for the last."""

T = TypeVar("T")
_LIVE = (Result, ScalarResult, MappingResult, GeneratorType)


class PendingWrite:
    """A write that waits for its commit: the function, the names it makes stale, the caller's future, the outcome."""

    __slots__ = ("error", "fn", "future", "invalidates", "value")

    def __init__(
        self, fn: Callable[[Connection], Any], invalidates: tuple[str, ...], future: asyncio.Future[Any]
    ) -> None:
        self.fn = fn
        self.invalidates = invalidates
        self.future = future
        self.value: Any = None
        self.error: BaseException | None = None

    def settle(self) -> None:
        """Give the outcome to the caller, in the event loop's thread. A caller that was cancelled gets nothing."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.value)
        elif isinstance(self.error, StopIteration):  # A future cannot carry this one.
            self.future.set_exception(RuntimeError("the write raised StopIteration"))
        else:
            self.future.set_exception(self.error)


class GroupLost(Exception):  # noqa: N818 (it names a state)
    """The transaction of a group is beyond repair: every write in it is undone. `__cause__` says why, when known."""


def finished(value: T) -> T:
    """Return `value`. Raises TypeError when it would fetch rows later: the transaction ends when `fn` returns."""
    if isinstance(value, _LIVE):
        raise TypeError(f"fn returned a {type(value).__name__}: it must take its rows out before it returns")
    return value


def apply_group(
    connection: Connection,
    group: Sequence[PendingWrite],
    execute: Callable[[str], object],
    is_intact: Callable[[], bool],
) -> bool:
    """Run every write of `group` inside the open transaction of `connection`; return whether any succeeded.

    The outcomes are put into the group; the transaction is left open. `execute` runs a statement that returns nothing,
    and `is_intact` says whether the transaction still is one that can be committed. A group of one has no savepoint:
    when it fails, the caller rolls the transaction back. Raises GroupLost, and as it is the error of a transaction that
    PostgreSQL wants repeated or of a connection that is gone.
    """
    alone = len(group) == 1
    transaction = connection.get_transaction()
    any_succeeded = False
    for pending in group:
        pending.value = pending.error = None
        if not alone:
            execute("SAVEPOINT one_write")
        try:
            pending.value = finished(pending.fn(connection))
            if connection.in_nested_transaction():
                raise RuntimeError("fn left a nested transaction open")
            if connection.get_transaction() is not transaction:
                raise RuntimeError("fn ended the transaction")
            if not is_intact():
                raise RuntimeError("fn hid a database error outside of begin_nested()")
            if not alone:
                execute("RELEASE SAVEPOINT one_write")
        except Exception as error:
            if is_conflict(error) or connection.invalidated:
                raise
            is_trouble = isinstance(error, DBAPIError) and is_outage(error, while_writing=True)
            pending.value = None
            pending.error = unavailable(error) if is_trouble else error
            if not alone:
                _undo(connection, execute, error)
        else:
            any_succeeded = True
        if connection.get_transaction() is not transaction or not (is_intact() or alone):
            raise GroupLost("the transaction ended early") from pending.error
    return any_succeeded


def _undo(connection: Connection, execute: Callable[[str], object], error: BaseException) -> None:
    try:
        while (nested := connection.get_nested_transaction()) is not None:
            nested.rollback()
        execute("ROLLBACK TO SAVEPOINT one_write")
        execute("RELEASE SAVEPOINT one_write")
    except Exception:
        # The database undid everything by itself (a full disk, a lost connection); what `fn` met is the reason.
        raise GroupLost("the transaction ended early") from error
