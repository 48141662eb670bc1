"""The statements of listings."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, or_, select, true
from sqlalchemy.engine import Row

from strongroom.services.s3.listings.bound import Bound, end_of_prefix
from strongroom.services.s3.tables import OBJECTS
from strongroom.storage.connection import Connection


def _within(prefix: str) -> Any:
    end = end_of_prefix(prefix)
    if not prefix:
        return true()
    return OBJECTS.c.key >= prefix if end is None else and_(OBJECTS.c.key >= prefix, OBJECTS.c.key < end)


def _from(bound: Bound) -> Any:
    return OBJECTS.c.key >= bound.key if bound.is_included else OBJECTS.c.key > bound.key


def list_latest(connection: Connection, bucket: str, prefix: str, bound: Bound, limit: int) -> Sequence[Row[Any]]:
    """Return up to `limit` objects as they are now, in the order of their keys, delete markers left out."""
    if bound.is_end:
        return []
    wanted = and_(
        OBJECTS.c.bucket == bucket, OBJECTS.c.is_latest, ~OBJECTS.c.is_delete_marker, _within(prefix), _from(bound)
    )
    return connection.execute(select(OBJECTS).where(wanted).order_by(OBJECTS.c.key).limit(limit)).all()


def list_versions(
    connection: Connection, bucket: str, prefix: str, bound: Bound, behind: tuple[str, int] | None, limit: int
) -> Sequence[Row[Any]]:
    """Return up to `limit` versions, by key and the newest first; `behind` is a key and one version's sequence.

    With `behind`, older versions of that key come first, then what `bound` allows.
    """
    start = _from(bound) if not bound.is_end else None
    if behind is not None:
        older = and_(OBJECTS.c.key == behind[0], OBJECTS.c.sequence < behind[1])
        start = older if start is None else or_(older, start)
    if start is None:
        return []
    wanted = and_(OBJECTS.c.bucket == bucket, _within(prefix), start)
    order = (OBJECTS.c.key, OBJECTS.c.sequence.desc())
    return connection.execute(select(OBJECTS).where(wanted).order_by(*order).limit(limit)).all()
