"""Custom key stores of KMS."""

import sqlalchemy as sa
from alembic import op

from strongroom.storage.column_types import OrderedText, Timestamp

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the table of custom key stores."""
    op.create_table(
        "kms_custom_key_stores",
        sa.Column("region", sa.String(64), primary_key=True),
        sa.Column("custom_key_store_id", OrderedText, primary_key=True),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("connection_state", sa.String(32), nullable=False),
        sa.Column("connection_error", sa.String(64)),
        sa.Column("cluster_id", sa.String(32)),
        sa.Column("trust_anchor", sa.Text),
        sa.Column("uri_endpoint", sa.Text),
        sa.Column("uri_path", sa.Text),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index(
        "ix_kms_custom_key_stores_account",
        "kms_custom_key_stores",
        ["account_id", "region", "custom_key_store_id"],
    )
