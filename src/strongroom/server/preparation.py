"""What a server process needs of the machine before it listens: a directory of its own, and enough open files."""

import contextlib
import os
import resource
import shlex
from pathlib import Path

from strongroom.base.errors import OperatorError


def prepare_directory(data: Path) -> None:
    """Make the directory of the data, for this user only. Raises OperatorError when others may write to it."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = data.stat().st_mode
    except OSError as error:
        raise OperatorError(f"the data directory {data} cannot be made: {error.strerror}") from None
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        raise OperatorError(f"the data directory {data} is not this user's to write")
    if mode & 0o022:
        raise OperatorError(f"others may write to the data directory {data}; run chmod go-w {shlex.quote(str(data))}")


def allow_connections(connections_max: int) -> None:
    """Raise the soft limit of open files as far as the connections need and the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections_max + 256
    if soft != resource.RLIM_INFINITY and soft < wanted:
        ceiling = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (ceiling, hard))
