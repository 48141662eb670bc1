"""Service Quotas' tables, and every statement that touches them; the values in force are in `operations/quotas`."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    Index,
    String,
    Table,
    Text,
    delete,
    func,
    select,
    tuple_,
    update,
)
from sqlalchemy.engine import Row

from strongroom.storage.column_types import JsonText, OrderedText, Timestamp
from strongroom.storage.connection import Connection
from strongroom.storage.replace import replace_row
from strongroom.storage.schema import metadata

REQUESTS = Table(
    "quota_requests",
    metadata,
    Column("request_id", String(64), primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("quota_id", OrderedText, nullable=False),
    Column("desired_value", Double, nullable=False),
    Column("status", String(32), nullable=False),
    Column("case_id", String(64)),
    Column("requester", Text, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    Index("ix_quota_requests_account", "account_id", "region", "created_at", "request_id"),
    Index("ix_quota_requests_status", "status"),
)

TEMPLATES = Table(
    "quota_templates",
    metadata,
    Column("organization_id", String(40), primary_key=True),
    Column("is_associated", Boolean, nullable=False),
)

TEMPLATE_ENTRIES = Table(
    "quota_template_entries",
    metadata,
    Column("organization_id", String(40), primary_key=True),
    Column("region", String(64), primary_key=True),
    Column("quota_id", OrderedText, primary_key=True),
    Column("desired_value", Double, nullable=False),
)

TAGS = Table(
    "quota_tags",
    metadata,
    Column("arn", OrderedText, primary_key=True),
    Column("tags", JsonText, nullable=False),
)

REPORTS = Table(
    "quota_reports",
    metadata,
    Column("account_id", String(12), primary_key=True),
    Column("region", String(64), primary_key=True),
    Column("report_id", String(64), nullable=False),
    Column("generated_at", Timestamp, nullable=False),
    Column("quotas", JsonText, nullable=False),
)
"""The newest report of each account and Region."""


def insert_request(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert one request."""
    connection.execute(REQUESTS.insert().values(values))


def select_request(connection: Connection, request_id: str) -> Row[Any] | None:
    """Return a request, or None."""
    return connection.execute(select(REQUESTS).where(REQUESTS.c.request_id == request_id)).one_or_none()


def update_request(connection: Connection, request_id: str, values: Mapping[str, Any]) -> None:
    """Change columns of a request."""
    connection.execute(update(REQUESTS).where(REQUESTS.c.request_id == request_id).values(values))


def count_requests(
    connection: Connection, account_id: str, region: str, statuses: Sequence[str], quota_id: str | None = None
) -> int:
    """Return how many requests of an account and Region, for one quota or all, have one of the statuses."""
    statement = select(func.count()).where(
        (REQUESTS.c.account_id == account_id) & (REQUESTS.c.region == region) & REQUESTS.c.status.in_(statuses)
    )
    if quota_id is not None:
        statement = statement.where(REQUESTS.c.quota_id == quota_id)
    return connection.execute(statement).scalar_one()


def list_requests(
    connection: Connection,
    account_id: str,
    region: str,
    before: tuple[float, str] | None,
    limit: int,
    *,
    service_code: str | None = None,
    quota_id: str | None = None,
    status: str | None = None,
) -> Sequence[Row[Any]]:
    """Return up to `limit` requests of an account and Region, newest first, older than `before` (time and id)."""
    statement = select(REQUESTS).where((REQUESTS.c.account_id == account_id) & (REQUESTS.c.region == region))
    if before is not None:
        statement = statement.where(tuple_(REQUESTS.c.created_at, REQUESTS.c.request_id) < tuple_(*before))
    if service_code is not None:
        statement = statement.where(REQUESTS.c.quota_id.startswith(f"{service_code}/", autoescape=True))
    if quota_id is not None:
        statement = statement.where(REQUESTS.c.quota_id == quota_id)
    if status is not None:
        statement = statement.where(REQUESTS.c.status == status)
    ordered = statement.order_by(REQUESTS.c.created_at.desc(), REQUESTS.c.request_id.desc())
    return connection.execute(ordered.limit(limit)).all()


def requests_with_status(connection: Connection, statuses: Sequence[str]) -> Sequence[Row[Any]]:
    """Return every account's requests with one of the statuses, oldest first."""
    statement = select(REQUESTS).where(REQUESTS.c.status.in_(statuses))
    return connection.execute(statement.order_by(REQUESTS.c.created_at, REQUESTS.c.request_id)).all()


def is_template_associated(connection: Connection, organization_id: str) -> bool | None:
    """Return whether an organization's template is in use, or None when it never was."""
    statement = select(TEMPLATES.c.is_associated).where(TEMPLATES.c.organization_id == organization_id)
    found: bool | None = connection.execute(statement).scalar_one_or_none()
    return found


def set_template_associated(connection: Connection, organization_id: str, is_associated: bool) -> None:
    """Write whether an organization's template is in use."""
    replace_row(connection, TEMPLATES, {"organization_id": organization_id, "is_associated": is_associated})


def _this_entry(organization_id: str, region: str, quota_id: str) -> Any:
    return (
        (TEMPLATE_ENTRIES.c.organization_id == organization_id)
        & (TEMPLATE_ENTRIES.c.region == region)
        & (TEMPLATE_ENTRIES.c.quota_id == quota_id)
    )


def put_template_entry(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert what a template asks for, in place of what it asked for of the same quota and Region."""
    replace_row(connection, TEMPLATE_ENTRIES, values)


def select_template_entry(connection: Connection, organization_id: str, region: str, quota_id: str) -> Row[Any] | None:
    """Return what a template asks for of one quota in one Region, or None."""
    statement = select(TEMPLATE_ENTRIES).where(_this_entry(organization_id, region, quota_id))
    return connection.execute(statement).one_or_none()


def delete_template_entry(connection: Connection, organization_id: str, region: str, quota_id: str) -> bool:
    """Remove what a template asks for of one quota in one Region; False when it asks for nothing."""
    statement = delete(TEMPLATE_ENTRIES).where(_this_entry(organization_id, region, quota_id))
    return connection.execute(statement).rowcount == 1


def list_template_entries(connection: Connection, organization_id: str) -> Sequence[Row[Any]]:
    """Return all that a template asks for, in the order of Regions and quotas."""
    statement = select(TEMPLATE_ENTRIES).where(TEMPLATE_ENTRIES.c.organization_id == organization_id)
    return connection.execute(statement.order_by(TEMPLATE_ENTRIES.c.region, TEMPLATE_ENTRIES.c.quota_id)).all()


def select_tags(connection: Connection, arn: str) -> dict[str, str]:
    """Return the tags of a quota."""
    found: dict[str, str] | None = connection.execute(select(TAGS.c.tags).where(TAGS.c.arn == arn)).scalar_one_or_none()
    return found or {}


def replace_tags(connection: Connection, arn: str, tags: Mapping[str, str]) -> None:
    """Put tags in place of those that a quota had."""
    connection.execute(delete(TAGS).where(TAGS.c.arn == arn))
    if tags:
        connection.execute(TAGS.insert().values(arn=arn, tags=dict(tags)))


def replace_report(connection: Connection, values: Mapping[str, Any]) -> None:
    """Put a report in place of the last one of its account and Region."""
    replace_row(connection, REPORTS, values)


def select_report(connection: Connection, account_id: str, region: str) -> Row[Any] | None:
    """Return the newest report of an account and Region, or None."""
    statement = select(REPORTS).where((REPORTS.c.account_id == account_id) & (REPORTS.c.region == region))
    return connection.execute(statement).one_or_none()
