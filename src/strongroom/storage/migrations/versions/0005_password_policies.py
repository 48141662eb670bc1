"""The password policy of each account."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column; no account that exists has such a policy."""
    op.add_column("accounts", sa.Column("password_policy", sa.Text))
