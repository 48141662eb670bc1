"""The tables of filters, and of what subscription filters have to deliver, with every statement that touches them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.engine import Row

from strongroom.services.logs.tables import GROUPS, following
from strongroom.storage.column_types import JsonText, OrderedText, RowNumber, Timestamp
from strongroom.storage.connection import Connection
from strongroom.storage.schema import metadata

METRIC, SUBSCRIPTION = "metric", "subscription"

FILTERS = Table(
    "logs_filters",
    metadata,
    Column("group_number", RowNumber, primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("name", OrderedText, primary_key=True),
    Column("pattern", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("details", JsonText, nullable=False),
    ForeignKeyConstraint(["group_number"], ["logs_groups.number"], ondelete="CASCADE"),
    Index("ix_logs_filters_name", "kind", "name"),
)
"""`details` is what else the request that put it said: transformations of a metric filter, the destination of a
subscription filter."""

DELIVERIES = Table(
    "logs_deliveries",
    metadata,
    Column("number", RowNumber, primary_key=True),
    Column("group_number", RowNumber, nullable=False),
    Column("filter_name", OrderedText, nullable=False),
    Column("batch_number", BigInteger, nullable=False),
    Column("due_at", Timestamp, nullable=False),
    Column("expires_at", Timestamp, nullable=False),
    Column("postponements", Integer, nullable=False),
    ForeignKeyConstraint(["group_number"], ["logs_groups.number"], ondelete="CASCADE"),
    Index("ix_logs_deliveries_due", "due_at"),
    Index("ix_logs_deliveries_group", "group_number"),
)
"""Batches that a subscription filter still has to look through. Times are the house's."""


def insert_deliveries(
    connection: Connection, group_number: int, filter_names: Sequence[str], batch_number: int, now: float, until: float
) -> None:
    """Note that some subscription filters have a batch to look through."""
    rows = [
        {
            "group_number": group_number,
            "filter_name": name,
            "batch_number": batch_number,
            "due_at": now,
            "expires_at": until,
            "postponements": 0,
        }
        for name in filter_names
    ]
    connection.execute(DELIVERIES.insert(), rows)


def select_due_deliveries(connection: Connection, now: float, limit: int) -> Sequence[Row[Any]]:
    """Return up to `limit` deliveries that are due, oldest first, with their log groups and filters.

    `pattern` and `details` are None when the filter is gone.
    """
    same = (FILTERS.c.group_number == DELIVERIES.c.group_number) & (FILTERS.c.name == DELIVERIES.c.filter_name)
    columns = (GROUPS.c.account_id, GROUPS.c.region, GROUPS.c.name, FILTERS.c.pattern, FILTERS.c.details)
    joined = (
        select(DELIVERIES, *columns)
        .join(GROUPS, GROUPS.c.number == DELIVERIES.c.group_number)
        .outerjoin(FILTERS, same & (FILTERS.c.kind == SUBSCRIPTION))
    )
    ordered = joined.where(DELIVERIES.c.due_at <= now).order_by(DELIVERIES.c.number)
    return connection.execute(ordered.limit(limit)).all()


def postpone_delivery(connection: Connection, number: int, due_at: float, postponements: int) -> None:
    """Have a delivery wait."""
    this = update(DELIVERIES).where(DELIVERIES.c.number == number)
    connection.execute(this.values(due_at=due_at, postponements=postponements))


def delete_delivery(connection: Connection, number: int) -> None:
    """Remove a delivery that is done with."""
    connection.execute(delete(DELIVERIES).where(DELIVERIES.c.number == number))


def _this(group_number: int, kind: str) -> Any:
    return (FILTERS.c.group_number == group_number) & (FILTERS.c.kind == kind)


def select_filters(connection: Connection, group_number: int, kind: str) -> Sequence[Row[Any]]:
    """Return a log group's filters of a kind, in the order of their names."""
    return connection.execute(select(FILTERS).where(_this(group_number, kind)).order_by(FILTERS.c.name)).all()


def delete_filter(connection: Connection, group_number: int, kind: str, name: str) -> bool:
    """Remove a filter; False when there is none of that name."""
    this = _this(group_number, kind) & (FILTERS.c.name == name)
    return connection.execute(delete(FILTERS).where(this)).rowcount == 1


def list_filters(
    connection: Connection,
    account_id: str,
    region: str,
    kind: str,
    *,
    group_number: int | None = None,
    prefix: str = "",
    after: tuple[str, str] | None = None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Return up to `limit` filters of an account, or of one log group, behind the names of a group and a filter.

    Each has the name of its log group as `group_name`.
    """
    condition = (GROUPS.c.account_id == account_id) & (GROUPS.c.region == region) & (FILTERS.c.kind == kind)
    if group_number is not None:
        condition &= FILTERS.c.group_number == group_number
    if prefix:
        condition &= (FILTERS.c.name >= prefix) & (FILTERS.c.name < following(prefix))
    if after is not None:
        group, name = after
        condition &= (GROUPS.c.name > group) | ((GROUPS.c.name == group) & (FILTERS.c.name > name))
    statement = select(FILTERS, GROUPS.c.name.label("group_name")).join(
        GROUPS, GROUPS.c.number == FILTERS.c.group_number
    )
    return connection.execute(statement.where(condition).order_by(GROUPS.c.name, FILTERS.c.name).limit(limit)).all()


def count_metric_filters(connection: Connection, group_numbers: Sequence[int]) -> dict[int, int]:
    """Return how many metric filters some log groups have, by number; those without one are left out."""
    condition = FILTERS.c.group_number.in_(group_numbers) & (FILTERS.c.kind == METRIC)
    statement = select(FILTERS.c.group_number, func.count()).where(condition).group_by(FILTERS.c.group_number)
    return {row[0]: row[1] for row in connection.execute(statement)}
