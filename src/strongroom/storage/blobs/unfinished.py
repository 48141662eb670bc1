"""A folder for files that are not finished yet, which the next start sweeps away when their writer has died."""

import contextlib
import fcntl
import os
import secrets
from pathlib import Path


class UnfinishedFolder:
    """A folder of this process inside `parent`, locked (flock(2)) for as long as the process lives.

    The kernel gives the lock up when the process ends, however it ends: a folder that can be locked belongs to nobody.
    So several processes may share `parent`.
    """

    def __init__(self, parent: Path) -> None:
        parent.mkdir(mode=0o700, exist_ok=True)
        self._parent = parent
        self._lock: int | None = None
        while self._lock is None:
            self.path = parent / secrets.token_hex(8)
            self.path.mkdir(mode=0o700)
            lock = _lock(self.path)
            # Between the two lines above, a sweep of another process may have taken the folder for a dead one's.
            if lock is not None and self.path.exists():
                self._lock = lock
            elif lock is not None:
                os.close(lock)

    def sweep(self) -> int:
        """Remove the folders of processes that have died, and return how many files were in them."""
        files = 0
        for folder in list(self._parent.iterdir()):
            if folder == self.path or (lock := _lock(folder)) is None:
                continue
            try:
                for file in list(folder.iterdir()):
                    file.unlink(missing_ok=True)
                    files += 1
                with contextlib.suppress(FileNotFoundError):
                    folder.rmdir()
            finally:
                os.close(lock)
        return files

    def close(self) -> None:
        """Remove the folder, unless something is in it, and give the lock up. May be called more than once."""
        lock, self._lock = self._lock, None
        if lock is not None:
            with contextlib.suppress(OSError):
                self.path.rmdir()
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """Return the descriptor that holds the lock of a folder, or None when somebody else has it or it is gone."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
