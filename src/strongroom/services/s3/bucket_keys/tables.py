"""The table of bucket keys, and every statement that touches it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, ForeignKeyConstraint, Index, String, Table, Text, select
from sqlalchemy.engine import Row

from strongroom.storage.column_types import OrderedText, Timestamp
from strongroom.storage.connection import Connection
from strongroom.storage.schema import metadata
from strongroom.storage.sealed_column import Sealed

BUCKET_KEY_PLACE = "s3_bucket_keys/{bucket}/{bucket_key_id}"

BUCKET_KEYS = Table(
    "s3_bucket_keys",
    metadata,
    Column("bucket_key_id", String(32), primary_key=True),
    Column("bucket", OrderedText, nullable=False),
    Column("key_arn", Text, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("sealed", Sealed(BUCKET_KEY_PLACE), nullable=False),
    ForeignKeyConstraint(["bucket"], ["s3_buckets.name"], ondelete="CASCADE"),
    Index("ix_s3_bucket_keys_bucket", "bucket"),
)
"""`sealed` is the bucket key's ciphertext under its KMS key, sealed once more."""


def insert_bucket_key(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert a bucket key."""
    connection.execute(BUCKET_KEYS.insert().values(values))


def select_bucket_key(connection: Connection, bucket_key_id: str) -> Row[Any] | None:
    """Return a bucket key's row, or None."""
    return connection.execute(select(BUCKET_KEYS).where(BUCKET_KEYS.c.bucket_key_id == bucket_key_id)).one_or_none()
