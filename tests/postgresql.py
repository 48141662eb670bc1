"""A PostgreSQL server for tests: one for each test process, started on first use, and an empty database for each test.

It listens on a Unix-domain socket in a directory of its own and on no network port, unless it is given one: there it
wants passwords (SCRAM). Where PostgreSQL is missing, tests that want it are skipped; with CI=true in the environment
they fail.
"""

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.migrated_databases import make_tables

_UNPRIVILEGED_ID = 65534
_START_SECONDS_MAX = 30.0
# What is tested here is how clients meet the server, not whether the server survives a power failure.
_SETTINGS = ("fsync=off", "synchronous_commit=on", "full_page_writes=off", "shared_buffers=32MB", "max_connections=100")
_PR_SET_PDEATHSIG = 1


def find_programs() -> Path | None:
    """Return the directory that holds `initdb` and `postgres`, newest version first, or None."""
    candidates = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True
    )
    on_path = shutil.which("postgres")
    if on_path is not None:
        candidates.append(Path(on_path).resolve().parent)
    return next((path for path in candidates if (path / "initdb").exists() and (path / "postgres").exists()), None)


class PostgresqlServer:
    """A running server. `directory` holds its data and its socket, and what it logs in `log`.

    `port` is one of 127.0.0.1 to listen on, 0 for none; `settings` are more settings of the server's.
    """

    def __init__(self, programs: Path, *, port: int = 0, settings: Iterable[str] = ()) -> None:
        self.port = port
        self._settings = (*_SETTINGS, *settings)
        self.directory = Path(tempfile.mkdtemp(prefix="postgresql-", dir="/tmp"))
        self._programs = programs
        self._identity: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root.
            os.chown(self.directory, _UNPRIVILEGED_ID, _UNPRIVILEGED_ID)
            self._identity = {"user": _UNPRIVILEGED_ID, "group": _UNPRIVILEGED_ID, "extra_groups": []}
        try:
            self._initialise()
            self._process = self._start()
        except BaseException:
            shutil.rmtree(self.directory, ignore_errors=True)
            raise

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        port = f"&port={self.port}" if self.port else ""
        return f"postgresql://postgres@/{database}?host={self.directory}{port}"

    def execute(self, *statements: str) -> None:
        """Run statements as the superuser, outside of a transaction."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def create_database(self, template: str = "template1") -> str:
        """Make a database, which is empty unless another one is to be copied, and return its name."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, and break the connections to it."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def break_connections(self, name: str) -> None:
        """End every connection to a database, as a restart of the server would."""
        self.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'")

    def stop(self) -> None:
        """End the server at once and remove its files."""
        self._process.send_signal(signal.SIGQUIT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _initialise(self) -> None:
        command = [self._programs / "initdb", "--pgdata", self.directory / "data", "--username", "postgres"]
        command += [
            "--auth-local",
            "trust",
            "--auth-host",
            "scram-sha-256",
            "--encoding",
            "UTF8",
            "--locale",
            "C.UTF-8",
            "--no-sync",
            "--no-instructions",
        ]
        done = subprocess.run(command, cwd=self.directory, capture_output=True, text=True, **self._identity)
        if done.returncode != 0:
            raise RuntimeError(f"initdb failed: {done.stderr}")

    def _start(self) -> subprocess.Popen[bytes]:
        command = [str(self._programs / "postgres"), "-D", str(self.directory / "data"), "-k", str(self.directory)]
        command += ["-c", f"listen_addresses={'127.0.0.1' if self.port else ''}", "-c", f"port={self.port or 5432}"]
        for setting in self._settings:
            command += ["-c", setting]
        libc = ctypes.CDLL(None)
        with open(self.directory / "log", "wb") as log:
            process = subprocess.Popen(
                command,
                cwd=self.directory,
                stdout=log,
                stderr=log,
                # The server ends when the test process does, however that ends.
                preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT),
                **self._identity,
            )
        deadline = time.monotonic() + _START_SECONDS_MAX
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
                return process
            except psycopg.OperationalError:
                if process.poll() is not None or time.monotonic() > deadline:
                    process.kill()
                    raise RuntimeError(f"postgres did not start: {(self.directory / 'log').read_text()}") from None
                time.sleep(0.02)


def programs_or_skip() -> Path:
    """Return the directory of PostgreSQL's programs. Where there is none, the test is skipped, or fails in CI."""
    programs = find_programs()
    if programs is None:
        message = "PostgreSQL is not installed (apt-get install postgresql)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return programs


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """The server of this test process."""
    server = PostgresqlServer(programs_or_skip())
    yield server
    server.stop()


@pytest.fixture
def postgresql_database(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """The name of a new, empty database, gone after the test."""
    name = postgresql_server.create_database()
    yield name
    postgresql_server.drop_database(name)


@pytest.fixture
def postgresql_url(postgresql_server: PostgresqlServer, postgresql_database: str) -> str:
    """The URL of a new, empty database, gone after the test."""
    return postgresql_server.url(postgresql_database)


@pytest.fixture(scope="session")
def migrated_template(postgresql_server: PostgresqlServer) -> str:
    """The name of a database with all tables, to copy."""
    name = postgresql_server.create_database()
    asyncio.run(make_tables(postgresql_server.url(name)))
    postgresql_server.break_connections(name)
    return name


@pytest.fixture
def migrated_postgresql_url(postgresql_server: PostgresqlServer, migrated_template: str) -> Iterator[str]:
    """The URL of a new database with all tables, gone after the test."""
    name = postgresql_server.create_database(migrated_template)
    yield postgresql_server.url(name)
    postgresql_server.drop_database(name)
