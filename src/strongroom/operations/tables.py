"""The tables of the guard, the vault and the ledger, and every statement that touches them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    bindparam,
    delete,
    func,
    select,
    update,
)
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


AUDIT_INDEX_KEY_PLACE = "audit_index_keys/{number}"

AUDIT_INDEX_KEYS = Table(
    "audit_index_keys",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("sealed", Sealed(AUDIT_INDEX_KEY_PLACE), nullable=False),
)
"""The key with which the terms of the index are hashed: one row."""

AUDIT_TERMS = Table(
    "audit_terms",
    metadata,
    Column("term", BigInteger, primary_key=True, autoincrement=False),
    Column("last_batch", BigInteger, primary_key=True, autoincrement=False),
    Column("first_batch", BigInteger, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""In which spans of batches something is found: `term` is a keyed hash of what; times are in milliseconds."""

AUDIT_POSITIONS = Table(
    "audit_positions",
    metadata,
    Column("reader", String(64), primary_key=True),
    Column("batch", BigInteger, nullable=False),
)
"""Up to which batch, inclusive, a reader of the trail has come."""


SPANS_PER_READ = 200


class AuditSpan(NamedTuple):
    """A run of batches, by their numbers, and between which times (milliseconds) their records are."""

    first_batch: int
    last_batch: int
    first_at: int
    last_at: int


# What is written many times a second, or looked for, is built once: building a statement costs more than executing it.
_INSERT_BATCH = AUDIT_BATCHES.insert()
_SPANS_AFTER = (
    select(*[AUDIT_BATCHES.c[name] for name in ("number", "first_at", "last_at", "records")])
    .where(AUDIT_BATCHES.c.number > bindparam("after"))
    .order_by(AUDIT_BATCHES.c.number)
    .limit(bindparam("at_most", type_=Integer))
)
_THIS_READER = AUDIT_POSITIONS.c.reader == bindparam("of_reader")
_POSITION = select(AUDIT_POSITIONS.c.batch).where(_THIS_READER)
_DELETE_POSITION = delete(AUDIT_POSITIONS).where(_THIS_READER)
_INSERT_POSITION = AUDIT_POSITIONS.insert()


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
    connection.execute(_INSERT_BATCH, values)


def select_audit_batches(connection: Connection, since: int, until: int, after: int, limit: int) -> Sequence[Row[Any]]:
    """Return up to `limit` batches that may hold records from `since` to `until` (milliseconds).

    They come in the order in which they were written, beginning behind the number `after`.
    """
    statement = select(AUDIT_BATCHES).where(
        (AUDIT_BATCHES.c.last_at >= since) & (AUDIT_BATCHES.c.first_at <= until) & (AUDIT_BATCHES.c.number > after)
    )
    return connection.execute(statement.order_by(AUDIT_BATCHES.c.number).limit(limit)).all()


def select_audit_batches_after(
    connection: Connection, after: int, limit: int, until: int | None = None
) -> Sequence[Row[Any]]:
    """Return up to `limit` batches behind the number `after`, up to `until`, in the order of their numbers."""
    statement = select(AUDIT_BATCHES).where(AUDIT_BATCHES.c.number > after)
    if until is not None:
        statement = statement.where(AUDIT_BATCHES.c.number <= until)
    return connection.execute(statement.order_by(AUDIT_BATCHES.c.number).limit(limit)).all()


def list_audit_batches_after(connection: Connection, after: int, limit: int) -> Sequence[Row[Any]]:
    """Return number, times and size of up to `limit` batches behind the number `after`, in the order of numbers."""
    return connection.execute(_SPANS_AFTER, {"after": after, "at_most": limit}).all()


def last_audit_batch(connection: Connection) -> int:
    """Return the number of the newest batch, 0 when there is none."""
    return connection.execute(select(func.max(AUDIT_BATCHES.c.number))).scalar() or 0


def select_audit_position(connection: Connection, reader: str) -> int:
    """Return up to which batch a reader has come, 0 when it has not begun."""
    return connection.execute(_POSITION, {"of_reader": reader}).scalar_one_or_none() or 0


def replace_audit_position(connection: Connection, reader: str, batch: int) -> None:
    """Write up to which batch a reader has come."""
    connection.execute(_DELETE_POSITION, {"of_reader": reader})
    connection.execute(_INSERT_POSITION, {"reader": reader, "batch": batch})


def insert_audit_terms(connection: Connection, terms: Iterable[int], span: AuditSpan) -> None:
    """Write what is found in a span of batches."""
    rows = [{"term": term, **span._asdict()} for term in terms]
    if rows:
        connection.execute(AUDIT_TERMS.insert(), rows)


def select_audit_spans(
    connection: Connection, term: int, since: int, until: int, before: int | None
) -> list[AuditSpan]:
    """Return the spans that a term is found in and that may hold records from `since` to `until` (milliseconds).

    They come from the newest on, `SPANS_PER_READ` at once, of those that end before the batch `before`.
    """
    columns = [AUDIT_TERMS.c[name] for name in AuditSpan._fields]
    statement = select(*columns).where(
        (AUDIT_TERMS.c.term == term) & (AUDIT_TERMS.c.last_at >= since) & (AUDIT_TERMS.c.first_at <= until)
    )
    if before is not None:
        statement = statement.where(AUDIT_TERMS.c.last_batch < before)
    newest_first = statement.order_by(AUDIT_TERMS.c.last_batch.desc()).limit(SPANS_PER_READ)
    return [AuditSpan(*row) for row in connection.execute(newest_first)]


def select_audit_index_key(connection: Connection) -> bytes | None:
    """Return the sealed key of the index, or None before there is one."""
    found: bytes | None = connection.execute(select(AUDIT_INDEX_KEYS.c.sealed)).scalar_one_or_none()
    return found


def insert_audit_index_key(connection: Connection, sealed: bytes) -> bytes:
    """Write the sealed key of the index, unless another server was first; return the one that is there then."""
    found = select_audit_index_key(connection)
    if found is None:
        connection.execute(AUDIT_INDEX_KEYS.insert().values(number=1, sealed=sealed))
    return found or sealed


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
