"""The table of multipart uploads, and the statements about their parts."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, ForeignKeyConstraint, Index, String, Table, and_, bindparam, delete, or_, select, update
from sqlalchemy.engine import Row

from strongroom.services.s3.listings.bound import end_of_prefix
from strongroom.services.s3.tables import OBJECTS, PIECES
from strongroom.storage.column_types import JsonText, OrderedText, Timestamp
from strongroom.storage.connection import Connection
from strongroom.storage.schema import metadata
from strongroom.storage.sealed_column import Sealed

UPLOAD_PLACE = "s3_uploads/{upload_id}"

UPLOADS = Table(
    "s3_uploads",
    metadata,
    Column("upload_id", String(64), primary_key=True),
    Column("bucket", OrderedText, nullable=False),
    Column("key", OrderedText, nullable=False),
    Column("initiated_at", Timestamp, nullable=False),
    Column("initiator", String(256), nullable=False),
    Column("content_id", String(32), nullable=False),
    Column("encryption", JsonText, nullable=False),
    Column("sealed_key", Sealed(UPLOAD_PLACE), nullable=False),
    Column("checksum", JsonText, nullable=False),
    Column("details", JsonText, nullable=False),
    ForeignKeyConstraint(["bucket"], ["s3_buckets.name"]),
    Index("ix_s3_uploads_bucket", "bucket", "key", "upload_id"),
    Index("ix_s3_uploads_initiated_at", "initiated_at"),
    Index("ix_s3_uploads_content", "content_id"),
)
"""`checksum` is the algorithm and the type of the whole, and whether the client asked for them; `details` are those of
the object to be."""


def insert_upload(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert an upload."""
    connection.execute(UPLOADS.insert().values(values))


def select_upload(connection: Connection, bucket: str, key: str, upload_id: str) -> Row[Any] | None:
    """Return an upload's row, or None."""
    this_upload = (UPLOADS.c.upload_id == upload_id) & (UPLOADS.c.bucket == bucket) & (UPLOADS.c.key == key)
    return connection.execute(select(UPLOADS).where(this_upload)).one_or_none()


def delete_upload(connection: Connection, upload_id: str) -> None:
    """Remove an upload; its parts stay."""
    connection.execute(delete(UPLOADS).where(UPLOADS.c.upload_id == upload_id))


def list_uploads(
    connection: Connection, bucket: str, prefix: str, after_key: str, after_upload: str | None, limit: int
) -> Sequence[Row[Any]]:
    """Return up to `limit` uploads by key and id, behind a key, or behind an upload of that key."""
    start = UPLOADS.c.key > after_key
    if after_upload is not None:
        start = or_(start, and_(UPLOADS.c.key == after_key, UPLOADS.c.upload_id > after_upload))
    wanted = and_(UPLOADS.c.bucket == bucket, start)
    if prefix:
        wanted = and_(wanted, UPLOADS.c.key >= prefix)
        end = end_of_prefix(prefix)
        if end is not None:
            wanted = and_(wanted, UPLOADS.c.key < end)
    order = (UPLOADS.c.key, UPLOADS.c.upload_id)
    return connection.execute(select(UPLOADS).where(wanted).order_by(*order).limit(limit)).all()


def uploads_in(connection: Connection, bucket: str) -> list[Row[Any]]:
    """Return the uploads that are under way in a bucket."""
    return list(connection.execute(select(UPLOADS).where(UPLOADS.c.bucket == bucket)).all())


def uploads_begun_before(connection: Connection, bucket: str, prefix: str, moment: float) -> Sequence[Row[Any]]:
    """Return the uploads of a bucket, under a prefix, that began before a moment (seconds)."""
    wanted = and_(UPLOADS.c.bucket == bucket, UPLOADS.c.initiated_at <= moment, UPLOADS.c.key >= prefix)
    end = end_of_prefix(prefix)
    if end is not None:
        wanted = and_(wanted, UPLOADS.c.key < end)
    return connection.execute(select(UPLOADS).where(wanted)).all()


def replace_part(connection: Connection, values: Mapping[str, Any]) -> list[str]:
    """Insert a part in place of the one with its number; return the blobs that nobody needs any more."""
    this_part = (PIECES.c.content_id == values["content_id"]) & (PIECES.c.number == values["number"])
    blobs = select(PIECES.c.blob).where(this_part & PIECES.c.blob.is_not(None))
    stale = list(connection.execute(blobs).scalars())
    connection.execute(delete(PIECES).where(this_part))
    connection.execute(PIECES.insert().values(values))
    return stale


def list_parts(connection: Connection, content_id: str, after: int, limit: int) -> Sequence[Any]:
    """Return up to `limit` parts by number, beginning behind `after`; without the bytes that they hold themselves."""
    columns = (PIECES.c.number, PIECES.c.size, PIECES.c.blob, PIECES.c.details)
    wanted = (PIECES.c.content_id == content_id) & (PIECES.c.number > after)
    return connection.execute(select(*columns).where(wanted).order_by(PIECES.c.number).limit(limit)).all()


def delete_parts(connection: Connection, content_id: str, numbers: Sequence[int]) -> list[str]:
    """Remove parts; return the blobs that held them."""
    stale: list[str] = []
    for number in numbers:
        this_part = (PIECES.c.content_id == content_id) & (PIECES.c.number == number)
        blobs = select(PIECES.c.blob).where(this_part & PIECES.c.blob.is_not(None))
        stale.extend(connection.execute(blobs).scalars())
        connection.execute(delete(PIECES).where(this_part))
    return stale


def place_parts(connection: Connection, content_id: str, starts: Sequence[tuple[int, int]]) -> None:
    """Say where each part begins in the whole; `starts` are numbers and offsets."""
    this_part = (PIECES.c.content_id == content_id) & (PIECES.c.number == bindparam("part_number"))
    statement = update(PIECES).where(this_part).values(starts_at=bindparam("begins_at"))
    rows = [{"part_number": number, "begins_at": starts_at} for number, starts_at in starts]
    connection.execute(statement, rows)


def contents_without_parent(connection: Connection, limit: int) -> list[str]:
    """Return up to `limit` content ids of pieces that belong to no object and to no upload."""
    of_object = select(OBJECTS.c.content_id).where(OBJECTS.c.content_id == PIECES.c.content_id).exists()
    of_upload = select(UPLOADS.c.content_id).where(UPLOADS.c.content_id == PIECES.c.content_id).exists()
    statement = select(PIECES.c.content_id).where(~of_object & ~of_upload).distinct().limit(limit)
    return list(connection.execute(statement).scalars())
