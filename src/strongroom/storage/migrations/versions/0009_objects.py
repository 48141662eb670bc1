"""Buckets, objects and the keys of both."""

import sqlalchemy as sa
from alembic import op

from strongroom.storage.column_types import OrderedText, Timestamp

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add S3's tables."""
    op.create_table(
        "s3_buckets",
        sa.Column("name", OrderedText, primary_key=True),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("region", sa.String(64), nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("versioning", sa.String(16), nullable=False),
        sa.Column("policy", sa.Text),
        sa.Column("settings", sa.Text, nullable=False),
    )
    op.create_index("ix_s3_buckets_account", "s3_buckets", ["account_id", "name"])
    op.create_table(
        "s3_bucket_keys",
        sa.Column("bucket_key_id", sa.String(32), primary_key=True),
        sa.Column("bucket", OrderedText, nullable=False),
        sa.Column("key_arn", sa.Text, nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["bucket"], ["s3_buckets.name"], ondelete="CASCADE"),
    )
    op.create_index("ix_s3_bucket_keys_bucket", "s3_bucket_keys", ["bucket"])
    op.create_table(
        "s3_account_blocks",
        sa.Column("account_id", sa.String(12), primary_key=True),
        sa.Column("blocks", sa.Text, nullable=False),
    )
    _create_objects()
    _create_uploads()


def _create_objects() -> None:
    op.create_table(
        "s3_objects",
        sa.Column("bucket", OrderedText, primary_key=True),
        sa.Column("key", OrderedText, primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True),
        sa.Column("version_id", sa.String(64), nullable=False),
        sa.Column("is_latest", sa.Boolean, nullable=False),
        sa.Column("is_delete_marker", sa.Boolean, nullable=False),
        sa.Column("last_modified", Timestamp, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("etag", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(12), nullable=False),
        sa.Column("content_id", sa.String(32)),
        sa.Column("encryption", sa.Text),
        sa.Column("sealed_key", sa.LargeBinary),
        sa.Column("details", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["bucket"], ["s3_buckets.name"]),
    )
    op.create_index("ix_s3_objects_version", "s3_objects", ["bucket", "key", "version_id"], unique=True)
    op.create_index("ix_s3_objects_latest", "s3_objects", ["bucket", "is_latest", "key"])
    op.create_index("ix_s3_objects_content", "s3_objects", ["content_id"])
    op.create_table(
        "s3_pieces",
        sa.Column("content_id", sa.String(32), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("starts_at", sa.BigInteger, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("stored_size", sa.BigInteger, nullable=False),
        sa.Column("blob", sa.String(64)),
        sa.Column("inline", sa.LargeBinary),
        sa.Column("details", sa.Text, nullable=False),
    )
    op.create_index("ix_s3_pieces_start", "s3_pieces", ["content_id", "starts_at"])
    op.create_index("ix_s3_pieces_blob", "s3_pieces", ["blob"])


def _create_uploads() -> None:
    op.create_table(
        "s3_uploads",
        sa.Column("upload_id", sa.String(64), primary_key=True),
        sa.Column("bucket", OrderedText, nullable=False),
        sa.Column("key", OrderedText, nullable=False),
        sa.Column("initiated_at", Timestamp, nullable=False),
        sa.Column("initiator", sa.String(256), nullable=False),
        sa.Column("content_id", sa.String(32), nullable=False),
        sa.Column("encryption", sa.Text, nullable=False),
        sa.Column("sealed_key", sa.LargeBinary, nullable=False),
        sa.Column("checksum", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["bucket"], ["s3_buckets.name"]),
    )
    op.create_index("ix_s3_uploads_bucket", "s3_uploads", ["bucket", "key", "upload_id"])
    op.create_index("ix_s3_uploads_initiated_at", "s3_uploads", ["initiated_at"])
    op.create_index("ix_s3_uploads_content", "s3_uploads", ["content_id"])
