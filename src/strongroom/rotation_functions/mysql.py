"""MariaDB and MySQL. Passwords are set in ways that the server's logs do not tell.

MariaDB writes statements to its general log as they were sent, so it is sent the hash that it would store, which is
that of `mysql_native_password`. MySQL would take such a hash for a password; it writes no password into its logs that
an account statement sets, so there the statement has the password. Users of other plugins of MariaDB (`ed25519`) are
refused: neither could their hash be checked afterwards, as the driver does not log in by them.

Source: MariaDB Knowledge Base, "SET PASSWORD"; MySQL Reference Manual, "Passwords and Logging".
"""

import hashlib
import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pymysql
from pymysql.converters import escape_string

from .engine import ANSWER_SECONDS_MAX, CONNECT_SECONDS_MAX, Engine, Login, LoginError, authority_file

Account = tuple[str, str]
"""A user name and the host pattern that it logs in from: an account has its password of its own for each host."""

# What the server tells about accounts is quoted as this module expects it, whatever the server's own settings are.
_SETTINGS = "SET SESSION sql_mode = 'NO_ENGINE_SUBSTITUTION', SESSION sql_quote_show_create = 1"
_IDENTIFIED_BY = re.compile(r" IDENTIFIED BY PASSWORD '[^']*'")
_PROPERTIES = re.compile(r" (?P<role>DEFAULT ROLE .*? )?(?P<other>REQUIRE .*?) PASSWORD EXPIRE")


class MysqlSession:
    """A connection to MariaDB or MySQL."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._version: str = self._rows("SELECT VERSION()")[0][0]
        self._is_mariadb = "MariaDB" in self._version

    def ask(self) -> None:
        """Have the database answer something."""
        self._rows("SELECT 1")

    def version(self) -> str:
        """Return the server's version."""
        return self._version.partition("-")[0]

    def change_own_password(self, password: str) -> None:
        """Change the password of the account that is logged in."""
        username, _, host = self._rows("SELECT CURRENT_USER()")[0][0].rpartition("@")
        self._set_password((username, host), password)

    def has_user(self, username: str) -> bool:
        """Whether there is an account of that user name, for any host."""
        return bool(self._accounts(username))

    def change_password(self, username: str, password: str) -> None:
        """Change the password of every account of a user name."""
        for account in self._accounts(username):
            self._set_password(account, password)

    def clone_user(self, username: str, clone: str, password: str) -> None:
        """Make an account like each account of a user name: with its privileges, roles, limits and demands.

        It is made under another name, which it gives up when it is whole.
        """
        unfinished = f"{clone[:-1]}~"
        for _, host in self._accounts(unfinished):
            self._run(f"DROP USER {_literal(unfinished, host)}")
        accounts = self._accounts(username)
        for account in accounts:
            self._copy(account, (unfinished, account[1]), password)
        renamed = (f"{_literal(unfinished, host)} TO {_literal(clone, host)}" for _, host in accounts)
        self._run("RENAME USER " + ", ".join(renamed))

    def _copy(self, account: Account, copy: Account, password: str) -> None:
        by = f"PASSWORD '{native_hash(password)}'" if self._is_mariadb else f"'{escape_string(password)}'"
        self._run(f"CREATE USER {_literal(*copy)} IDENTIFIED BY {by}", has_password=True)
        for (grant,) in self._rows(f"SHOW GRANTS FOR {_literal(*account)}"):
            self._run(readdressed(grant, account, copy))
        if not self._is_mariadb:  # Whose first grant has them.
            told = self._rows(f"SHOW CREATE USER {_literal(*account)}")[0][0]
            match = _PROPERTIES.search(told)
            if match is not None:
                self._run(f"ALTER USER {_literal(*copy)} {match['role'] or ''}{match['other']}")

    def _set_password(self, account: Account, password: str) -> None:
        if self._is_mariadb:
            by = f"'{native_hash(password)}'"
            self._run(f"SET PASSWORD FOR {_literal(*account)} = {by}", has_password=True)
        else:
            by = f"'{escape_string(password)}'"
            self._run(f"ALTER USER {_literal(*account)} IDENTIFIED BY {by}", has_password=True)

    def _accounts(self, username: str) -> list[Account]:
        found = self._rows(f"SELECT User, Host FROM mysql.user WHERE User = '{escape_string(username)}'")  # noqa: S608
        return [(_text(user), _text(host)) for user, host in found if _text(user) == username]

    def _rows(self, statement: str) -> Sequence[Any]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            rows: Sequence[Any] = cursor.fetchall()
            return rows

    def _run(self, statement: str, *, has_password: bool = False) -> None:
        try:
            self._rows(statement)
        except pymysql.MySQLError as error:
            # A server that does not understand a statement repeats it.
            what = f"a new password (error {error.args[0]})" if has_password else f"{statement}: {error.args[-1]}"
            raise RuntimeError(f"the database refused {what}") from None


def native_hash(password: str) -> str:
    """Return what `mysql_native_password` stores: the SHA-1 hash of a SHA-1 hash, which is the plugin's own form."""
    once = hashlib.sha1(password.encode()).digest()  # noqa: S324
    return "*" + hashlib.sha1(once).hexdigest().upper()  # noqa: S324


def readdressed(grant: str, account: Account, copy: Account) -> str:
    """Return a line of SHOW GRANTS for another account, without the password's hash.

    Raises ValueError for a line that is not about the account.
    """
    for told in (_quoted(*account, "`"), _literal(*account)):
        for word in (" TO ", " FOR "):
            before, found, after = grant.rpartition(word + told)
            if found and (not after or after.startswith(" ")):
                return before + word + _literal(*copy) + _IDENTIFIED_BY.sub("", after)
    raise ValueError("the database tells a privilege in a form that is not known")


def _quoted(username: str, host: str, quote: str) -> str:
    return "@".join(quote + part.replace(quote, quote * 2) + quote for part in (username, host))


def _literal(username: str, host: str) -> str:
    return f"'{escape_string(username)}'@'{escape_string(host)}'"


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


class _GivesNothingAway:
    """What a server gets that asks for the password itself."""

    def __init__(self, connection: Any) -> None:
        pass

    def authenticate(self, packet: Any) -> Any:
        raise pymysql.OperationalError("the server asks for the password itself, which it does not get")


def _security(tls: bool | None) -> dict[str, Any]:
    """Return how to connect; without a word about it the driver encrypts where the server can."""
    if tls is None:
        return {}
    return {"ssl": ssl.create_default_context(cafile=authority_file())} if tls else {"ssl_disabled": True}


@contextmanager
def _open(login: Login) -> Iterator[MysqlSession]:
    plugins = dict.fromkeys(("mysql_clear_password", "mysql_old_password", "dialog"), _GivesNothingAway)
    try:
        connection = pymysql.connect(
            host=login.host,
            port=login.port,
            user=login.username,
            password=login.password,
            database=login.database,
            connect_timeout=CONNECT_SECONDS_MAX,
            read_timeout=ANSWER_SECONDS_MAX,
            write_timeout=ANSWER_SECONDS_MAX,
            charset="utf8mb4",
            autocommit=True,
            init_command=_SETTINGS,
            auth_plugin_map=plugins,
            **_security(login.tls),
        )
    except (pymysql.OperationalError, RuntimeError) as error:
        # RuntimeError: the user logs in by a plugin that the driver does not have.
        raise LoginError(str(error)) from None
    with connection:
        yield MysqlSession(connection)


MYSQL = Engine(
    names=frozenset({"mysql", "aurora-mysql", "mariadb"}),
    default_port=3306,
    default_database=None,
    username_length_max=80,
    open=_open,
)
