"""KMS keys whose material is imported, shared between Regions, or kept in a key store elsewhere."""

import sqlalchemy as sa
from alembic import op

from strongroom.storage.column_types import Timestamp

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add what such keys need; the keys that exist are none, and nothing of theirs changes."""
    op.add_column("kms_keys", sa.Column("primary_region", sa.String(64)))
    op.add_column("kms_keys", sa.Column("custom_key_store_id", sa.String(64)))
    op.add_column("kms_keys", sa.Column("xks_key_id", sa.Text))
    op.create_index("ix_kms_keys_key_id", "kms_keys", ["key_id"])
    op.create_index("ix_kms_keys_custom_key_store", "kms_keys", ["custom_key_store_id"])
    op.add_column("kms_key_materials", sa.Column("sealed_fingerprint", sa.LargeBinary))
    op.add_column("kms_key_materials", sa.Column("description", sa.Text))
    op.add_column("kms_key_materials", sa.Column("expires_at", Timestamp))
    with op.batch_alter_table("kms_key_materials") as batch:
        batch.alter_column("position", existing_type=sa.Integer, nullable=True)
        batch.alter_column("sealed", existing_type=sa.LargeBinary, nullable=True)
    op.create_index("ix_kms_key_materials_expires_at", "kms_key_materials", ["expires_at"])
