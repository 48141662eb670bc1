"""The statements that find what lifecycle rules are about."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, or_, select, true
from sqlalchemy.engine import Row

from strongroom.services.s3.listings.bound import end_of_prefix
from strongroom.services.s3.tables import BUCKETS, OBJECTS
from strongroom.storage.connection import Connection

NEWER = OBJECTS.alias("newer")


def _under(prefix: str) -> Any:
    if not prefix:
        return true()
    end = end_of_prefix(prefix)
    return OBJECTS.c.key >= prefix if end is None else and_(OBJECTS.c.key >= prefix, OBJECTS.c.key < end)


def list_every_bucket(connection: Connection, after: str, limit: int) -> Sequence[Row[Any]]:
    """Return up to `limit` buckets of all accounts in order of their names, beginning behind `after`."""
    statement = select(BUCKETS).where(BUCKETS.c.name > after).order_by(BUCKETS.c.name).limit(limit)
    return connection.execute(statement).all()


def current_before(
    connection: Connection, bucket: str, prefix: str, moment: float, after: str, limit: int
) -> Sequence[Row[Any]]:
    """Return objects, behind a key, that were written at a moment (seconds) or before, and are not deleted."""
    wanted = and_(
        OBJECTS.c.bucket == bucket,
        OBJECTS.c.is_latest,
        ~OBJECTS.c.is_delete_marker,
        OBJECTS.c.last_modified <= moment,
        OBJECTS.c.key > after,
        _under(prefix),
    )
    return connection.execute(select(OBJECTS).where(wanted).order_by(OBJECTS.c.key).limit(limit)).all()


def lone_markers_before(
    connection: Connection, bucket: str, prefix: str, moment: float, after: str, limit: int
) -> Sequence[Row[Any]]:
    """Return delete markers, behind a key, that no older version is left behind, made at a moment or before."""
    other = select(NEWER.c.key).where(
        (NEWER.c.bucket == OBJECTS.c.bucket) & (NEWER.c.key == OBJECTS.c.key) & (NEWER.c.sequence != OBJECTS.c.sequence)
    )
    wanted = and_(
        OBJECTS.c.bucket == bucket,
        OBJECTS.c.is_latest,
        OBJECTS.c.is_delete_marker,
        OBJECTS.c.last_modified <= moment,
        OBJECTS.c.key > after,
        _under(prefix),
        ~other.exists(),
    )
    return connection.execute(select(OBJECTS).where(wanted).order_by(OBJECTS.c.key).limit(limit)).all()


def noncurrent_versions(
    connection: Connection, bucket: str, prefix: str, after: tuple[str, int], limit: int
) -> Sequence[Row[Any]]:
    """Return older versions, by key and newest first, each with the time when a newer one came: `replaced_at`.

    `after` is the key and the sequence of the version that the page before ended with.
    """
    replaced_at = (
        select(NEWER.c.last_modified)
        .where(
            (NEWER.c.bucket == OBJECTS.c.bucket)
            & (NEWER.c.key == OBJECTS.c.key)
            & (NEWER.c.sequence > OBJECTS.c.sequence)
        )
        .order_by(NEWER.c.sequence)
        .limit(1)
        .scalar_subquery()
        .label("replaced_at")
    )
    key, sequence = after
    behind = or_(OBJECTS.c.key > key, and_(OBJECTS.c.key == key, OBJECTS.c.sequence < sequence))
    wanted = and_(OBJECTS.c.bucket == bucket, ~OBJECTS.c.is_latest, behind, _under(prefix))
    order = (OBJECTS.c.key, OBJECTS.c.sequence.desc())
    return connection.execute(select(OBJECTS, replaced_at).where(wanted).order_by(*order).limit(limit)).all()
