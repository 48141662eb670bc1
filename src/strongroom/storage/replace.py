"""A row put in place of the one with its key, the same way on every database."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def replace_row(connection: Connection, table: Table, values: Mapping[str, Any]) -> None:
    """Insert a row, or put it in place of the one with its primary key. Columns without a value stay as they are."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    key = [column.name for column in table.primary_key]
    others = {name: value for name, value in values.items() if name not in key}
    connection.execute(insert(table).values(values).on_conflict_do_update(index_elements=key, set_=others))
