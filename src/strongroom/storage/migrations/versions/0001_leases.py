"""Leases: who does a scheduled job."""

import sqlalchemy as sa
from alembic import op

from strongroom.storage.column_types import OrderedText, Timestamp

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Add the table `leases`."""
    op.create_table(
        "leases",
        sa.Column("name", OrderedText, primary_key=True),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("expires_at", Timestamp, nullable=False),
    )
