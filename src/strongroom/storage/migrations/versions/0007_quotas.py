"""Values of quotas, requests to increase them, the templates of organizations, tags and reports of quotas."""

import sqlalchemy as sa
from alembic import op

from strongroom.storage.column_types import OrderedText, Timestamp

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the tables of quotas; every quota has its default value so far."""
    op.create_table(
        "quota_values",
        sa.Column("quota_id", OrderedText, primary_key=True),
        sa.Column("account_id", sa.String(12), primary_key=True),
        sa.Column("region", sa.String(64), primary_key=True),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("set_at", Timestamp, nullable=False),
    )
    op.create_table(
        "quota_requests",
        sa.Column("request_id", sa.String(64), primary_key=True),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("region", sa.String(64), nullable=False),
        sa.Column("quota_id", OrderedText, nullable=False),
        sa.Column("desired_value", sa.Double, nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("case_id", sa.String(64)),
        sa.Column("requester", sa.Text, nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("updated_at", Timestamp, nullable=False),
    )
    op.create_index("ix_quota_requests_account", "quota_requests", ["account_id", "region", "created_at", "request_id"])
    op.create_index("ix_quota_requests_status", "quota_requests", ["status"])
    op.create_table(
        "quota_templates",
        sa.Column("organization_id", sa.String(40), primary_key=True),
        sa.Column("is_associated", sa.Boolean, nullable=False),
    )
    op.create_table(
        "quota_template_entries",
        sa.Column("organization_id", sa.String(40), primary_key=True),
        sa.Column("region", sa.String(64), primary_key=True),
        sa.Column("quota_id", OrderedText, primary_key=True),
        sa.Column("desired_value", sa.Double, nullable=False),
    )
    op.create_table(
        "quota_tags",
        sa.Column("arn", OrderedText, primary_key=True),
        sa.Column("tags", sa.Text, nullable=False),
    )
    op.create_table(
        "quota_reports",
        sa.Column("account_id", sa.String(12), primary_key=True),
        sa.Column("region", sa.String(64), primary_key=True),
        sa.Column("report_id", sa.String(64), nullable=False),
        sa.Column("generated_at", Timestamp, nullable=False),
        sa.Column("quotas", sa.Text, nullable=False),
    )
