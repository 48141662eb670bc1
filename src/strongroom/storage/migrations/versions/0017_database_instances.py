"""Database instances that are registered with RDS."""

import sqlalchemy as sa
from alembic import op

from strongroom.storage.column_types import OrderedText, Timestamp

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add the table of database instances."""
    op.create_table(
        "rds_instances",
        sa.Column("account_id", sa.String(12), primary_key=True),
        sa.Column("region", sa.String(64), primary_key=True),
        sa.Column("identifier", OrderedText, primary_key=True),
        sa.Column("resource_id", sa.String(64), nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("engine", sa.String(32), nullable=False),
        sa.Column("engine_version", sa.String(64), nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("port", sa.Integer, nullable=False),
        sa.Column("database", sa.Text),
        sa.Column("verifies_tls", sa.Boolean, nullable=False),
        sa.Column("master_username", sa.Text, nullable=False),
        sa.Column("sealed_password", sa.LargeBinary),
        sa.Column("sealed_new_password", sa.LargeBinary),
        sa.Column("secret_arn", sa.Text),
        sa.Column("secret_status", sa.String(16)),
        sa.Column("kms_key_arn", sa.Text),
        sa.Column("deletion_protection", sa.Boolean, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("held_until", Timestamp),
    )
    op.create_index("ix_rds_instances_secret", "rds_instances", ["secret_arn"])
