"""Files that hold a secret: read only when nobody but their owner could have read them."""

import os
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
