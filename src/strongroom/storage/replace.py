"""What to do about a row whose key is there already, the same way on every database."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table


def insert_into(connection: Connection, table: Table) -> Any:
    """Return an INSERT statement that has the `on_conflict` methods: each database's own, with methods alike."""
    # A dialect takes time and memory to import, and the server has one of the two.
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def replace_row(connection: Connection, table: Table, values: Mapping[str, Any]) -> None:
    """Insert a row, or put it in place of the one with its primary key. Columns without a value stay as they are."""
    key = [column.name for column in table.primary_key]
    others = {name: value for name, value in values.items() if name not in key}
    statement = insert_into(connection, table).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=others))
