"""One server to a data directory: an advisory lock that dies with the process that holds it."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from strongroom.base.errors import OperatorError

_FILE_NAME = "lock"
_PID_BYTES_MAX = 32


class DirectoryLock:
    """An exclusive flock(2) on the file `lock` in a directory, holding the owner's process id as text.

    The kernel gives it up when the process ends, however it ends, so a crash leaves nothing to clean up. The file
    stays: removing it would let a third process lock a new file while a second one holds the old.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / _FILE_NAME
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock. Raises OperatorError naming the process that holds it, or why the file cannot be opened."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise OperatorError(f"cannot open {self._path}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, _PID_BYTES_MAX, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise OperatorError(
                f"{self._path.parent} is in use by another server (process {holder}); stop it first, or choose another"
                " data directory"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock up. Does nothing when it is not held."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
