"""Where files that a job needs are made: in memory, never on a disk, and gone with the server that made them.

Each server process has one directory, which holds a locked file while the process lives. What a dead server left is
removed by the next one that needs a directory.
"""

import atexit
import contextlib
import fcntl
import os
import secrets
import tempfile
from pathlib import Path

from strongroom.runners.trees import remove_tree

_PREFIX = "strongroom-"
_LOCK = ".lock"
_TOKEN_BYTES = 8
_TOKEN_PATTERN = "[0-9a-f]" * (2 * _TOKEN_BYTES)
_MEMORY_FILE_SYSTEMS = ("tmpfs", "ramfs")

_own: "MemoryDirectory | None" = None


class NoMemoryFileSystem(Exception):  # noqa: N818 (it says what is missing)
    """This machine has no file system in memory that we may write to."""


class MemoryDirectory:
    """A directory of one server process (mode 0700), locked while it lives. `token` names the server."""

    def __init__(self, parent: Path) -> None:
        self.token = secrets.token_hex(_TOKEN_BYTES)
        self.path = parent / f"{_PREFIX}{self.token}"
        self.process = os.getpid()
        # Locked before it has the name that a sweep looks for, so that no sweep finds it without its lock.
        draft = Path(tempfile.mkdtemp(prefix=".strongroom-", dir=parent))
        self._lock = os.open(draft / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        draft.rename(self.path)

    def make(self, name: str) -> Path:
        """Return a new, empty directory whose name begins with `name`."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.path))

    def remove(self) -> None:
        """Remove the directory with all that is in it."""
        remove_tree(self.path)
        os.close(self._lock)


def memory_directory() -> MemoryDirectory:
    """Return this process's directory, made when it is first asked for. Raises NoMemoryFileSystem."""
    global _own
    if _own is None or _own.process != os.getpid():
        parent = memory_file_system()
        sweep(parent)
        _own = MemoryDirectory(parent)
        atexit.register(remove_memory_directory)
    return _own


def remove_memory_directory() -> None:
    """Remove this process's directory, if there is one. It happens by itself when the process ends in order."""
    global _own
    if _own is not None and _own.process == os.getpid():
        _own.remove()
    _own = None


def memory_file_system() -> Path:
    """Return a directory in memory that this user may write to. Raises NoMemoryFileSystem."""
    candidates = [Path("/dev/shm")]  # noqa: S108  What is made in it has a random name, and is for this user only.
    if os.environ.get("XDG_RUNTIME_DIR"):
        candidates.append(Path(os.environ["XDG_RUNTIME_DIR"]))
    kinds = _mounted()
    for candidate in candidates:
        if os.access(candidate, os.W_OK | os.X_OK) and _kind_of(candidate.resolve(), kinds) in _MEMORY_FILE_SYSTEMS:
            return candidate
    raise NoMemoryFileSystem("neither /dev/shm nor XDG_RUNTIME_DIR is a tmpfs that this user may write to")


def is_alive(token: str, parent: Path) -> bool:
    """Return whether the server that a token names lives (and made its directory in `parent`)."""
    try:
        descriptor = os.open(parent / f"{_PREFIX}{token}" / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except PermissionError:
        return True  # Another user's: not ours to judge.
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def sweep_at_start() -> None:
    """Remove what dead servers left, wherever this user's servers make their directories: code, in clear."""
    with contextlib.suppress(NoMemoryFileSystem):
        sweep(memory_file_system())


def sweep(parent: Path) -> None:
    """Remove what servers of this user left in `parent` that are no more."""
    # Quotas that servers share are beside it, in a directory that has a user's number for a token.
    for path in parent.glob(f"{_PREFIX}{_TOKEN_PATTERN}"):
        with contextlib.suppress(OSError):
            is_ours = path.lstat().st_uid == os.geteuid() and path.is_dir() and not path.is_symlink()
            if is_ours and not is_alive(path.name.removeprefix(_PREFIX), parent):
                remove_tree(path)


def _mounted() -> dict[Path, str]:
    kinds = {}
    for line in Path("/proc/self/mounts").read_text(errors="surrogateescape").splitlines():
        _, where, kind, *_ = line.split(" ")
        kinds[Path(where)] = kind
    return kinds


def _kind_of(path: Path, kinds: dict[Path, str]) -> str:
    return next((kinds[each] for each in (path, *path.parents) if each in kinds), "")
