"""Networks: VPCs and what is in them."""

import sqlalchemy as sa
from alembic import op

from strongroom.storage.column_types import OrderedText, Timestamp

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add EC2's tables."""
    op.create_table(
        "ec2_resources",
        sa.Column("resource_id", OrderedText, primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("region", sa.String(64), nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("attributes", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
    )
    op.create_index("ix_ec2_resources_account", "ec2_resources", ["account_id", "region", "kind"])
    op.create_index("ix_ec2_resources_kind", "ec2_resources", ["kind"])
    op.create_table(
        "ec2_regions",
        sa.Column("account_id", sa.String(12), primary_key=True),
        sa.Column("region", sa.String(64), primary_key=True),
    )
