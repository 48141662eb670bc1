"""PostgreSQL. Passwords are sent as SCRAM verifiers, made here: the server, and its log, never see the password.

A verifier is what the server would store. Every server from version 10 on takes one, and lets in whoever knows the
password, whether pg_hba.conf says `scram-sha-256` or `md5`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from .engine import ANSWER_SECONDS_MAX, CONNECT_SECONDS_MAX, Engine, Login, LoginError, authority_file

_VERIFIER = b"scram-sha-256"


class PostgresqlSession:
    """A connection to PostgreSQL."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def ask(self) -> None:
        """Have the database answer something."""
        self._connection.execute("SELECT 1")

    def version(self) -> str:
        """Return the server's version."""
        number = self._connection.info.server_version
        return f"{number // 10_000}.{number % 10_000}"

    def change_own_password(self, password: str) -> None:
        """Change the password of the user that is logged in."""
        [(username,)] = self._connection.execute("SELECT session_user").fetchall()
        self.change_password(username, password)

    def has_user(self, username: str) -> bool:
        """Whether there is a role of that name."""
        found = self._connection.execute("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = %s", (username,))
        return found.fetchone() is not None

    def change_password(self, username: str, password: str) -> None:
        """Change the password of a role."""
        statement = sql.SQL("ALTER ROLE {} WITH PASSWORD {}")
        self._connection.execute(statement.format(sql.Identifier(username), self._verifier(username, password)))

    def clone_user(self, username: str, clone: str, password: str) -> None:
        """Make a role that is a member of another one, in one transaction."""
        create = sql.SQL("CREATE ROLE {} WITH LOGIN PASSWORD {}")
        grant = sql.SQL("GRANT {} TO {}")
        with self._connection.transaction():
            self._connection.execute(create.format(sql.Identifier(clone), self._verifier(clone, password)))
            self._connection.execute(grant.format(sql.Identifier(username), sql.Identifier(clone)))

    def _verifier(self, username: str, password: str) -> sql.Literal:
        verifier = self._connection.pgconn.encrypt_password(password.encode(), username.encode(), _VERIFIER)
        return sql.Literal(verifier.decode())


def _security(tls: bool | None) -> dict[str, Any]:
    """Return how to connect. A server that lets everybody in is refused: it cannot tell the new password from the old.

    Only where its certificate is verified does a server get the password itself, if it asks for it.
    """
    if tls is None:
        return {"sslmode": "prefer", "require_auth": "scram-sha-256,md5"}
    if not tls:
        return {"sslmode": "disable", "require_auth": "scram-sha-256,md5"}
    authority = authority_file() or "system"
    return {"sslmode": "verify-full", "sslrootcert": authority, "require_auth": "scram-sha-256,md5,password"}


@contextmanager
def _open(login: Login) -> Iterator[PostgresqlSession]:
    try:
        connection = psycopg.connect(
            host=login.host,
            port=login.port,
            user=login.username,
            password=login.password,
            dbname=login.database,
            connect_timeout=CONNECT_SECONDS_MAX,
            tcp_user_timeout=1_000 * ANSWER_SECONDS_MAX,
            application_name="strongroom rotation",
            autocommit=True,
            **_security(login.tls),
        )
    except psycopg.OperationalError as error:
        raise LoginError(str(error)) from None
    with connection:
        connection.execute(f"SET statement_timeout = '{ANSWER_SECONDS_MAX}s'")
        yield PostgresqlSession(connection)


POSTGRESQL = Engine(
    names=frozenset({"postgres", "aurora-postgresql"}),
    default_port=5432,
    default_database="postgres",
    username_length_max=63,
    open=_open,
)
