"""The table of the values that quotas have where they are not the default, and every statement that touches it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Double, String, Table, delete, select
from sqlalchemy.engine import Row

from strongroom.storage.column_types import OrderedText, Timestamp
from strongroom.storage.connection import Connection
from strongroom.storage.schema import metadata

EVERY = ""
"""Stands for every account, or every Region, in a value's place."""

QUOTA_VALUES = Table(
    "quota_values",
    metadata,
    Column("quota_id", OrderedText, primary_key=True),
    Column("account_id", String(12), primary_key=True),
    Column("region", String(64), primary_key=True),
    Column("value", Double, nullable=False),
    Column("set_at", Timestamp, nullable=False),
)


def select_values(connection: Connection) -> Sequence[Row[Any]]:
    """Return all values, in the order of quotas, accounts and Regions."""
    return connection.execute(
        select(QUOTA_VALUES).order_by(QUOTA_VALUES.c.quota_id, QUOTA_VALUES.c.account_id, QUOTA_VALUES.c.region)
    ).all()


def delete_values(connection: Connection, quota_id: str | None, account_id: str, region: str) -> int:
    """Delete every value within a place (`EVERY` account, `EVERY` Region), of one quota or all; return how many."""
    statement = delete(QUOTA_VALUES)
    if quota_id is not None:
        statement = statement.where(QUOTA_VALUES.c.quota_id == quota_id)
    if account_id != EVERY:
        statement = statement.where(QUOTA_VALUES.c.account_id == account_id)
    if region != EVERY:
        statement = statement.where(QUOTA_VALUES.c.region == region)
    return connection.execute(statement).rowcount


def insert_value(connection: Connection, quota_id: str, account_id: str, region: str, value: float, now: float) -> None:
    """Insert the value of a quota in a place where it has none. `now` is in seconds."""
    connection.execute(
        QUOTA_VALUES.insert().values(quota_id=quota_id, account_id=account_id, region=region, value=value, set_at=now)
    )
