"""A MariaDB server for tests: one for each test process, started on first use.

It listens on a port of 127.0.0.1 and on a Unix-domain socket in a directory of its own, and writes every statement to
`general.log` there. Where MariaDB is missing, tests that want it are skipped; with CI=true in the environment they
fail.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pymysql
import pytest

_UNPRIVILEGED_ID = 65534
_START_SECONDS_MAX = 60.0
_PR_SET_PDEATHSIG = 1
# How clients meet the server is tested here, not whether it survives a power failure.
_SETTINGS = (
    "innodb-flush-method=nosync",
    "innodb-flush-log-at-trx-commit=0",
    "innodb-buffer-pool-size=8M",
    "innodb-log-file-size=4M",
    "aria-pagecache-buffer-size=1M",
    "key-buffer-size=1M",
    "performance-schema=OFF",
    "skip-log-bin",
    "general-log=1",
    "skip-name-resolve",
)
SUPERUSER = "root"


def find_program(name: str) -> str | None:
    """Return the path of one of MariaDB's programs, or None."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


class MariadbServer:
    """A running server, whose superuser `root` needs no password on the socket and has none for the port."""

    def __init__(self, port: int, settings: Iterable[str] = ()) -> None:
        self.port = port
        self.directory = Path(tempfile.mkdtemp(prefix="mariadb-", dir="/tmp"))
        self._settings = (*_SETTINGS, *settings)
        self._identity: dict[str, Any] = {}
        if os.geteuid() == 0:  # MariaDB refuses to run as root.
            os.chown(self.directory, _UNPRIVILEGED_ID, _UNPRIVILEGED_ID)
            self._identity = {"user": _UNPRIVILEGED_ID, "group": _UNPRIVILEGED_ID, "extra_groups": []}
        try:
            self._initialise()
            self._process = self._start()
        except BaseException:
            shutil.rmtree(self.directory, ignore_errors=True)
            raise

    def execute(self, *statements: str) -> list[Any]:
        """Run statements as the superuser and return the rows of the last one."""
        with self._connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def stop(self) -> None:
        """End the server at once and remove its files."""
        self._process.kill()
        self._process.wait(10)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _connect(self) -> Any:
        return pymysql.connect(unix_socket=str(self.directory / "socket"), user=SUPERUSER, autocommit=True)

    def _initialise(self) -> None:
        program = find_program("mariadb-install-db")
        command = [program, "--no-defaults", f"--datadir={self.directory / 'data'}", "--skip-test-db", "--force"]
        command += ["--auth-root-authentication-method=normal", "--skip-name-resolve"]
        done = subprocess.run(command, cwd=self.directory, capture_output=True, text=True, **self._identity)
        if done.returncode != 0:
            raise RuntimeError(f"mariadb-install-db failed: {done.stdout} {done.stderr}")

    def _start(self) -> subprocess.Popen[bytes]:
        command = [find_program("mariadbd"), "--no-defaults", f"--datadir={self.directory / 'data'}"]
        command += [f"--socket={self.directory / 'socket'}", f"--pid-file={self.directory / 'pid'}"]
        command += ["--bind-address=127.0.0.1", f"--port={self.port}"]
        command += [f"--general-log-file={self.directory / 'general.log'}"]
        command += [f"--{setting}" for setting in self._settings]
        libc = ctypes.CDLL(None)
        with open(self.directory / "log", "wb") as log:
            process = subprocess.Popen(
                command,
                cwd=self.directory,
                stdout=log,
                stderr=log,
                # The server ends when the test process does, however that ends.
                preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),
                **self._identity,
            )
        deadline = time.monotonic() + _START_SECONDS_MAX
        while True:
            with contextlib.suppress(pymysql.OperationalError):
                self._connect().close()
                return process
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise RuntimeError(f"mariadbd did not start: {(self.directory / 'log').read_text()}")
            time.sleep(0.05)


def must_be_installed() -> None:
    """Skip the test where MariaDB is missing, or fail it in CI."""
    if find_program("mariadbd") is None or find_program("mariadb-install-db") is None:
        message = "MariaDB is not installed (apt-get install mariadb-server)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
