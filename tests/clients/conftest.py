"""A large real file, and where the installed command-line clients are."""

import hashlib
import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

LARGE_BYTES = 300 * 1024 * 1024
CHUNK_BYTES = 1024 * 1024


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


@pytest.fixture(scope="module")
def large_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LargeFile]:
    """300 MB of real files: what is installed beside this test (code, models, shared libraries), one after the other."""
    path = tmp_path_factory.mktemp("large") / "large"
    digest, written = hashlib.sha256(), 0
    with path.open("wb") as file:
        while written < LARGE_BYTES:
            before = written
            for real in _installed_files():
                content = real.read_bytes()
                digest.update(content)
                written += file.write(content)
                if written >= LARGE_BYTES:
                    break
            assert written > before, "there are no installed files to take"
    yield LargeFile(path, digest.hexdigest())
    path.unlink()


def _installed_files() -> Iterator[Path]:
    for directory, subdirectories, names in os.walk(sysconfig.get_path("purelib")):
        subdirectories[:] = sorted(name for name in subdirectories if name != "__pycache__")
        yield from (Path(directory, name) for name in sorted(names))
