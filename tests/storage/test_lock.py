"""Two servers cannot have one data directory."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from strongroom.base.errors import OperatorError
from strongroom.storage.lock import DirectoryLock

_HOLDER = """
import sys, time
from pathlib import Path
from strongroom.storage.lock import DirectoryLock
DirectoryLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_the_holder_is_named_and_death_releases(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(OperatorError, match=rf"in use by another server \(process {holder.pid}\)"):
            DirectoryLock(tmp_path).acquire()
        holder.send_signal(signal.SIGKILL)
    with DirectoryLock(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
        assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600
        with pytest.raises(OperatorError, match=str(os.getpid())):
            DirectoryLock(tmp_path).acquire()


def test_releasing_lets_the_next_one_in(tmp_path: Path) -> None:
    first = DirectoryLock(tmp_path)
    first.acquire()
    first.release()
    first.release()
    with DirectoryLock(tmp_path):
        assert (tmp_path / "lock").exists()


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="cannot open"):
        DirectoryLock(tmp_path / "missing").acquire()
