"""The whole schema of a SQLite database, as the migrations make it: an empty database need not live through history.

`migrations/sqlite.sql` is a dump of a database that they made, beginning with its revision. A test holds it to them;
where it is behind, the newer migrations run after it.
"""

import re
from pathlib import Path

from sqlalchemy import Connection

_FIRST_LINE = re.compile(r"-- The schema at revision (?P<revision>[0-9]{4})\b")
_END = ";\n\n"
_DUMPED = (
    "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' AND name <> 'alembic_version' "
    "ORDER BY type = 'table' DESC, name"
)
_VERSION_TABLE = (
    "CREATE TABLE alembic_version (\n\tversion_num VARCHAR(32) NOT NULL, \n"
    "\tCONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)\n)"
)


def make_tables(connection: Connection, schema: Path, head: str) -> None:
    """Make every table of an empty database, in the transaction at hand, unless `schema` is of a later revision.

    `schema` is the file, `head` the newest revision there is. Without the file nothing is made.
    """
    try:
        text = schema.read_text("utf-8")
    except FileNotFoundError:
        return
    found = _FIRST_LINE.match(text)
    if found is None or found["revision"] > head:
        return
    _, _, statements = text.partition("\n\n")
    for statement in statements.removesuffix(_END).split(_END):
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql(_VERSION_TABLE)
    connection.exec_driver_sql("INSERT INTO alembic_version (version_num) VALUES (?)", (found["revision"],))


def dump(connection: Connection) -> str:
    """Return what `make_tables` reads, of a database that the migrations have made."""
    revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
    statements = connection.exec_driver_sql(_DUMPED).scalars().all()
    return f"-- The schema at revision {revision}, made by the migrations.\n\n" + "".join(
        statement + _END for statement in statements
    )
