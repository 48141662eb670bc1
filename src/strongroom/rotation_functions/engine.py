"""What a rotation asks of a database, whichever one it is."""

import ssl
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

CONNECT_SECONDS_MAX = 5
"""How long a database may take to answer, so that three logins fit into the half minute that a function has."""

ANSWER_SECONDS_MAX = 10
"""How long it may take to answer a statement: these are short ones."""

AUTHORITY = Path(__file__).parent / "database-ca.pem"
"""The certificates that a database's certificate is verified with, when they are packed beside this module."""


class LoginError(Exception):
    """The database does not let these credentials in, or cannot be reached; the text is the database's own."""


class Login(NamedTuple):
    """Where a database is, and credentials for it.

    `tls` is True when the connection must be encrypted and the server's certificate verified, False when it must not be
    encrypted, and None to encrypt when the server can.
    """

    host: str
    port: int
    username: str
    password: str
    database: str | None
    tls: bool | None = None


class Session(Protocol):
    """A connection that is logged in. Nothing of a password is sent in a form that a server's log would tell."""

    def ask(self) -> None:
        """Have the database answer something."""

    def version(self) -> str:
        """Return the server's version: `15.18`, `10.11.19`."""

    def change_own_password(self, password: str) -> None:
        """Change the password of the user that is logged in."""

    def has_user(self, username: str) -> bool:
        """Whether there is a user of that name."""

    def change_password(self, username: str, password: str) -> None:
        """Change the password of another user."""

    def clone_user(self, username: str, clone: str, password: str) -> None:
        """Make a user that may do all that another one may; after a crash there is no such user, or a whole one."""


class Engine(NamedTuple):
    """A kind of database. `names` are those that a secret's `engine` may have.

    `open` logs in; it raises LoginError.
    """

    names: frozenset[str]
    default_port: int
    default_database: str | None
    username_length_max: int
    open: Callable[[Login], AbstractContextManager[Session]]


def authority_file() -> str | None:
    """Return the file of certificates to verify a database with: the one packed with the function, or the system's."""
    return str(AUTHORITY) if AUTHORITY.exists() else ssl.get_default_verify_paths().cafile
