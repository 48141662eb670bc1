"""How connections to the SQLite file are made: the file's mode, the pragmas, and who says BEGIN."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, Engine, NullPool, create_engine, event

from strongroom.base.errors import OperatorError

busy_timeout_seconds = 5.0
"""How long to wait for another process that holds the file (a backup, a shell) before giving up."""
write_ahead_log_bytes_max = 64 * 1024 * 1024
"""The log is cut back to this after a checkpoint, should one burst have made it larger."""
_CACHE_KIBIBYTES = 16 * 1024

# With a write-ahead log, FULL is the level at which a commit is on the disk when it returns (NORMAL may lose the last
# ones in a power failure). secure_delete overwrites what is deleted; temp_store keeps sorting out of temporary files.
_PRAGMAS = (
    "PRAGMA synchronous=FULL",
    "PRAGMA fullfsync=ON",
    "PRAGMA checkpoint_fullfsync=ON",
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA trusted_schema=OFF",
    f"PRAGMA journal_size_limit={write_ahead_log_bytes_max}",
    f"PRAGMA cache_size=-{_CACHE_KIBIBYTES}",
)


def create_files(path: Path) -> None:
    """Make the database file (0600) and its directory (0700) when missing. Raises OSError.

    SQLite gives its `-wal` and `-shm` files the mode of the database file. The directory is synced, so that a new file
    is still there after a power failure.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def driver_of(connection: Connection) -> sqlite3.Connection:
    """Return the sqlite3 connection underneath."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 (for the type checker)
    return driver


def reading_engine(path: Path) -> Engine:
    """Return an engine whose connections cannot write. SQLAlchemy says no BEGIN: the store does, for each read."""

    def connect() -> sqlite3.Connection:
        connection = _connect(path)
        connection.execute("PRAGMA query_only=ON")
        return connection

    return _engine(connect)


def writing_engine(path: Path) -> Engine:
    """Return an engine whose transactions take the write lock at once (BEGIN IMMEDIATE) and commit durably."""

    def connect() -> sqlite3.Connection:
        connection = _connect(path)
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode != "wal":
            connection.close()
            raise OperatorError(f"{path} cannot have a write-ahead log (mode {mode}): is it on a network file system?")
        return connection

    engine = _engine(connect)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        driver_of(connection).execute("BEGIN IMMEDIATE")

    return engine


def appending_engine(path: Path) -> Engine:
    """Return an engine for writing in the event loop's thread: it waits for nobody, and its commits not for the disk.

    SQLAlchemy says no BEGIN: the appender does, for each write.
    With a write-ahead log and NORMAL, a commit is in the log when it returns but the log is not synced; a failure of
    the machine can lose it, and never damages the database. Emptying the log into the database is left to the writer.
    """

    def connect() -> sqlite3.Connection:
        connection = _connect(path)
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute("PRAGMA busy_timeout=0")
        return connection

    return _engine(connect)


def _engine(connect: Callable[[], sqlite3.Connection]) -> Engine:
    # Parameters stay out of the text of exceptions, and so out of logs.
    return create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)


def _connect(path: Path) -> sqlite3.Connection:
    # isolation_level=None keeps sqlite3 from beginning transactions of its own. A connection is opened in one thread
    # and used in another, one after the other and never at once, so the check of the thread is off.
    connection = sqlite3.connect(path, timeout=busy_timeout_seconds, isolation_level=None, check_same_thread=False)
    try:
        for pragma in _PRAGMAS:
            connection.execute(pragma)
    except sqlite3.Error:
        connection.close()
        raise
    return connection
