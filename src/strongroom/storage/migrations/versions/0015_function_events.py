"""Asynchronous events of functions, and log events on their way to subscription filters."""

import sqlalchemy as sa
from alembic import op

from strongroom.storage.column_types import OrderedText, Timestamp

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the tables of what is to be delivered."""
    op.create_table(
        "lambda_events",
        sa.Column("event_id", sa.String(36), primary_key=True),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("region", sa.String(64), nullable=False),
        sa.Column("function_name", OrderedText, nullable=False),
        sa.Column("qualifier", OrderedText, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("received_at", Timestamp, nullable=False),
        sa.Column("due_at", Timestamp, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("postponements", sa.Integer, nullable=False),
        sa.Column("depth", sa.Integer, nullable=False),
        sa.Column("held_by", sa.String(16)),
        sa.Column("held_until", Timestamp, nullable=False),
    )
    op.create_index("ix_lambda_events_due", "lambda_events", ["due_at"])
    op.create_table(
        "logs_deliveries",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("group_number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("filter_name", OrderedText, nullable=False),
        sa.Column("batch_number", sa.BigInteger, nullable=False),
        sa.Column("due_at", Timestamp, nullable=False),
        sa.Column("expires_at", Timestamp, nullable=False),
        sa.Column("postponements", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(["group_number"], ["logs_groups.number"], ondelete="CASCADE"),
    )
    op.create_index("ix_logs_deliveries_due", "logs_deliveries", ["due_at"])
    op.create_index("ix_logs_deliveries_group", "logs_deliveries", ["group_number"])
