"""Secrets, their versions, staging labels and replicas."""

import sqlalchemy as sa
from alembic import op

from strongroom.storage.column_types import OrderedText, Timestamp

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add Secrets Manager's tables."""
    op.create_table(
        "secrets",
        sa.Column("arn", OrderedText, primary_key=True),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("region", sa.String(64), nullable=False),
        sa.Column("name", OrderedText, nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("kms_key_id", sa.Text),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("changed_at", Timestamp, nullable=False),
        sa.Column("accessed_at", Timestamp),
        sa.Column("deletion_at", Timestamp),
        sa.Column("tags", sa.Text),
        sa.Column("policy", sa.Text),
        sa.Column("primary_region", sa.String(64)),
        sa.Column("rotation_enabled", sa.Boolean),
        sa.Column("rotation_function_arn", sa.Text),
        sa.Column("rotation_rules", sa.Text),
        sa.Column("rotated_at", Timestamp),
        sa.Column("rotation_begins_at", Timestamp),
        sa.Column("rotation_ends_at", Timestamp),
    )
    op.create_index("ix_secrets_name", "secrets", ["account_id", "region", "name"], unique=True)
    op.create_index("ix_secrets_created_at", "secrets", ["account_id", "region", "created_at", "arn"])
    op.create_index("ix_secrets_deletion_at", "secrets", ["deletion_at"])
    op.create_index("ix_secrets_rotation_begins_at", "secrets", ["rotation_begins_at"])
    op.create_table(
        "secret_versions",
        sa.Column("arn", OrderedText, primary_key=True),
        sa.Column("version_id", OrderedText, primary_key=True),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("accessed_at", Timestamp),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary, nullable=False),
        sa.Column("data_key", sa.LargeBinary, nullable=False),
        sa.Column("key_arn", sa.Text, nullable=False),
        sa.Column("is_default_key", sa.Boolean, nullable=False),
        sa.ForeignKeyConstraint(["arn"], ["secrets.arn"], ondelete="CASCADE"),
    )
    op.create_index("ix_secret_versions_created_at", "secret_versions", ["arn", "created_at", "version_id"])
    op.create_table(
        "secret_stages",
        sa.Column("arn", OrderedText, primary_key=True),
        sa.Column("label", OrderedText, primary_key=True),
        sa.Column("version_id", OrderedText, nullable=False),
        sa.ForeignKeyConstraint(
            ["arn", "version_id"], ["secret_versions.arn", "secret_versions.version_id"], ondelete="CASCADE"
        ),
    )
    op.create_index("ix_secret_stages_version", "secret_stages", ["arn", "version_id"])
    op.create_table(
        "secret_replicas",
        sa.Column("arn", OrderedText, primary_key=True),
        sa.Column("region", sa.String(64), primary_key=True),
        sa.Column("kms_key_id", sa.Text),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("message", sa.Text),
        sa.ForeignKeyConstraint(["arn"], ["secrets.arn"], ondelete="CASCADE"),
    )
