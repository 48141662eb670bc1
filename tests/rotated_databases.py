"""Databases whose passwords are rotated: PostgreSQL and MariaDB alike, on a port, with TLS, logging every statement."""

import contextlib
import os
import shutil
import socket
import tempfile
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pymysql
import pytest
from tests import mariadb, postgresql
from tests.mariadb import MariadbServer
from tests.postgresql import PostgresqlServer

from strongroom.crypto.certificates import Names, create_authority, issue_server_certificate

HOST = "127.0.0.1"
_UNPRIVILEGED_ID = 65534


class RotatedDatabase(Protocol):
    """A database server. `engine` is what a secret calls it; `name` is a database with a table `items` of one row."""

    engine: str
    function: str
    port: int
    name: str
    authority: Path

    def make_user(self, password: str) -> str:
        """Make a user who may read `items`, and return its name."""

    def make_superuser(self, password: str) -> str:
        """Make a user who may make users, and return its name."""

    def read(self, username: str, password: str) -> int:
        """Log in over the network and read `items`. Raises the driver's error."""

    def lets_in(self, username: str, password: str) -> bool:
        """Whether the credentials log in, and read."""

    def has_user(self, username: str) -> bool:
        """Whether there is a user of that name."""

    def logged(self) -> str:
        """Return all that the server has logged."""


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def _name(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex[:10]}"


class Certificates:
    """A server's certificate for 127.0.0.1, in files of the user that the servers run under."""

    def __init__(self) -> None:
        self.directory = directory = Path(tempfile.mkdtemp(prefix="certificates-", dir="/tmp"))
        now = datetime.now(UTC)
        authority = create_authority("Databases for tests", now)
        issued = issue_server_certificate(authority, HOST, Names.of([HOST, "localhost"]), now)
        self.authority, self.certificate, self.key = (directory / name for name in ("ca.pem", "server.pem", "key.pem"))
        self.authority.write_bytes(authority.certificate_pem)
        self.certificate.write_bytes(issued.certificate_pem)
        self.key.write_bytes(issued.private_key_pem)
        self.key.chmod(0o600)
        if os.geteuid() == 0:
            for path in (directory, self.key):
                os.chown(path, _UNPRIVILEGED_ID, _UNPRIVILEGED_ID)


class RotatedPostgresql:
    """PostgreSQL, with `log_statement=all`."""

    engine = "postgres"
    function = "postgresql"

    def __init__(self, certificates: Certificates) -> None:
        settings = ["log_statement=all", "log_connections=on", "ssl=on"]
        settings += [f"ssl_cert_file={certificates.certificate}", f"ssl_key_file={certificates.key}"]
        self.authority = certificates.authority
        self.port = _free_port()
        self.server = PostgresqlServer(postgresql.programs_or_skip(), port=self.port, settings=settings)
        self.name = self.server.create_database()
        with psycopg.connect(self.server.url(self.name), autocommit=True) as connection:
            connection.execute("CREATE TABLE items (number int)")
            connection.execute("INSERT INTO items VALUES (7)")

    def make_user(self, password: str) -> str:
        name = _name("app")
        with psycopg.connect(self.server.url(self.name), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{_verifier(connection, name, password)}'")
            connection.execute(f"GRANT SELECT ON items TO {name}")
        return name

    def make_superuser(self, password: str) -> str:
        name = _name("admin")
        with psycopg.connect(self.server.url(self.name), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {name} SUPERUSER LOGIN PASSWORD '{_verifier(connection, name, password)}'")
        return name

    def read(self, username: str, password: str) -> int:
        options: dict[str, Any] = {"host": HOST, "port": self.port, "user": username, "password": password}
        with psycopg.connect(**options, dbname=self.name, connect_timeout=10) as connection:
            [(number,)] = connection.execute("SELECT number FROM items").fetchall()
            return int(number)

    def lets_in(self, username: str, password: str) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            return self.read(username, password) == 7
        return False

    def has_user(self, username: str) -> bool:
        with psycopg.connect(self.server.url(self.name)) as connection:
            return connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (username,)).fetchone() is not None

    def logged(self) -> str:
        return (self.server.directory / "log").read_text(errors="replace")


def _verifier(connection: psycopg.Connection, username: str, password: str) -> str:
    return connection.pgconn.encrypt_password(password.encode(), username.encode(), b"scram-sha-256").decode()


class RotatedMariadb:
    """MariaDB, with its general log on."""

    engine = "mariadb"
    function = "mysql"

    def __init__(self, certificates: Certificates) -> None:
        mariadb.must_be_installed()
        self.authority = certificates.authority
        self.port = _free_port()
        settings = [f"ssl-cert={certificates.certificate}", f"ssl-key={certificates.key}"]
        self.server = MariadbServer(self.port, settings)
        self.name = _name("shop")
        self.server.execute(
            f"CREATE DATABASE {self.name}",
            f"CREATE TABLE {self.name}.items (number int)",
            f"INSERT INTO {self.name}.items VALUES (7)",
        )

    def make_user(self, password: str) -> str:
        name = _name("app")
        self.server.execute(
            f"CREATE USER {name}@'%' IDENTIFIED BY PASSWORD '{_native(password)}'",
            f"GRANT SELECT ON {self.name}.items TO {name}@'%'",
        )
        return name

    def make_superuser(self, password: str) -> str:
        name = _name("admin")
        self.server.execute(
            f"CREATE USER {name}@'%' IDENTIFIED BY PASSWORD '{_native(password)}'",
            f"GRANT ALL ON *.* TO {name}@'%' WITH GRANT OPTION",
        )
        return name

    def read(self, username: str, password: str) -> int:
        options: dict[str, Any] = {"host": HOST, "port": self.port, "user": username, "password": password}
        with pymysql.connect(**options, database=self.name) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT number FROM items")
            return int(cursor.fetchone()[0])

    def lets_in(self, username: str, password: str) -> bool:
        with contextlib.suppress(pymysql.OperationalError):
            return self.read(username, password) == 7
        return False

    def has_user(self, username: str) -> bool:
        return bool(self.server.execute(f"SELECT 1 FROM mysql.user WHERE User = '{username}'"))

    def logged(self) -> str:
        return "".join((self.server.directory / name).read_text(errors="replace") for name in ("general.log", "log"))


def _native(password: str) -> str:
    from strongroom.rotation_functions.mysql import native_hash

    return native_hash(password)


@pytest.fixture(scope="session")
def database_certificates() -> Iterator[Certificates]:
    """Certificates of the databases of this test process."""
    certificates = Certificates()
    yield certificates
    shutil.rmtree(certificates.directory, ignore_errors=True)


@pytest.fixture(scope="session")
def rotated_postgresql(database_certificates: Certificates) -> Iterator[RotatedPostgresql]:
    """The PostgreSQL server whose passwords are rotated."""
    database = RotatedPostgresql(database_certificates)
    yield database
    database.server.stop()


@pytest.fixture(scope="session")
def rotated_mariadb(database_certificates: Certificates) -> Iterator[RotatedMariadb]:
    """The MariaDB server whose passwords are rotated."""
    database = RotatedMariadb(database_certificates)
    yield database
    database.server.stop()


@pytest.fixture(params=["postgresql", "mariadb"])
def database(request: pytest.FixtureRequest) -> RotatedDatabase:
    """Each of the databases."""
    found: RotatedDatabase = request.getfixturevalue(f"rotated_{request.param}")
    return found
