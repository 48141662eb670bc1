"""What builds report, and what sources are fetched with."""

import sqlalchemy as sa
from alembic import op

from strongroom.storage.column_types import OrderedText, Timestamp

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Add CodeBuild's tables of reports and of source credentials, and find builds by their age."""
    op.create_table(
        "codebuild_report_groups",
        sa.Column("account_id", sa.String(12), primary_key=True),
        sa.Column("region", sa.String(64), primary_key=True),
        sa.Column("name", OrderedText, primary_key=True),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("modified_at", Timestamp, nullable=False),
        sa.Column("export_config", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
    )
    op.create_table(
        "codebuild_reports",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("region", sa.String(64), nullable=False),
        sa.Column("report_group", OrderedText, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("build_arn", sa.Text, nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("expires_at", Timestamp, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("export_config", sa.Text, nullable=False),
        sa.Column("is_truncated", sa.Boolean, nullable=False),
        sa.Column("summary", sa.Text),
        sa.Column("sealed_results", sa.LargeBinary),
        sqlite_autoincrement=True,
    )
    by_group = ["account_id", "region", "report_group"]
    op.create_index("ix_codebuild_reports_uuid", "codebuild_reports", [*by_group, "uuid"], unique=True)
    op.create_index("ix_codebuild_reports_listed", "codebuild_reports", ["account_id", "region", "number"])
    op.create_index("ix_codebuild_reports_group", "codebuild_reports", [*by_group, "number"])
    op.create_index("ix_codebuild_reports_expires_at", "codebuild_reports", ["expires_at"])
    op.create_index("ix_codebuild_reports_build", "codebuild_reports", ["build_arn"])
    op.create_table(
        "codebuild_source_credentials",
        sa.Column("account_id", sa.String(12), primary_key=True),
        sa.Column("region", sa.String(64), primary_key=True),
        sa.Column("server_type", sa.String(32), primary_key=True),
        sa.Column("auth_type", sa.String(32), nullable=False),
        sa.Column("secret_arn", sa.Text),
        sa.Column("sealed", sa.LargeBinary),
    )
    op.create_index("ix_codebuild_builds_submitted_at", "codebuild_builds", ["submitted_at"])
