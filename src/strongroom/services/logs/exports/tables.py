"""The table of export tasks, and every statement that touches it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, Index, String, Table, Text, func, select, tuple_, update
from sqlalchemy.engine import Row

from strongroom.storage.column_types import JsonText, OrderedText
from strongroom.storage.connection import Connection
from strongroom.storage.schema import metadata

ACTIVE = ("PENDING", "RUNNING", "PENDING_CANCEL")

EXPORTS = Table(
    "logs_exports",
    metadata,
    Column("task_id", String(36), primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("completed_at", BigInteger),
    Column("status", String(16), nullable=False),
    Column("message", Text, nullable=False),
    Column("group_name", OrderedText, nullable=False),
    Column("details", JsonText, nullable=False),
    Index("ix_logs_exports_account", "account_id", "region", "created_at", "task_id"),
    Index("ix_logs_exports_status", "status"),
)


def insert_export(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert an export task."""
    connection.execute(EXPORTS.insert().values(values))


def select_export(connection: Connection, account_id: str, region: str, task_id: str) -> Row[Any] | None:
    """Return an account's export task, or None."""
    this = (EXPORTS.c.task_id == task_id) & (EXPORTS.c.account_id == account_id) & (EXPORTS.c.region == region)
    return connection.execute(select(EXPORTS).where(this)).one_or_none()


def count_active(connection: Connection, account_id: str, region: str) -> int:
    """Return how many export tasks of an account are not at their end."""
    condition = (EXPORTS.c.account_id == account_id) & (EXPORTS.c.region == region) & EXPORTS.c.status.in_(ACTIVE)
    return connection.execute(select(func.count()).where(condition)).scalar_one()


def update_export(connection: Connection, task_id: str, statuses: Sequence[str], values: Mapping[str, Any]) -> bool:
    """Change columns of an export task that has one of some statuses; False when it has another."""
    this = (EXPORTS.c.task_id == task_id) & EXPORTS.c.status.in_(statuses)
    return connection.execute(update(EXPORTS).where(this).values(values)).rowcount == 1


def active_exports(connection: Connection) -> Sequence[Row[Any]]:
    """Return every account's export tasks that are not at their end, the oldest first."""
    statement = select(EXPORTS).where(EXPORTS.c.status.in_(ACTIVE))
    return connection.execute(statement.order_by(EXPORTS.c.created_at, EXPORTS.c.task_id)).all()


def list_exports(
    connection: Connection,
    account_id: str,
    region: str,
    before: tuple[int, str] | None,
    limit: int,
    *,
    task_id: str | None,
    status: str | None,
) -> Sequence[Row[Any]]:
    """Return up to `limit` export tasks of an account, newest first, older than `before` (time and id)."""
    condition = (EXPORTS.c.account_id == account_id) & (EXPORTS.c.region == region)
    if before is not None:
        condition &= tuple_(EXPORTS.c.created_at, EXPORTS.c.task_id) < tuple_(*before)
    if task_id is not None:
        condition &= EXPORTS.c.task_id == task_id
    if status is not None:
        condition &= EXPORTS.c.status == status
    ordered = select(EXPORTS).where(condition).order_by(EXPORTS.c.created_at.desc(), EXPORTS.c.task_id.desc())
    return connection.execute(ordered.limit(limit)).all()
