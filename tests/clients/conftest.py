"""A large real file, and a real shell."""

import hashlib
import os
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.clients.installed import LargeFile
from tests.clients.shell import Shell
from tests.running_server import RunningServer

LARGE_BYTES = 300 * 1024 * 1024


@pytest.fixture(scope="module")
def large_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LargeFile]:
    """300 MB of real files, one after the other: the code, models and libraries that are installed with this test."""
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


@pytest.fixture
def shell(server: RunningServer, tmp_path: Path) -> Shell:
    """A shell in a directory of its own, connected to the shared server."""
    return Shell(server, tmp_path)
