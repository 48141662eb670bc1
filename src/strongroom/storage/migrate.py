"""Bring a database to the newest schema. Alembic is imported only when there is something to do."""

import os
from pathlib import Path

from sqlalchemy import Connection

from strongroom.base.errors import OperatorError
from strongroom.storage.sqlite_schema import make_tables

_MIGRATIONS = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 0x5354_524F_4E47_524D
_HAS_REVISION = {
    "sqlite": "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'",
    "postgresql": "SELECT 1 WHERE to_regclass('alembic_version') IS NOT NULL",
}


def head_revision() -> str:
    """Return the newest revision that this version of Strongroom knows: the highest number of a file in `versions`."""
    return max(name[:4] for name in os.listdir(_MIGRATIONS / "versions") if name[:4].isdecimal())


def current_revision(connection: Connection) -> str | None:
    """Return the revision of a database, or None for an empty one."""
    if connection.exec_driver_sql(_HAS_REVISION[connection.dialect.name]).scalar() is None:
        return None
    revision: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return revision


def migrate(connection: Connection) -> bool:
    """Run what is missing, in one transaction; return whether anything was.

    Servers that start at the same time take turns. Raises OperatorError when a newer Strongroom made the database, or
    when the upgrade would leave rows that break a foreign key.
    """
    head = head_revision()
    with connection.begin():
        if _is_at(head, current_revision(connection)):
            return False
    if connection.dialect.name == "sqlite":
        # SQLite alters a table by making it anew, and dropping the old one must not cascade.
        _set_foreign_keys(connection, "OFF")
        try:
            return _upgrade_in_turn(connection, head)
        finally:
            _set_foreign_keys(connection, "ON")
    return _upgrade_in_turn(connection, head)


def _upgrade_in_turn(connection: Connection, head: str) -> bool:
    with connection.begin():
        if connection.dialect.name == "postgresql":
            # A snapshot taken before the lock would not show what the server that held it has done.
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
        current = current_revision(connection)
        if current is None and connection.dialect.name == "sqlite":
            make_tables(connection, _MIGRATIONS / "sqlite.sql", head)
            current = current_revision(connection)
            if current == head:
                return True
        if _is_at(head, current):
            return False
        _upgrade(connection)
        if connection.dialect.name == "sqlite":
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
            if broken is not None:
                raise OperatorError(f"the upgrade of the database was undone: table {broken[0]} breaks a foreign key")
    return True


def _is_at(head: str, current: str | None) -> bool:
    if current is not None and current > head:
        raise OperatorError(
            f"the database was made by a newer Strongroom (schema {current}; this one knows {head}):"
            " upgrade this server"
        )
    return current == head


def _set_foreign_keys(connection: Connection, value: str) -> None:
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 (for the type checker)
    driver.execute(f"PRAGMA foreign_keys={value}")  # Inside a transaction it would have no effect.


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
