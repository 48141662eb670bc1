"""Trails, the keys that sign their digests, and the index of the audit trail."""

import sqlalchemy as sa
from alembic import op

from strongroom.storage.column_types import OrderedText, Timestamp

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add CloudTrail's tables, and those that find things in the audit trail."""
    op.create_table(
        "audit_index_keys",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "audit_terms",
        sa.Column("term", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("last_batch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("first_batch", sa.BigInteger, nullable=False),
        sa.Column("first_at", sa.BigInteger, nullable=False),
        sa.Column("last_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit_positions",
        sa.Column("reader", sa.String(64), primary_key=True),
        sa.Column("batch", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "cloudtrail_trails",
        sa.Column("account_id", sa.String(12), primary_key=True),
        sa.Column("home_region", sa.String(64), primary_key=True),
        sa.Column("name", OrderedText, primary_key=True),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("selectors", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("is_logging", sa.Boolean, nullable=False),
        sa.Column("batch", sa.BigInteger, nullable=False),
        sa.Column("stop_batch", sa.BigInteger),
        sa.Column("status", sa.Text, nullable=False),
    )
    op.create_index("ix_cloudtrail_trails_logging", "cloudtrail_trails", ["is_logging"])
    op.create_table(
        "cloudtrail_log_files",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("home_region", sa.String(64), nullable=False),
        sa.Column("name", OrderedText, nullable=False),
        sa.Column("region", sa.String(64), nullable=False),
        sa.Column("file", sa.Text, nullable=False),
    )
    op.create_index("ix_cloudtrail_log_files_trail", "cloudtrail_log_files", ["account_id", "home_region", "name"])
    op.create_table(
        "cloudtrail_digests",
        sa.Column("account_id", sa.String(12), primary_key=True),
        sa.Column("home_region", sa.String(64), primary_key=True),
        sa.Column("name", OrderedText, primary_key=True),
        sa.Column("region", sa.String(64), primary_key=True),
        sa.Column("chain", sa.Text, nullable=False),
    )
    op.create_table(
        "cloudtrail_digest_keys",
        sa.Column("fingerprint", sa.String(32), primary_key=True),
        sa.Column("region", sa.String(64), nullable=False),
        sa.Column("valid_from", Timestamp, nullable=False),
        sa.Column("valid_until", Timestamp, nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_cloudtrail_digest_keys_region", "cloudtrail_digest_keys", ["region", "valid_until"])
