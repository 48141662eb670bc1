"""What can go wrong with a store, in words that hold for every database.

A mistake in a statement or a broken constraint stays what SQLAlchemy raises: `sqlalchemy.exc.IntegrityError` is the
database-neutral answer to a duplicate, a missing parent or a failed check, and `is_unique_violation` tells the first
from the others.
"""

import sqlite3

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

_SQLITE_OUTAGES = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PROTOCOL,
    }
)
_SQLITE_UNIQUE = frozenset(
    {
        sqlite3.SQLITE_CONSTRAINT_UNIQUE,
        sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
        sqlite3.SQLITE_CONSTRAINT_ROWID,
    }
)
# Source: PostgreSQL manual, appendix A, "PostgreSQL Error Codes". Classes: connection exception, insufficient
# resources, operator intervention, system error, configuration file error, internal error; 55P03 lock not available.
_POSTGRESQL_OUTAGES = ("08", "53", "57", "58", "F0", "XX", "55P03")
_POSTGRESQL_READ_ONLY = "25006"
_POSTGRESQL_UNIQUE = "23505"
_POSTGRESQL_CONFLICTS = frozenset({"40001", "40P01"})


class StorageUnavailable(Exception):  # noqa: N818 (it names a state)
    """The database cannot do it now (disk full, I/O error, connection lost): a 5xx for the client, who may try again.

    The change was not acknowledged and is not visible. Only when the trouble struck in the middle of the commit itself
    can it still turn up later (after a crash of the host, or because PostgreSQL had committed before the line broke).
    """


class StoreClosed(StorageUnavailable):
    """The store is closing or closed, and takes no new work."""


def is_unique_violation(error: IntegrityError) -> bool:
    """Return whether a row with the same primary key or unique value exists already, on any database."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code in _SQLITE_UNIQUE
    return getattr(error.orig, "sqlstate", None) == _POSTGRESQL_UNIQUE


def is_outage(error: DBAPIError, *, while_writing: bool) -> bool:
    """Return whether the database or its disk is in trouble, as opposed to the statement being wrong.

    That nothing can be written is an outage for a write, and a mistake in a read.
    """
    if isinstance(error.orig, sqlite3.Error):
        primary = (getattr(error.orig, "sqlite_errorcode", None) or 0) & 0xFF
        return primary in _SQLITE_OUTAGES or (while_writing and primary == sqlite3.SQLITE_READONLY)
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        return isinstance(error, OperationalError)  # The server was never reached, or the line broke: it sent no code.
    return str(state).startswith(_POSTGRESQL_OUTAGES) or (while_writing and state == _POSTGRESQL_READ_ONLY)


def is_conflict(error: BaseException) -> bool:
    """Return whether `error`, or what led to it, is PostgreSQL asking for the transaction to be repeated."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, DBAPIError) and getattr(seen.orig, "sqlstate", None) in _POSTGRESQL_CONFLICTS:
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def unavailable(error: BaseException) -> StorageUnavailable:
    """Return the outage that `error` stands for. Its text names the trouble, never the values of a statement."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    first_line = (str(cause).strip() or type(cause).__name__).splitlines()[0]
    return StorageUnavailable(f"the database is unavailable: {first_line}")
