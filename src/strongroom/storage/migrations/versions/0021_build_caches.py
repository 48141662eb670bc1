"""Caches of build projects, and what makes them anew."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Count how often the cache of a project was reset."""
    op.add_column("codebuild_projects", sa.Column("cache_resets", sa.Integer, nullable=False, server_default="0"))
