"""The tables of batches of events and of the keys they are sealed under, and every statement that touches them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    delete,
    func,
    select,
    tuple_,
)
from sqlalchemy.engine import Row

from strongroom.services.logs.tables import GROUPS, STREAMS, following
from strongroom.storage.column_types import RowNumber
from strongroom.storage.connection import Connection
from strongroom.storage.schema import metadata
from strongroom.storage.sealed_column import Sealed

DATA_KEY_PLACE = "logs_data_keys/{group_number}/{data_key_id}/{key_arn}"
BATCH_PLACE = (
    "logs_batches/{batch}/{data_key_id}/{group_number}/{stream_number}/{first_at}/{last_at}/{ingested_at}/{events}"
)
SPAN_MS_MAX = 24 * 60 * 60 * 1000
"""How far apart the first and the last event of a batch may be. Source: API Reference, PutLogEvents."""

DATA_KEYS = Table(
    "logs_data_keys",
    metadata,
    Column("data_key_id", String(32), primary_key=True),
    Column("group_number", RowNumber, nullable=False),
    Column("key_arn", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("sealed", Sealed(DATA_KEY_PLACE), nullable=False),
    ForeignKeyConstraint(["group_number"], ["logs_groups.number"], ondelete="CASCADE"),
    Index("ix_logs_data_keys_group", "group_number"),
)
"""`sealed` is the data key's ciphertext under the KMS key, or the data key itself where there is none."""

BATCHES = Table(
    "logs_batches",
    metadata,
    Column("number", RowNumber, primary_key=True),
    Column("batch", String(32), nullable=False),
    Column("group_number", RowNumber, nullable=False),
    Column("stream_number", RowNumber, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("ingested_at", BigInteger, nullable=False),
    Column("events", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("data_key_id", String(32), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("ix_logs_batches_group_first", "group_number", "first_at", "number", "last_at"),
    Index("ix_logs_batches_group_last", "group_number", "last_at", "number", "first_at"),
    Index("ix_logs_batches_stream_first", "stream_number", "first_at", "number", "last_at"),
    Index("ix_logs_batches_stream_last", "stream_number", "last_at", "number", "first_at"),
    sqlite_autoincrement=True,
)
"""`content` is encrypted under the data key. A batch whose stream is gone is not there for anybody any more; it has no
foreign key, so that deleting a large log group is quick, and is removed in steps (`logs_removed`). Each index has both
ends of a batch, so that batches which begin in time and end too early are passed over without a look at their rows."""

REMOVED = Table(
    "logs_removed",
    metadata,
    Column("number", RowNumber, primary_key=True),
    Column("group_number", RowNumber),
    Column("stream_number", RowNumber),
)
"""Log groups and streams that are gone, and whose batches are still to be removed."""


class Extent(NamedTuple):
    """Which batches may hold what is looked for: those with events from `first` to `last`, both included.

    `streams` are the numbers of log streams, None for all; `prefix` is what their names begin with.
    """

    group_number: int
    first: int
    last: int
    streams: tuple[int, ...] | None = None
    prefix: str = ""


def insert_data_key(connection: Connection, values: Mapping[str, Any]) -> bool:
    """Insert a data key; False when its log group is gone."""
    group = select(GROUPS.c.number).where(GROUPS.c.number == values["group_number"])
    if connection.execute(group).first() is None:
        return False
    connection.execute(DATA_KEYS.insert().values(values))
    return True


def select_data_keys(connection: Connection, group_number: int, ids: Sequence[str]) -> Sequence[Row[Any]]:
    """Return some of a log group's data keys."""
    statement = select(DATA_KEYS).where((DATA_KEYS.c.group_number == group_number) & DATA_KEYS.c.data_key_id.in_(ids))
    return connection.execute(statement).all()


_INSERT_BATCH = BATCHES.insert()


def insert_batch(connection: Connection, values: Mapping[str, Any]) -> int:
    """Append a batch; return its number."""
    key = connection.execute(_INSERT_BATCH, values).inserted_primary_key
    return int(key[0]) if key is not None else 0


def select_batches(
    connection: Connection, extent: Extent, after: tuple[int, int] | None, limit: int, *, descending: bool
) -> Sequence[Row[Any]]:
    """Return up to `limit` batches, with the names of their streams, in the order of their first events.

    Descending, it is the reverse order of their last events. They begin behind `after`: that time, and a number.
    """
    batches = BATCHES.c
    condition = _within(extent)
    order = batches.last_at if descending else batches.first_at
    # A batch spans a day at most, which bounds where in the order there is anything to look for.
    if after is not None:
        place = tuple_(order, batches.number)
        condition &= place < tuple_(*after) if descending else place > tuple_(*after)
    elif descending:
        condition &= batches.last_at <= extent.last + SPAN_MS_MAX
    else:
        condition &= batches.first_at >= extent.first - SPAN_MS_MAX
    statement = select(BATCHES, STREAMS.c.name).join(STREAMS, STREAMS.c.number == batches.stream_number)
    columns = (order.desc(), batches.number.desc()) if descending else (order, batches.number)
    return connection.execute(statement.where(condition).order_by(*columns).limit(limit)).all()


def _within(extent: Extent) -> Any:
    batches = BATCHES.c
    condition = (batches.first_at <= extent.last) & (batches.last_at >= extent.first)
    if extent.streams is None:
        condition &= batches.group_number == extent.group_number
    elif len(extent.streams) == 1:
        condition &= batches.stream_number == extent.streams[0]
    else:
        condition &= (batches.group_number == extent.group_number) & batches.stream_number.in_(extent.streams)
    if extent.prefix:
        condition &= (STREAMS.c.name >= extent.prefix) & (STREAMS.c.name < following(extent.prefix))
    return condition


def select_batch(connection: Connection, group_number: int, number: int) -> Row[Any] | None:
    """Return a batch of a log group, with the name of its stream, or None."""
    statement = select(BATCHES, STREAMS.c.name).join(STREAMS, STREAMS.c.number == BATCHES.c.stream_number)
    this = (BATCHES.c.number == number) & (BATCHES.c.group_number == group_number)
    return connection.execute(statement.where(this)).one_or_none()


def newest_batch(connection: Connection) -> int:
    """Return the number of the newest batch, 0 when there is none."""
    return connection.execute(select(func.max(BATCHES.c.number))).scalar_one() or 0


def numbers_behind(connection: Connection, group_numbers: Sequence[int], after: int, limit: int) -> Sequence[int]:
    """Return up to `limit` numbers of batches of some log groups that are greater than `after`, in order."""
    condition = (BATCHES.c.number > after) & BATCHES.c.group_number.in_(group_numbers)
    statement = select(BATCHES.c.number).where(condition).order_by(BATCHES.c.number)
    return list(connection.execute(statement.limit(limit)).scalars())


def batches_numbered(connection: Connection, numbers: Sequence[int]) -> Sequence[Row[Any]]:
    """Return batches by their numbers, with the names of their streams, in order."""
    statement = select(BATCHES, STREAMS.c.name).join(STREAMS, STREAMS.c.number == BATCHES.c.stream_number)
    return connection.execute(statement.where(BATCHES.c.number.in_(numbers)).order_by(BATCHES.c.number)).all()


def delete_expired(connection: Connection, group_number: int, before: int, limit: int) -> dict[int, int]:
    """Remove up to `limit` batches of a log group all of whose events are older; return their bytes by stream."""
    expired = (BATCHES.c.group_number == group_number) & (BATCHES.c.last_at < before)
    chosen = select(BATCHES.c.number, BATCHES.c.stream_number, BATCHES.c.bytes).where(expired).limit(limit)
    rows = connection.execute(chosen.order_by(BATCHES.c.last_at)).all()
    if rows:
        connection.execute(delete(BATCHES).where(BATCHES.c.number.in_([row.number for row in rows])))
    sizes: dict[int, int] = {}
    for row in rows:
        sizes[row.stream_number] = sizes.get(row.stream_number, 0) + row.bytes
    return sizes


def first_event_of(connection: Connection, stream_number: int) -> int | None:
    """Return the time of a stream's oldest event, or None."""
    statement = select(func.min(BATCHES.c.first_at)).where(BATCHES.c.stream_number == stream_number)
    first: int | None = connection.execute(statement).scalar_one()
    return first


def delete_unused_data_keys(connection: Connection, group_number: int, before: int) -> int:
    """Remove the data keys of a log group that were made before a time and that no batch needs; return how many."""
    used = select(BATCHES.c.data_key_id).where(BATCHES.c.group_number == group_number)
    old = (DATA_KEYS.c.group_number == group_number) & (DATA_KEYS.c.created_at < before)
    return connection.execute(delete(DATA_KEYS).where(old & DATA_KEYS.c.data_key_id.not_in(used))).rowcount


def insert_removed(
    connection: Connection, *, group_number: int | None = None, stream_number: int | None = None
) -> None:
    """Note that the batches of a log group or of a stream are to be removed."""
    connection.execute(REMOVED.insert().values(group_number=group_number, stream_number=stream_number))


def select_removed(connection: Connection) -> Row[Any] | None:
    """Return a log group or stream whose batches are to be removed, or None."""
    return connection.execute(select(REMOVED).order_by(REMOVED.c.number).limit(1)).one_or_none()


def delete_batches_of_removed(connection: Connection, removed: Any, limit: int) -> int:
    """Remove up to `limit` batches of what is gone, and the note of it with the last; return how many there were."""
    if removed.group_number is not None:
        condition = BATCHES.c.group_number == removed.group_number
    else:
        condition = BATCHES.c.stream_number == removed.stream_number
    numbers = list(connection.execute(select(BATCHES.c.number).where(condition).limit(limit)).scalars())
    if numbers:
        connection.execute(delete(BATCHES).where(BATCHES.c.number.in_(numbers)))
    if len(numbers) < limit:
        connection.execute(delete(REMOVED).where(REMOVED.c.number == removed.number))
    return len(numbers)
