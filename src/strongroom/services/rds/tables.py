"""The table of database instances, and every statement that touches it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text, delete, func, select, update
from sqlalchemy.engine import Row

from strongroom.operations.quotas.quota import ResourceUse
from strongroom.storage.column_types import JsonText, OrderedText, Timestamp
from strongroom.storage.connection import Connection
from strongroom.storage.schema import metadata
from strongroom.storage.sealed_column import Sealed

PASSWORD_PLACE = "rds_instances/{account_id}/{region}/{identifier}/password"  # noqa: S105
NEW_PASSWORD_PLACE = "rds_instances/{account_id}/{region}/{identifier}/new-password"  # noqa: S105

INSTANCES = Table(
    "rds_instances",
    metadata,
    Column("account_id", String(12), primary_key=True),
    Column("region", String(64), primary_key=True),
    Column("identifier", OrderedText, primary_key=True),
    Column("resource_id", String(64), nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("engine", String(32), nullable=False),
    Column("engine_version", String(64), nullable=False),
    Column("host", Text, nullable=False),
    Column("port", Integer, nullable=False),
    Column("database", Text),
    Column("verifies_tls", Boolean, nullable=False),
    Column("master_username", Text, nullable=False),
    Column("sealed_password", Sealed(PASSWORD_PLACE)),
    Column("sealed_new_password", Sealed(NEW_PASSWORD_PLACE)),
    Column("secret_arn", Text),
    Column("secret_status", String(16)),
    Column("kms_key_arn", Text),
    Column("deletion_protection", Boolean, nullable=False),
    Column("settings", JsonText, nullable=False),
    Column("tags", JsonText, nullable=False),
    Column("held_until", Timestamp),
    Index("ix_rds_instances_secret", "secret_arn"),
)
"""`sealed_password` is NULL when the password is in the secret `secret_arn`. `sealed_new_password` is one that is being
set: whether the database has it already is not known until `sealed_password` has it too. `held_until` says how long
whoever changes the password has the instance to himself, in seconds of the real world."""


def _this(account_id: str, region: str, identifier: str) -> Any:
    return (
        (INSTANCES.c.account_id == account_id) & (INSTANCES.c.region == region) & (INSTANCES.c.identifier == identifier)
    )


def insert_instance(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert one instance."""
    connection.execute(INSTANCES.insert().values(values))


def select_instance(connection: Connection, account_id: str, region: str, identifier: str) -> Row[Any] | None:
    """Return an instance's row, or None."""
    return connection.execute(select(INSTANCES).where(_this(account_id, region, identifier))).one_or_none()


def select_instance_of_secret(connection: Connection, secret_arn: str) -> Row[Any] | None:
    """Return the row of the instance whose master password a secret holds, or None."""
    return connection.execute(select(INSTANCES).where(INSTANCES.c.secret_arn == secret_arn)).one_or_none()


def update_instance(
    connection: Connection, account_id: str, region: str, identifier: str, values: Mapping[str, Any]
) -> None:
    """Change columns of an instance."""
    connection.execute(update(INSTANCES).where(_this(account_id, region, identifier)).values(values))


def hold_instance(
    connection: Connection, account_id: str, region: str, identifier: str, now: float, until: float
) -> bool:
    """Have an instance to oneself until a time; False when somebody else has it."""
    is_free = INSTANCES.c.held_until.is_(None) | (INSTANCES.c.held_until <= now)
    statement = update(INSTANCES).where(_this(account_id, region, identifier) & is_free).values(held_until=until)
    return connection.execute(statement).rowcount == 1


def delete_instance(connection: Connection, account_id: str, region: str, identifier: str) -> None:
    """Remove an instance."""
    connection.execute(delete(INSTANCES).where(_this(account_id, region, identifier)))


def count_instances(connection: Connection, account_id: str, region: str) -> int:
    """Return how many instances an account has in a Region."""
    mine = (INSTANCES.c.account_id == account_id) & (INSTANCES.c.region == region)
    return connection.execute(select(func.count()).where(mine)).scalar_one()


def instances_of_accounts(connection: Connection) -> list[ResourceUse]:
    """Return how many instances each account has in each Region where it has any."""
    statement = select(INSTANCES.c.account_id, INSTANCES.c.region, func.count())
    rows = connection.execute(statement.group_by(INSTANCES.c.account_id, INSTANCES.c.region))
    return [ResourceUse(*row) for row in rows]


def list_instances(connection: Connection, account_id: str, region: str) -> Sequence[Row[Any]]:
    """Return the instances of an account and Region, in the order of their names."""
    statement = select(INSTANCES).where((INSTANCES.c.account_id == account_id) & (INSTANCES.c.region == region))
    return connection.execute(statement.order_by(INSTANCES.c.identifier)).all()
