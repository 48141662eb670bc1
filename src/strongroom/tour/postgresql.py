"""A PostgreSQL of the tour's own: its files, the command that runs it, and how to log in."""

import os
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import psycopg

from strongroom.tour.machine import postgresql_programs
from strongroom.tour.premises import UNPRIVILEGED_ID, Premises
from strongroom.tour.proof import Unproved

START_SECONDS_MAX = 40.0
_SETTINGS = ("fsync=off", "full_page_writes=off", "shared_buffers=16MB", "max_connections=20", "log_statement=all")
_initialising = threading.Lock()


class Postgresql:
    """The files of a database server; it listens at `host` and `port` and wants passwords (SCRAM) there.

    On its Unix-domain socket, which only its own user and root can get at, it asks for none.
    """

    def __init__(self, premises: Premises, name: str, host: str, port: int) -> None:
        programs = postgresql_programs()
        if programs is None:
            raise FileNotFoundError("initdb")
        self.psql = str(programs / "psql")
        self.host, self.port = host, port
        self.directory = premises.place(name, is_others=True)
        self._premises = premises
        self._as = _as_unprivileged()
        data = self.directory / "data"
        self._initialise(programs, data)
        with (data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 10.0.0.0/16 scram-sha-256\n")
        settings = [f"listen_addresses={host}", f"port={port}", *_SETTINGS]
        self.command = [*self._as, str(programs / "postgres"), "-D", str(data), "-k", str(self.directory)]
        self.command += [word for setting in settings for word in ("-c", setting)]

    def start(self, *before: str) -> None:
        """Start it, behind another command if one is given, and return when it takes connections. Raises Unproved."""
        log = self.directory / "server.log"
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "wb") as output:
            process = subprocess.Popen(  # noqa: S603
                [*before, *self.command],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._premises.when_ending(lambda: _end(process))
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                self.as_superuser().close()
                return
            except psycopg.OperationalError:
                if process.poll() is not None or time.monotonic() > deadline or self._premises.ending.is_set():
                    said = log.read_text(errors="replace")[-600:]
                    raise Unproved("PostgreSQL starts", "connections", said) from None
                time.sleep(0.02)

    def as_superuser(self) -> "psycopg.Connection[tuple[object, ...]]":
        """Log in on the machine itself."""
        options: dict[str, Any] = {"host": str(self.directory), "port": self.port}
        options |= {"user": "postgres", "dbname": "postgres"}
        return psycopg.connect(**options, autocommit=True)

    def make_user(self, name: str, password: str, attributes: str = "LOGIN") -> None:
        """Make a user, or change its password, by a verifier: the server never sees the password."""
        with self.as_superuser() as connection:
            verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
            exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone()
            verb = "ALTER" if exists else "CREATE"
            connection.execute(f"{verb} ROLE {name} {attributes} PASSWORD '{verifier}'".encode())

    def login(self, user: str, password: str) -> str:
        """Log in over the network, and return what came of it in a word or two."""
        options: dict[str, Any] = {"host": self.host, "port": self.port, "user": user, "password": password}
        try:
            with psycopg.connect(**options, dbname="postgres", connect_timeout=10) as connection:
                row = connection.execute("SELECT current_user").fetchone()
                return f"logged in as {row[0] if row else '?'}"
        except psycopg.OperationalError as error:
            return "refused" if "password authentication failed" in str(error) else str(error)

    def _initialise(self, programs: Path, data: Path) -> None:
        command = [*self._as, str(programs / "initdb"), "--pgdata", str(data), "--username", "postgres"]
        command += ["--auth-local", "trust", "--auth-host", "scram-sha-256", "--encoding", "UTF8"]
        command += ["--locale", "C.UTF-8", "--no-sync", "--no-instructions"]
        # One after the other: there are two processors, and other rows want them too.
        with _initialising:
            done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            raise Unproved("initdb makes a database", "exit status 0", done.stderr[-600:])


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _as_unprivileged() -> list[str]:
    """Return what has a command run as an unprivileged user: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={UNPRIVILEGED_ID}", f"--regid={UNPRIVILEGED_ID}", "--clear-groups"]


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
