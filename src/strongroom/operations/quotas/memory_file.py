"""Where the memory of the buckets is, who uses it, and who makes it.

The only server of a SQLite store keeps it beside the database, as SQLite keeps its own shared memory. Servers that
share a PostgreSQL database meet in a directory of their user's, in a file named after the store.
"""

import contextlib
import fcntl
import hashlib
import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from strongroom.base.configuration import Configuration
from strongroom.base.errors import OperatorError
from strongroom.envelope.keyring import KeyringRow
from strongroom.operations.quotas.memory import FILE_BYTES, FORMAT, BucketMemory, empty_memory

_FILE_NAME = "quotas-1.shm"
_USERS_SUFFIX = ".users"
_MEMORY_DIRECTORY = Path("/dev/shm")  # noqa: S108 (below it is a directory of this user's only, which is checked)


def memory_path(configuration: Configuration, storage_keys: Sequence[KeyringRow]) -> Path:
    """Return where the buckets of a store are. The store's wrapped storage keys, which no other store has, name it.

    Raises OperatorError when the directory is not this user's alone.
    """
    if not configuration.database:
        return configuration.data / _FILE_NAME
    digest = hashlib.sha256(b"quotas" + b"".join(row.wrapped for row in storage_keys)).hexdigest()
    return _own_directory() / f"{digest[:32]}.{_FILE_NAME}"


def _own_directory() -> Path:
    """Return a directory that only this user can use. It does not depend on variables, which servers may not share."""
    base = _MEMORY_DIRECTORY if _MEMORY_DIRECTORY.is_dir() else Path(tempfile.gettempdir())
    directory = base / f"strongroom-{os.getuid()}"
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.lstat()
    except OSError as error:
        raise OperatorError(
            f"{directory}, where servers share their quotas, cannot be made: {error.strerror}"
        ) from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise OperatorError(f"{directory}, where servers share their quotas, must be a directory of this user's alone")
    return directory


class ServedMemory:
    """The memory as a server uses it, until `leave`.

    Whoever comes first makes it anew; whoever leaves last removes it, if it was shared. Users of a shared one hold a
    lock (flock) on the file of its name with `.users` behind it. What killed servers left is removed by the next one.
    """

    def __init__(self, path: Path, *, is_shared: bool) -> None:
        """Open the memory. Raises OperatorError when that can't be."""
        self._path = path
        self._users: int | None = None
        try:
            is_first = True
            if is_shared:
                _remove_unused(path.parent)
                self._users, is_first = _join_users(_users_of(path))
            self.memory = _open(path, is_shared=is_shared, is_new=is_first)
        except BaseException as error:
            if self._users is not None:
                os.close(self._users)
            if isinstance(error, OSError):
                raise OperatorError(f"the memory of the quotas, {path}, cannot be used: {error.strerror}") from None
            raise
        if self._users is not None:
            fcntl.flock(self._users, fcntl.LOCK_SH)

    def leave(self) -> None:
        """Let go of the memory."""
        self.memory.close()
        if self._users is not None:
            _remove_if_unused(self._users, self._path)
            os.close(self._users)


def look_at_memory(path: Path) -> BucketMemory | None:
    """Open the memory of servers that run, for somebody who takes nothing; None when there is none."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    if _is_whole(descriptor):
        return BucketMemory(descriptor, is_shared=True)
    os.close(descriptor)
    return None


def _remove_unused(directory: Path) -> None:
    """Remove every shared memory in a directory that nobody uses."""
    for users in directory.glob(f"*{_FILE_NAME}{_USERS_SUFFIX}"):
        with contextlib.suppress(OSError):
            descriptor = os.open(users, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            _remove_if_unused(descriptor, users.with_name(users.name.removesuffix(_USERS_SUFFIX)))
            os.close(descriptor)


def _remove_if_unused(users: int, path: Path) -> None:
    """Remove a shared memory, and the file of its users, unless somebody else holds the lock on it."""
    with contextlib.suppress(OSError):
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.stat(_users_of(path)).st_ino == os.fstat(users).st_ino:
            path.unlink(missing_ok=True)
            _users_of(path).unlink()


def _is_whole(descriptor: int) -> bool:
    return os.fstat(descriptor).st_size == FILE_BYTES and os.pread(descriptor, len(FORMAT), 0) == FORMAT


def _users_of(path: Path) -> Path:
    return path.with_name(path.name + _USERS_SUFFIX)


def _open(path: Path, *, is_shared: bool, is_new: bool) -> BucketMemory:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OperatorError(f"the memory of the quotas, {path}, is not a file")
        if is_new or not _is_whole(descriptor):
            os.fchmod(descriptor, 0o600)
            # Every byte is written, not only reserved: a disk that is full is met here, by an error, rather than by a
            # signal at the first use of a page. It is never cut off, for somebody may be looking at it.
            os.pwrite(descriptor, empty_memory(), 0)
        return BucketMemory(descriptor, is_shared=is_shared)
    except BaseException:
        os.close(descriptor)
        raise


def _join_users(path: Path) -> tuple[int, bool]:
    """Return a descriptor of the users' file, locked, and whether nobody else uses the memory (the lock is exclusive
    then, until the memory is made).
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        is_first = True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            is_first = False
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        with contextlib.suppress(FileNotFoundError):
            if os.stat(path).st_ino == os.fstat(descriptor).st_ino:
                return descriptor, is_first
        # The last user removed the file while we waited for it.
        os.close(descriptor)
