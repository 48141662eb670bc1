"""Parameters, their versions and labels, and the settings of Parameter Store."""

import sqlalchemy as sa
from alembic import op

from strongroom.storage.column_types import OrderedText, Timestamp

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add Parameter Store's tables."""
    op.create_table(
        "ssm_parameters",
        sa.Column("parameter_id", sa.String(32), primary_key=True),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("region", sa.String(64), nullable=False),
        sa.Column("name", OrderedText, nullable=False),
        sa.Column("parent", OrderedText, nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("tier", sa.String(16), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("expires_at", Timestamp),
        sa.Column("next_policy_at", Timestamp),
        sa.Column("resource_policy_id", sa.String(36)),
        sa.Column("resource_policy", sa.Text),
    )
    for name, columns in (
        ("ix_ssm_parameters_parent", ["account_id", "region", "parent", "name"]),
        ("ix_ssm_parameters_tier", ["account_id", "region", "tier"]),
        ("ix_ssm_parameters_next_policy_at", ["next_policy_at"]),
        ("ix_ssm_parameters_resource_policy_id", ["region", "resource_policy_id"]),
    ):
        op.create_index(name, "ssm_parameters", columns)
    op.create_index("uq_ssm_parameters_name", "ssm_parameters", ["account_id", "region", "name"], unique=True)
    op.create_table(
        "ssm_parameter_versions",
        sa.Column("parameter_id", sa.String(32), primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True),
        sa.Column("modified_at", Timestamp, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["parameter_id"], ["ssm_parameters.parameter_id"], ondelete="CASCADE"),
    )
    op.create_table(
        "ssm_parameter_labels",
        sa.Column("parameter_id", sa.String(32), primary_key=True),
        sa.Column("label", OrderedText, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["parameter_id"], ["ssm_parameters.parameter_id"], ondelete="CASCADE"),
    )
    op.create_table(
        "ssm_service_settings",
        sa.Column("account_id", sa.String(12), primary_key=True),
        sa.Column("region", sa.String(64), primary_key=True),
        sa.Column("setting_id", sa.String(128), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("modified_at", Timestamp, nullable=False),
        sa.Column("modified_by", sa.Text, nullable=False),
    )
