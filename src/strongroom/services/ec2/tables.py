"""EC2's table, and every statement that touches it: one row for each resource, of whatever kind."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Index, String, Table, delete, select, update
from sqlalchemy.engine import Row

from strongroom.storage.column_types import JsonText, OrderedText, Timestamp
from strongroom.storage.connection import Connection
from strongroom.storage.schema import metadata

RESOURCES = Table(
    "ec2_resources",
    metadata,
    Column("resource_id", OrderedText, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("account_id", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("attributes", JsonText, nullable=False),
    Column("tags", JsonText, nullable=False),
    Index("ix_ec2_resources_account", "account_id", "region", "kind"),
    Index("ix_ec2_resources_kind", "kind"),
)

OPENED = Table(
    "ec2_regions",
    metadata,
    Column("account_id", String(12), primary_key=True),
    Column("region", String(64), primary_key=True),
)
"""Where an account has, or had, its default VPC: it is made once."""


def select_resources(connection: Connection, account_id: str, region: str, kind: str) -> Sequence[Row[Any]]:
    """Return all resources of a kind of an account and Region, in the order of their ids."""
    statement = select(RESOURCES).where(
        (RESOURCES.c.account_id == account_id) & (RESOURCES.c.region == region) & (RESOURCES.c.kind == kind)
    )
    return connection.execute(statement.order_by(RESOURCES.c.resource_id)).all()


def select_of_kind(connection: Connection, kind: str) -> Sequence[Row[Any]]:
    """Return all resources of a kind, whosesoever."""
    return connection.execute(select(RESOURCES).where(RESOURCES.c.kind == kind)).all()


def count_by_account(connection: Connection, kind: str) -> Sequence[Any]:
    """Return account and Region of each resource of a kind."""
    return connection.execute(select(RESOURCES.c.account_id, RESOURCES.c.region).where(RESOURCES.c.kind == kind)).all()


def insert_resource(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert one resource."""
    connection.execute(RESOURCES.insert().values(values))


def update_resource(connection: Connection, resource_id: str, values: Mapping[str, Any]) -> None:
    """Change columns of a resource."""
    connection.execute(update(RESOURCES).where(RESOURCES.c.resource_id == resource_id).values(values))


def delete_resource(connection: Connection, resource_id: str) -> None:
    """Remove a resource."""
    connection.execute(delete(RESOURCES).where(RESOURCES.c.resource_id == resource_id))


def is_opened(connection: Connection, account_id: str, region: str) -> bool:
    """Return whether an account's default VPC was made in a Region, even if it is there no more."""
    statement = select(OPENED).where((OPENED.c.account_id == account_id) & (OPENED.c.region == region))
    return connection.execute(statement).one_or_none() is not None


def insert_opened(connection: Connection, account_id: str, region: str) -> None:
    """Note that an account's default VPC was made in a Region."""
    connection.execute(OPENED.insert().values(account_id=account_id, region=region))


def select_resource(connection: Connection, resource_id: str) -> Row[Any] | None:
    """Return a resource, whosesoever, or None."""
    return connection.execute(select(RESOURCES).where(RESOURCES.c.resource_id == resource_id)).one_or_none()
