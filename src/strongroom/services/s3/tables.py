"""S3's tables, and every statement that touches buckets and object versions."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    bindparam,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.engine import Row

from strongroom.storage.column_types import JsonText, OrderedText, Timestamp
from strongroom.storage.connection import Connection
from strongroom.storage.schema import metadata
from strongroom.storage.sealed_column import Sealed

OBJECT_PLACE = "s3_objects/{bucket}/{version_id}/{key}"

BUCKETS = Table(
    "s3_buckets",
    metadata,
    Column("name", OrderedText, primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("versioning", String(16), nullable=False),
    Column("policy", Text),
    Column("settings", JsonText, nullable=False),
    Index("ix_s3_buckets_account", "account_id", "name"),
)
"""`versioning` is "" (never on), Enabled or Suspended. `settings` are the bucket's configurations, by name, as the API
has them."""

OBJECTS = Table(
    "s3_objects",
    metadata,
    Column("bucket", OrderedText, primary_key=True),
    Column("key", OrderedText, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("version_id", String(64), nullable=False),
    Column("is_latest", Boolean, nullable=False),
    Column("is_delete_marker", Boolean, nullable=False),
    Column("last_modified", Timestamp, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("etag", String(64), nullable=False),
    Column("owner", String(12), nullable=False),
    Column("content_id", String(32)),
    Column("encryption", JsonText),
    Column("sealed_key", Sealed(OBJECT_PLACE)),
    Column("details", JsonText, nullable=False),
    ForeignKeyConstraint(["bucket"], ["s3_buckets.name"]),
    Index("ix_s3_objects_version", "bucket", "key", "version_id", unique=True),
    Index("ix_s3_objects_latest", "bucket", "is_latest", "key"),
    Index("ix_s3_objects_content", "content_id"),
)
"""One row a version; `sequence` counts the versions of a key, the highest is the newest. `content_id` leads to its
bytes, `sealed_key` to the data key that opens them. `details` are what the client said of it, and its checksums."""

PIECES = Table(
    "s3_pieces",
    metadata,
    Column("content_id", String(32), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("starts_at", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("stored_size", BigInteger, nullable=False),
    Column("blob", String(64)),
    Column("inline", LargeBinary),
    Column("details", JsonText, nullable=False),
    Index("ix_s3_pieces_start", "content_id", "starts_at"),
    Index("ix_s3_pieces_blob", "blob"),
)
"""The bytes of a version, sealed: one piece, or one a part of its multipart upload, in a blob or (small) here.
`starts_at` is where it begins in the whole; `details` are a part's ETag, checksums and time."""


# What every write goes through is built once: to build a statement costs more than SQLite takes to carry it out.
_THIS_KEY = (OBJECTS.c.bucket == bindparam("of_bucket")) & (OBJECTS.c.key == bindparam("of_key"))
_BUCKET = select(BUCKETS).where(BUCKETS.c.name == bindparam("of_bucket"))
_NEWEST_SEQUENCE = select(func.max(OBJECTS.c.sequence)).where(_THIS_KEY)
_LATEST = select(OBJECTS).where(_THIS_KEY).order_by(OBJECTS.c.sequence.desc()).limit(1)
# So does what every read of an object goes through: it costs 150 microseconds to build, and 20 to carry out.
_PIECES_BETWEEN = (
    select(PIECES)
    .where(
        (PIECES.c.content_id == bindparam("of_content"))
        & (PIECES.c.starts_at <= bindparam("last_byte", type_=BigInteger))
        & (PIECES.c.starts_at + PIECES.c.size > bindparam("first_byte", type_=BigInteger))
    )
    .order_by(PIECES.c.starts_at, PIECES.c.number)
)
_VERSION = select(OBJECTS).where(_THIS_KEY & (OBJECTS.c.version_id == bindparam("of_version")))
_DELETE_ROW = delete(OBJECTS).where(_THIS_KEY & (OBJECTS.c.sequence == bindparam("of_sequence", type_=BigInteger)))
_THIS_CONTENT = PIECES.c.content_id == bindparam("of_content")
_BLOBS = select(PIECES.c.blob).where(_THIS_CONTENT & PIECES.c.blob.is_not(None))
_DELETE_PIECES = delete(PIECES).where(_THIS_CONTENT)
_NOT_LATEST_ANY_MORE = update(OBJECTS).where(_THIS_KEY & OBJECTS.c.is_latest).values(is_latest=False)


def insert_bucket(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert a bucket."""
    connection.execute(BUCKETS.insert().values(values))


def select_bucket(connection: Connection, name: str) -> Row[Any] | None:
    """Return a bucket's row, or None."""
    return connection.execute(_BUCKET, {"of_bucket": name}).one_or_none()


def list_buckets(
    connection: Connection, account_id: str, *, prefix: str, region: str | None, after: str, limit: int
) -> Sequence[Row[Any]]:
    """Return up to `limit` buckets of an account in order of their names, beginning behind `after`."""
    wanted = (BUCKETS.c.account_id == account_id) & (BUCKETS.c.name > after)
    if prefix:
        wanted &= BUCKETS.c.name.startswith(prefix, autoescape=True)
    if region is not None:
        wanted &= BUCKETS.c.region == region
    return connection.execute(select(BUCKETS).where(wanted).order_by(BUCKETS.c.name).limit(limit)).all()


def count_buckets(connection: Connection, account_id: str) -> int:
    """Return how many buckets an account has."""
    return connection.execute(select(func.count()).where(BUCKETS.c.account_id == account_id)).scalar_one()


def update_bucket(connection: Connection, name: str, values: Mapping[str, Any]) -> None:
    """Change columns of a bucket."""
    connection.execute(update(BUCKETS).where(BUCKETS.c.name == name).values(values))


def delete_bucket(connection: Connection, name: str) -> None:
    """Remove a bucket, which must be empty."""
    connection.execute(delete(BUCKETS).where(BUCKETS.c.name == name))


def holds_versions(connection: Connection, bucket: str) -> bool:
    """Whether any version of any object, or any delete marker, is in a bucket."""
    return connection.execute(select(OBJECTS.c.key).where(OBJECTS.c.bucket == bucket).limit(1)).first() is not None


def _of_key(bucket: str, key: str) -> Any:
    return (OBJECTS.c.bucket == bucket) & (OBJECTS.c.key == key)


def select_latest(connection: Connection, bucket: str, key: str) -> Row[Any] | None:
    """Return the newest version of an object, a delete marker too, or None."""
    return connection.execute(_LATEST, {"of_bucket": bucket, "of_key": key}).one_or_none()


def select_version(connection: Connection, bucket: str, key: str, version_id: str) -> Row[Any] | None:
    """Return one version of an object by its id, or None."""
    return connection.execute(_VERSION, {"of_bucket": bucket, "of_key": key, "of_version": version_id}).one_or_none()


def insert_version(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert a version as the newest of its key; its `sequence` is given here."""
    this_key = {"of_bucket": values["bucket"], "of_key": values["key"]}
    newest = connection.execute(_NEWEST_SEQUENCE, this_key).scalar()
    if newest is not None:
        connection.execute(_NOT_LATEST_ANY_MORE, this_key)
    connection.execute(OBJECTS.insert(), {**values, "sequence": (newest or 0) + 1, "is_latest": True})


def update_version(connection: Connection, bucket: str, key: str, version_id: str, values: Mapping[str, Any]) -> None:
    """Change columns of a version."""
    connection.execute(
        update(OBJECTS).where(_of_key(bucket, key) & (OBJECTS.c.version_id == version_id)).values(values)
    )


def delete_version(connection: Connection, bucket: str, key: str, version_id: str) -> list[str]:
    """Remove a version with its bytes; the one before it is the newest then. Return the blobs that nobody needs now."""
    row = select_version(connection, bucket, key, version_id)
    if row is None:
        return []
    connection.execute(_DELETE_ROW, {"of_bucket": bucket, "of_key": key, "of_sequence": row.sequence})
    if row.is_latest:
        before = select_latest(connection, bucket, key)
        if before is not None:
            update_version(connection, bucket, key, before.version_id, {"is_latest": True})
    return delete_pieces(connection, row.content_id) if row.content_id is not None else []


def insert_piece(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert one piece of a version's bytes."""
    connection.execute(PIECES.insert(), dict(values))


def select_pieces(connection: Connection, content_id: str, first: int, last: int) -> Sequence[Row[Any]]:
    """Return the pieces that hold any of the bytes `first` to `last`, in order."""
    values = {"of_content": content_id, "first_byte": first, "last_byte": last}
    return connection.execute(_PIECES_BETWEEN, values).all()


def select_piece_at(connection: Connection, content_id: str, index: int) -> Row[Any] | None:
    """Return the piece that is the `index`-th in order, from 0, or None."""
    statement = select(PIECES).where(PIECES.c.content_id == content_id).order_by(PIECES.c.number)
    return connection.execute(statement.offset(index).limit(1)).one_or_none()


def delete_pieces(connection: Connection, content_id: str) -> list[str]:
    """Remove all pieces of a version's bytes; return the blobs that held them."""
    this_content = {"of_content": content_id}
    names = list(connection.execute(_BLOBS, this_content).scalars())
    connection.execute(_DELETE_PIECES, this_content)
    return names


def blobs_among(connection: Connection, names: Sequence[str]) -> set[str]:
    """Return which of some blobs hold a piece."""
    return set(connection.execute(select(PIECES.c.blob).where(PIECES.c.blob.in_(names))).scalars())
