"""Rotations of secrets under way, and secrets that services own."""

import sqlalchemy as sa
from alembic import op

from strongroom.storage.column_types import OrderedText, Timestamp

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add the rotations under way, and which service a secret belongs to."""
    op.add_column("secrets", sa.Column("owning_service", sa.String(128)))
    op.create_table(
        "secret_rotations",
        sa.Column("arn", OrderedText, primary_key=True),
        sa.Column("version_id", OrderedText, nullable=False),
        sa.Column("is_test", sa.Boolean, nullable=False),
        sa.Column("step", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("started_at", Timestamp, nullable=False),
        sa.Column("next_at", Timestamp, nullable=False),
        sa.Column("holder", sa.String(64)),
        sa.Column("held_until", Timestamp),
        sa.Column("token_hash", sa.String(64)),
        sa.ForeignKeyConstraint(["arn"], ["secrets.arn"], ondelete="CASCADE"),
    )
    op.create_index("ix_secret_rotations_next_at", "secret_rotations", ["next_at"])
