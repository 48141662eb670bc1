"""The tables of log groups, log streams and resource policies, and every statement that touches them.

What is within log groups is in `events/tables.py`, `filters/tables.py`, `queries/tables.py` and `exports/tables.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
    bindparam,
    case,
    delete,
    func,
    select,
    tuple_,
    update,
)
from sqlalchemy.engine import Row

from strongroom.storage.column_types import JsonText, OrderedText, RowNumber
from strongroom.storage.connection import Connection
from strongroom.storage.replace import insert_into
from strongroom.storage.schema import metadata

GROUPS = Table(
    "logs_groups",
    metadata,
    Column("number", RowNumber, primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("name", OrderedText, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("group_class", String(32), nullable=False),
    Column("retention_days", Integer),
    Column("key_arn", Text),
    Column("is_protected", Boolean, nullable=False),
    Column("tags", JsonText, nullable=False),
    Column("policy", JsonText),
    Index("ix_logs_groups_name", "account_id", "region", "name", unique=True),
    sqlite_autoincrement=True,
)
"""Times are milliseconds since the epoch, as everywhere in CloudWatch Logs. `policy` is the group's own resource
policy: its name, its text, its revision and when it was written. No number is ever given twice, here and in the tables
of streams and batches: what a deleted group leaves behind for a while must not become another one's."""

STREAMS = Table(
    "logs_streams",
    metadata,
    Column("number", RowNumber, primary_key=True),
    Column("group_number", RowNumber, nullable=False),
    Column("name", OrderedText, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("first_at", BigInteger),
    Column("last_at", BigInteger),
    Column("ingested_at", BigInteger),
    Column("bytes", BigInteger, nullable=False),
    ForeignKeyConstraint(["group_number"], ["logs_groups.number"], ondelete="CASCADE"),
    Index("ix_logs_streams_name", "group_number", "name", unique=True),
    Index("ix_logs_streams_last_at", "group_number", "last_at"),
    sqlite_autoincrement=True,
)

POLICIES = Table(
    "logs_resource_policies",
    metadata,
    Column("account_id", String(12), primary_key=True),
    Column("region", String(64), primary_key=True),
    Column("name", OrderedText, primary_key=True),
    Column("document", Text, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)
"""The resource policies of accounts; those of log groups are in their groups' rows."""

ACCOUNTS = Table(
    "logs_accounts",
    metadata,
    Column("account_id", String(12), primary_key=True),
    Column("region", String(64), primary_key=True),
    Column("query_key_arn", Text),
)
"""What accounts have set for all of CloudWatch Logs in a Region: the KMS key of query results."""


def insert_ignoring(connection: Connection, table: Table, values: Mapping[str, Any]) -> int | None:
    """Insert a row and return its number; None when one with its unique name is there."""
    statement = insert_into(connection, table).values(values).on_conflict_do_nothing().returning(table.c.number)
    number: int | None = connection.execute(statement).scalar_one_or_none()
    return number


def _of_account(account_id: str, region: str) -> Any:
    return (GROUPS.c.account_id == account_id) & (GROUPS.c.region == region)


def select_group(connection: Connection, account_id: str, region: str, name: str) -> Row[Any] | None:
    """Return a log group, or None."""
    statement = select(GROUPS).where(_of_account(account_id, region) & (GROUPS.c.name == name))
    return connection.execute(statement).one_or_none()


def update_group(connection: Connection, number: int, values: Mapping[str, Any]) -> bool:
    """Change columns of a log group; False when it is gone."""
    return connection.execute(update(GROUPS).where(GROUPS.c.number == number).values(values)).rowcount == 1


def delete_group(connection: Connection, number: int) -> bool:
    """Remove a log group with its streams, filters and data keys; False when it is gone."""
    return connection.execute(delete(GROUPS).where(GROUPS.c.number == number)).rowcount == 1


def count_groups(connection: Connection, account_id: str, region: str) -> int:
    """Return how many log groups an account has in a Region."""
    return connection.execute(select(func.count()).where(_of_account(account_id, region))).scalar_one()


def list_groups(
    connection: Connection,
    account_id: str,
    region: str,
    after: str,
    limit: int,
    *,
    prefix: str = "",
    part: str = "",
    classes: Sequence[str] = (),
) -> Sequence[Row[Any]]:
    """Return up to `limit` log groups in the order of their names, beginning behind `after`.

    Their names begin with `prefix` and hold `part`, in exactly this case.
    """
    condition = _of_account(account_id, region) & (GROUPS.c.name > after)
    if prefix:
        condition &= (GROUPS.c.name >= prefix) & (GROUPS.c.name < following(prefix))
    if part:
        # LIKE does not tell cases apart on every database.
        place = func.instr if connection.dialect.name == "sqlite" else func.strpos
        condition &= place(GROUPS.c.name, part) > 0
    if classes:
        condition &= GROUPS.c.group_class.in_(classes)
    return connection.execute(select(GROUPS).where(condition).order_by(GROUPS.c.name).limit(limit)).all()


def groups_with_retention(connection: Connection, after: int, limit: int) -> Sequence[Row[Any]]:
    """Return up to `limit` log groups of all accounts whose events expire, in order, behind the number `after`."""
    statement = select(GROUPS).where(GROUPS.c.retention_days.is_not(None) & (GROUPS.c.number > after))
    return connection.execute(statement.order_by(GROUPS.c.number).limit(limit)).all()


def following(prefix: str) -> str:
    """Return the least text that is behind every text that begins with `prefix`, in the order of code points."""
    last = ord(prefix[-1])
    # Surrogates are no characters, so none of them can come next.
    return prefix[:-1] + chr(0xE000 if last == 0xD7FF else min(last + 1, 0x10FFFF))


def stored_bytes(connection: Connection, group_numbers: Sequence[int]) -> dict[int, int]:
    """Return how many bytes of events some log groups hold, by number; those without a stream are left out."""
    statement = select(STREAMS.c.group_number, func.sum(STREAMS.c.bytes)).where(
        STREAMS.c.group_number.in_(group_numbers)
    )
    return {number: int(total) for number, total in connection.execute(statement.group_by(STREAMS.c.group_number))}


def select_stream(connection: Connection, group_number: int, name: str) -> Row[Any] | None:
    """Return a log stream, or None."""
    statement = select(STREAMS).where((STREAMS.c.group_number == group_number) & (STREAMS.c.name == name))
    return connection.execute(statement).one_or_none()


def delete_stream(connection: Connection, number: int) -> bool:
    """Remove a log stream; False when it is gone. Its events are swept later, and are seen no more at once."""
    return connection.execute(delete(STREAMS).where(STREAMS.c.number == number)).rowcount == 1


_first, _last = bindparam("first", type_=BigInteger), bindparam("last", type_=BigInteger)
# Made once: to build it anew costs more than to carry it out.
_NOTE_EVENTS = (
    update(STREAMS)
    .where(STREAMS.c.number == bindparam("stream"))
    .values(
        first_at=case((STREAMS.c.first_at.is_(None) | (STREAMS.c.first_at > _first), _first), else_=STREAMS.c.first_at),
        last_at=case((STREAMS.c.last_at.is_(None) | (STREAMS.c.last_at < _last), _last), else_=STREAMS.c.last_at),
        ingested_at=bindparam("ingested"),
        bytes=STREAMS.c.bytes + bindparam("size"),
    )
)


def note_events(connection: Connection, number: int, first_at: int, last_at: int, ingested_at: int, size: int) -> bool:
    """Note on a log stream that events were added; False when it is gone."""
    values = {"stream": number, "first": first_at, "last": last_at, "ingested": ingested_at, "size": size}
    return connection.execute(_NOTE_EVENTS, values).rowcount == 1


def note_expired(connection: Connection, number: int, size: int, first_at: int | None) -> None:
    """Note on a log stream that events have expired; `first_at` is that of the oldest that are left."""
    values: dict[str, Any] = {"bytes": STREAMS.c.bytes - size, "first_at": first_at}
    if first_at is None:
        values["last_at"] = None
    connection.execute(update(STREAMS).where(STREAMS.c.number == number).values(values))


def list_streams(
    connection: Connection,
    group_number: int,
    limit: int,
    *,
    prefix: str = "",
    after: str | None = None,
    descending: bool = False,
) -> Sequence[Row[Any]]:
    """Return up to `limit` log streams in the order of their names, beginning behind `after`."""
    name = STREAMS.c.name
    condition = STREAMS.c.group_number == group_number
    if prefix:
        condition &= (name >= prefix) & (name < following(prefix))
    if after is not None:
        condition &= name < after if descending else name > after
    ordered = select(STREAMS).where(condition).order_by(name.desc() if descending else name)
    return connection.execute(ordered.limit(limit)).all()


def list_streams_by_time(
    connection: Connection, group_number: int, limit: int, *, after: tuple[int, int] | None, descending: bool
) -> Sequence[Row[Any]]:
    """Return up to `limit` log streams in the order of their last events, behind the time and number `after`.

    A stream without events counts as one whose last event was at 0.
    """
    at = func.coalesce(STREAMS.c.last_at, 0)
    condition = STREAMS.c.group_number == group_number
    if after is not None:
        place = tuple_(at, STREAMS.c.number)
        condition &= place < tuple_(*after) if descending else place > tuple_(*after)
    order = (at.desc(), STREAMS.c.number.desc()) if descending else (at, STREAMS.c.number)
    return connection.execute(select(STREAMS).where(condition).order_by(*order).limit(limit)).all()


def streams_named(connection: Connection, group_number: int, names: Sequence[str]) -> Sequence[Row[Any]]:
    """Return those of a log group's streams that have one of the names."""
    statement = select(STREAMS).where((STREAMS.c.group_number == group_number) & STREAMS.c.name.in_(names))
    return connection.execute(statement).all()


def stream_names(connection: Connection, numbers: Sequence[int]) -> dict[int, str]:
    """Return the names of log streams, by number; those that are gone are left out."""
    statement = select(STREAMS.c.number, STREAMS.c.name).where(STREAMS.c.number.in_(numbers))
    return {row.number: row.name for row in connection.execute(statement)}


def select_policies(connection: Connection, account_id: str, region: str) -> Sequence[Row[Any]]:
    """Return the resource policies of an account in a Region, in the order of their names."""
    statement = select(POLICIES).where((POLICIES.c.account_id == account_id) & (POLICIES.c.region == region))
    return connection.execute(statement.order_by(POLICIES.c.name)).all()


def delete_policy(connection: Connection, account_id: str, region: str, name: str) -> bool:
    """Remove a resource policy; False when there is none of that name."""
    this = (POLICIES.c.account_id == account_id) & (POLICIES.c.region == region) & (POLICIES.c.name == name)
    return connection.execute(delete(POLICIES).where(this)).rowcount == 1


def select_query_key(connection: Connection, account_id: str, region: str) -> str | None:
    """Return the ARN of the KMS key that an account's query results are encrypted under, or None."""
    this = (ACCOUNTS.c.account_id == account_id) & (ACCOUNTS.c.region == region)
    found: str | None = connection.execute(select(ACCOUNTS.c.query_key_arn).where(this)).scalar_one_or_none()
    return found


def groups_of_account_with_policy(connection: Connection, account_id: str, region: str) -> Sequence[Row[Any]]:
    """Return an account's log groups that have resource policies of their own, in the order of their names."""
    condition = _of_account(account_id, region) & GROUPS.c.policy.is_not(None)
    return connection.execute(select(GROUPS).where(condition).order_by(GROUPS.c.name)).all()
