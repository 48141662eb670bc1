"""The table of rotations under way, and every statement that touches it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    and_,
    delete,
    exists,
    or_,
    select,
    update,
)
from sqlalchemy.engine import Row

from strongroom.services.secretsmanager.tables import SECRETS
from strongroom.storage.column_types import OrderedText, Timestamp
from strongroom.storage.connection import Connection
from strongroom.storage.schema import metadata

ROTATIONS = Table(
    "secret_rotations",
    metadata,
    Column("arn", OrderedText, primary_key=True),
    Column("version_id", OrderedText, nullable=False),
    Column("is_test", Boolean, nullable=False),
    Column("step", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("started_at", Timestamp, nullable=False),
    Column("next_at", Timestamp, nullable=False),
    Column("holder", String(64)),
    Column("held_until", Timestamp),
    Column("token_hash", String(64)),
    ForeignKeyConstraint(["arn"], ["secrets.arn"], ondelete="CASCADE"),
    Index("ix_secret_rotations_next_at", "next_at"),
)
"""A secret has one rotation at a time: the key says so. `step` is the one that has not succeeded yet, `attempts` are
those that failed. The server that is at work on it is the `holder`, until `held_until` by the wall clock. `token_hash`
is the SHA-256 hash of the RotationToken that the function was given."""


def select_rotation(connection: Connection, arn: str) -> Row[Any] | None:
    """Return the rotation of a secret that is under way, or None."""
    return connection.execute(select(ROTATIONS).where(ROTATIONS.c.arn == arn)).one_or_none()


def insert_rotation(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert a rotation."""
    connection.execute(ROTATIONS.insert().values(values))


def update_rotation(connection: Connection, arn: str, values: Mapping[str, Any]) -> None:
    """Change columns of a rotation."""
    connection.execute(update(ROTATIONS).where(ROTATIONS.c.arn == arn).values(values))


def delete_rotation(connection: Connection, arn: str) -> None:
    """Forget a rotation."""
    connection.execute(delete(ROTATIONS).where(ROTATIONS.c.arn == arn))


def due_rotations(connection: Connection, now: float, wall: float | None, limit: int) -> Sequence[Row[Any]]:
    """Return rotations that have something to do and that nobody is at work on, those first that wait longest.

    `wall` is the time that leases run by, in seconds; None where there is no other server.
    """
    due = ROTATIONS.c.next_at <= now
    if wall is not None:
        due = and_(due, or_(ROTATIONS.c.holder.is_(None), ROTATIONS.c.held_until <= wall))
    statement = select(ROTATIONS).where(due).order_by(ROTATIONS.c.next_at, ROTATIONS.c.arn)
    return connection.execute(statement.limit(limit)).all()


def renew(connection: Connection, holder: str, held_until: float) -> None:
    """Keep what a server is at work on for it."""
    connection.execute(update(ROTATIONS).where(ROTATIONS.c.holder == holder).values(held_until=held_until))


def release(connection: Connection, holder: str) -> None:
    """Give up what a server was at work on."""
    connection.execute(update(ROTATIONS).where(ROTATIONS.c.holder == holder).values(holder=None, held_until=None))


def secrets_due(connection: Connection, now: float, limit: int) -> Sequence[Row[Any]]:
    """Return secrets whose rotation window has begun and whose rotation has not, the first ones first.

    Replicas are not among them, nor what waits for its deletion.
    """
    rotates = SECRETS.c.primary_region.is_(None) | (SECRETS.c.primary_region == SECRETS.c.region)
    due = and_(SECRETS.c.rotation_begins_at <= now, SECRETS.c.rotation_enabled, SECRETS.c.deletion_at.is_(None))
    under_way = exists().where(ROTATIONS.c.arn == SECRETS.c.arn)
    statement = select(SECRETS).where(due & rotates & ~under_way)
    return connection.execute(statement.order_by(SECRETS.c.rotation_begins_at, SECRETS.c.arn).limit(limit)).all()
