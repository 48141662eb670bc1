"""The vault, access keys, the audit trail, and KMS keys."""

import sqlalchemy as sa
from alembic import op

from strongroom.storage.column_types import OrderedText, RowNumber, Timestamp

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the tables of the operations layer and of KMS."""
    op.create_table(
        "storage_keys",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("root_fingerprint", sa.Text, nullable=False),
        sa.Column("root_parameters", sa.Text, nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "tls_authorities",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "access_keys",
        sa.Column("access_key_id", sa.String(128), primary_key=True),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("principal_arn", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_access_keys_principal_arn", "access_keys", ["principal_arn"])
    op.create_table(
        "audit_batches",
        sa.Column("number", RowNumber, primary_key=True),
        sa.Column("batch", sa.String(32), nullable=False),
        sa.Column("first_at", sa.BigInteger, nullable=False),
        sa.Column("last_at", sa.BigInteger, nullable=False),
        sa.Column("records", sa.Integer, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_audit_batches_last_at", "audit_batches", ["last_at"])
    _create_kms_tables()


def _create_kms_tables() -> None:
    op.create_table(
        "kms_keys",
        sa.Column("region", sa.String(64), primary_key=True),
        sa.Column("key_id", OrderedText, primary_key=True),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("usage", sa.String(32), nullable=False),
        sa.Column("spec", sa.String(32), nullable=False),
        sa.Column("origin", sa.String(32), nullable=False),
        sa.Column("manager", sa.String(16), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("deletion_at", Timestamp),
        sa.Column("pending_window_days", sa.Integer),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("rotation_enabled", sa.Boolean, nullable=False),
        sa.Column("rotation_period_days", sa.Integer),
        sa.Column("next_rotation_at", Timestamp),
        sa.Column("last_used_at", Timestamp),
        sa.Column("last_used_operation", sa.String(64)),
        sa.Column("last_used_request_id", sa.String(64)),
    )
    op.create_index("ix_kms_keys_account", "kms_keys", ["account_id", "region", "key_id"])
    op.create_index("ix_kms_keys_deletion_at", "kms_keys", ["deletion_at"])
    op.create_index("ix_kms_keys_next_rotation_at", "kms_keys", ["next_rotation_at"])
    op.create_table(
        "kms_key_materials",
        sa.Column("region", sa.String(64), primary_key=True),
        sa.Column("key_id", OrderedText, primary_key=True),
        sa.Column("key_material_id", sa.String(64), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("rotation_type", sa.String(16)),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["region", "key_id"], ["kms_keys.region", "kms_keys.key_id"], ondelete="CASCADE"),
    )
    op.create_table(
        "kms_aliases",
        sa.Column("account_id", sa.String(12), primary_key=True),
        sa.Column("region", sa.String(64), primary_key=True),
        sa.Column("name", OrderedText, primary_key=True),
        sa.Column("target_key_id", OrderedText, nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("updated_at", Timestamp, nullable=False),
        sa.ForeignKeyConstraint(
            ["region", "target_key_id"], ["kms_keys.region", "kms_keys.key_id"], ondelete="CASCADE"
        ),
    )
    op.create_index("ix_kms_aliases_target", "kms_aliases", ["region", "target_key_id"])
