"""Files that hold a secret: read only when nobody but their owner could have read them, and written for him alone."""

import contextlib
import os
import secrets
import stat
from pathlib import Path

from strongroom.base.errors import OperatorError


def read_private(path: Path, name: str, bytes_max: int) -> bytes:
    """Return the content of a file of mode 0600 or 0400. `name` says what it is, in messages ("root key file").

    Raises OperatorError when it is missing, open to others than its owner, not a regular file, or too large.
    """
    try:
        return _read(path, name, bytes_max)
    except FileNotFoundError:
        raise OperatorError(f"there is no {name} {path}") from None
    except OSError as error:
        raise OperatorError(f"the {name} {path} cannot be read: {error.strerror}") from None


def _read(path: Path, name: str, bytes_max: int) -> bytes:
    # O_NONBLOCK: opening a named pipe must not wait for a writer. The checks are made on what was opened, not on the
    # path, so nothing can be put in its place between check and use.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OperatorError(f"the {name} {path} is not a regular file")
        if status.st_mode & 0o077:
            mode = stat.S_IMODE(status.st_mode)
            raise OperatorError(
                f"the {name} {path} is open to others than its owner (mode {mode:04o}): run chmod 600 {path}"
            )
        content = os.read(descriptor, bytes_max + 1)
    finally:
        os.close(descriptor)
    if len(content) > bytes_max:
        raise OperatorError(f"the {name} {path} is larger than {bytes_max} bytes")
    return content


def write_private(path: Path, content: bytes) -> None:
    """Make a file of mode 0600, durably, with any missing directories (mode 0700).

    It appears complete or not at all, and never in the place of another. Raises FileExistsError, other OSError.
    """
    _make_directories(path.parent)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            os.fchmod(descriptor, 0o600)
            _write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        # A hard link fails when the name is taken, where a rename would replace what is there.
        os.link(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
    _sync_directory(path.parent)


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _make_directories(directory: Path) -> None:
    if directory.is_dir():
        return
    _make_directories(directory.parent)
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    _sync_directory(directory.parent)


def _sync_directory(directory: Path) -> None:
    """Make the names in a directory durable: without this, a power cut may leave a synced file without its name."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
