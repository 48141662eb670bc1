"""Build projects and builds."""

import sqlalchemy as sa
from alembic import op

from strongroom.storage.column_types import OrderedText, Timestamp

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add CodeBuild's tables."""
    op.create_table(
        "codebuild_projects",
        sa.Column("account_id", sa.String(12), primary_key=True),
        sa.Column("region", sa.String(64), primary_key=True),
        sa.Column("name", OrderedText, primary_key=True),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("modified_at", Timestamp, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("builds_started", sa.Integer, nullable=False),
    )
    op.create_table(
        "codebuild_builds",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("region", sa.String(64), nullable=False),
        sa.Column("project", OrderedText, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("build_number", sa.Integer, nullable=False),
        sa.Column("submitted_at", Timestamp, nullable=False),
        sa.Column("queued_until", Timestamp, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("initiator", sa.Text, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("progress", sa.Text, nullable=False),
        sa.Column("token_digest", sa.String(64)),
        sa.Column("request_digest", sa.String(64)),
        sa.Column("server", sa.String(32)),
        sa.Column("alive_until", Timestamp),
        sa.Column("is_to_stop", sa.Boolean, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_codebuild_builds_uuid", "codebuild_builds", ["account_id", "region", "project", "uuid"], unique=True
    )
    op.create_index("ix_codebuild_builds_listed", "codebuild_builds", ["account_id", "region", "number"])
    op.create_index("ix_codebuild_builds_state", "codebuild_builds", ["state", "number"])
