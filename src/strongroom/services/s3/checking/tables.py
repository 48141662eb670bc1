"""The statements that read through everything stored."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.engine import Row

from strongroom.services.s3.multipart.tables import UPLOADS
from strongroom.services.s3.tables import BUCKETS, OBJECTS, PIECES
from strongroom.storage.connection import Connection


def total(connection: Connection) -> tuple[int, int]:
    """Return how many pieces there are, and how many bytes they take as they are stored."""
    count, size = connection.execute(select(func.count(), func.sum(PIECES.c.stored_size)).select_from(PIECES)).one()
    return count, int(size or 0)


def versions_behind(connection: Connection, after: tuple[str, str, int], limit: int) -> Sequence[Row[Any]]:
    """Return up to `limit` versions that have bytes, by bucket, key and sequence, beginning behind `after`."""
    place = tuple_(OBJECTS.c.bucket, OBJECTS.c.key, OBJECTS.c.sequence)
    wanted = (place > tuple_(*after)) & OBJECTS.c.content_id.is_not(None)
    order = (OBJECTS.c.bucket, OBJECTS.c.key, OBJECTS.c.sequence)
    statement = select(OBJECTS, BUCKETS.c.region).join(BUCKETS, BUCKETS.c.name == OBJECTS.c.bucket)
    return connection.execute(statement.where(wanted).order_by(*order).limit(limit)).all()


def uploads_behind(connection: Connection, after: str, limit: int) -> Sequence[Row[Any]]:
    """Return up to `limit` uploads under way, by their ids, beginning behind `after`."""
    statement = select(UPLOADS, BUCKETS.c.region).join(BUCKETS, BUCKETS.c.name == UPLOADS.c.bucket)
    wanted = UPLOADS.c.upload_id > after
    return connection.execute(statement.where(wanted).order_by(UPLOADS.c.upload_id).limit(limit)).all()


def pieces_behind(connection: Connection, content_id: str, after: int, limit: int) -> Sequence[Row[Any]]:
    """Return up to `limit` pieces of a content by their numbers, beginning behind `after`."""
    wanted = (PIECES.c.content_id == content_id) & (PIECES.c.number > after)
    return connection.execute(select(PIECES).where(wanted).order_by(PIECES.c.number).limit(limit)).all()


def is_still_there(connection: Connection, piece: Row[Any]) -> bool:
    """Whether a piece that was read before is in the database as it was then."""
    this_piece = (PIECES.c.content_id == piece.content_id) & (PIECES.c.number == piece.number)
    found = connection.execute(select(PIECES.c.blob).where(this_piece)).one_or_none()
    return found is not None and found.blob == piece.blob
