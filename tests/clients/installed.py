"""The installed command-line clients, and files for them to work on."""

import atexit
import functools
import hashlib
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.clients.warm_aws import WarmAws


class LargeFile(NamedTuple):
    """A file and the SHA-256 (hexadecimal) of what is in it."""

    path: Path
    sha256: str


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def installed(command: str) -> str:
    """Return the path of a console script that is installed beside the running Python."""
    path = Path(sys.executable).parent / command
    assert path.exists(), f"{command} is not installed in this environment"
    return str(path)


@functools.cache
def aws_command() -> str:
    """Return the path of a command that is the installed AWS CLI, without the import of its modules each time."""
    directory = Path(tempfile.mkdtemp(prefix="strongroom-aws-"))
    atexit.register(shutil.rmtree, directory)
    atexit.register(WarmAws(directory).stop)
    return str(directory / "aws")
