"""Grants of KMS keys, and how many of them each key has."""

import sqlalchemy as sa
from alembic import op

from strongroom.storage.column_types import OrderedText, Timestamp

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the table of grants; no key that exists has any."""
    op.add_column("kms_keys", sa.Column("grant_count", sa.Integer, nullable=False, server_default="0"))
    with op.batch_alter_table("kms_keys") as batch:
        batch.alter_column("grant_count", existing_type=sa.Integer, existing_nullable=False, server_default=None)
    op.create_table(
        "kms_grants",
        sa.Column("region", sa.String(64), primary_key=True),
        sa.Column("key_id", OrderedText, primary_key=True),
        sa.Column("grant_id", OrderedText, primary_key=True),
        sa.Column("name", sa.Text),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("issuing_account", sa.String(12), nullable=False),
        sa.Column("grantee", sa.Text, nullable=False),
        sa.Column("grantee_id", OrderedText, nullable=False),
        sa.Column("retiring", sa.Text),
        sa.Column("retiring_id", OrderedText),
        sa.Column("operations", sa.Text, nullable=False),
        sa.Column("constraints", sa.Text, nullable=False),
        sa.Column("request_digest", sa.String(64)),
        sa.ForeignKeyConstraint(["region", "key_id"], ["kms_keys.region", "kms_keys.key_id"], ondelete="CASCADE"),
    )
    op.create_index("ix_kms_grants_grantee", "kms_grants", ["region", "key_id", "grantee_id", "grant_id"])
    op.create_index("ix_kms_grants_retiring", "kms_grants", ["region", "retiring_id", "key_id", "grant_id"])
    op.create_index("ix_kms_grants_request", "kms_grants", ["region", "key_id", "request_digest"])
