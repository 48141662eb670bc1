"""The password policy of each account."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column; no account that exists has such a policy."""
    op.add_column("accounts", sa.Column("password_policy", sa.Text))
