"""The tables of the guard, the vault and the ledger, and every statement that touches them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text, delete, select, update
from sqlalchemy.engine import Row

from strongroom.envelope.keyring import KeyringRow
from strongroom.storage.column_types import RowNumber
from strongroom.storage.connection import Connection
from strongroom.storage.schema import metadata
from strongroom.storage.sealed_column import Sealed

STORAGE_KEYS = Table(
    "storage_keys",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("root_fingerprint", Text, nullable=False),
    Column("root_parameters", Text, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
)

AUDIT_PLACE = "audit_batches/{batch}/{first_at}/{last_at}/{records}"

AUDIT_BATCHES = Table(
    "audit_batches",
    metadata,
    Column("number", RowNumber, primary_key=True),
    Column("batch", String(32), nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("records", Integer, nullable=False),
    Column("sealed", Sealed(AUDIT_PLACE), nullable=False),
    Index("ix_audit_batches_last_at", "last_at"),
)


def select_storage_keys(connection: Connection) -> list[KeyringRow]:
    """Return the wrapped storage keys, oldest first."""
    rows = connection.execute(select(STORAGE_KEYS).order_by(STORAGE_KEYS.c.number))
    return [KeyringRow(*row) for row in rows]


def replace_storage_keys(connection: Connection, rows: Iterable[KeyringRow]) -> None:
    """Put `rows` in place of the wrapped storage keys that were there."""
    connection.execute(delete(STORAGE_KEYS))
    connection.execute(STORAGE_KEYS.insert(), [row._asdict() for row in rows])


def insert_audit_batch(connection: Connection, values: dict[str, Any]) -> None:
    """Append one sealed batch of audit records."""
    connection.execute(AUDIT_BATCHES.insert().values(values))


def select_audit_batches(connection: Connection, since: int, until: int, after: int, limit: int) -> Sequence[Row[Any]]:
    """Return up to `limit` batches that may hold records from `since` to `until` (milliseconds).

    They come in the order in which they were written, beginning behind the number `after`.
    """
    statement = select(AUDIT_BATCHES).where(
        (AUDIT_BATCHES.c.last_at >= since) & (AUDIT_BATCHES.c.first_at <= until) & (AUDIT_BATCHES.c.number > after)
    )
    return connection.execute(statement.order_by(AUDIT_BATCHES.c.number).limit(limit)).all()


def sealed_columns() -> list[Column[Any]]:
    """Return every column of every table whose values are sealed."""
    return [column for table in metadata.sorted_tables for column in table.columns if isinstance(column.type, Sealed)]


def holds_sealed_values(connection: Connection) -> bool:
    """Whether any sealed column has a value."""
    return any(
        connection.execute(select(column).where(column.is_not(None)).limit(1)).first() is not None
        for column in sealed_columns()
    )


def replace_sealed_values(connection: Connection, column: Column[Any], replace: Callable[[bytes, str], bytes]) -> int:
    """Put `replace(sealed, place)` in place of every value of a sealed column; return how many there were."""
    table, place = column.table, cast(Sealed, column.type).place
    keys = list(table.primary_key.columns)
    found = connection.execute(select(*keys).where(column.is_not(None))).all()
    for identity in found:
        this_row = [key == value for key, value in zip(keys, identity, strict=True)]
        row = connection.execute(select(table).where(*this_row)).one()._mapping
        replaced = replace(row[column.name], place.format(**row))
        connection.execute(update(table).where(*this_row).values({column.name: replaced}))
    return len(found)
