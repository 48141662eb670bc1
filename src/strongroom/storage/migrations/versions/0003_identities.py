"""Accounts, IAM identities with their policies and credentials; access keys belong to unique ids."""

import sqlalchemy as sa
from alembic import op

from strongroom.storage.column_types import OrderedText, Timestamp

revision = "0003"
down_revision = "0002"

_ID = sa.String(32)


def upgrade() -> None:
    """Add the tables of identities, and tell access keys' holders by unique id instead of by ARN."""
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.String(12), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("alias", OrderedText, unique=True),
        sa.Column("organization_id", sa.String(40)),
        sa.Column("created_at", Timestamp, nullable=False),
    )
    _create_identities()
    _create_policies()
    _create_others()
    _change_access_keys()


def _create_identities() -> None:
    op.create_table(
        "iam_identities",
        sa.Column("unique_id", _ID, primary_key=True),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("name", OrderedText, nullable=False),
        sa.Column("folded_name", OrderedText, nullable=False),
        sa.Column("path", OrderedText, nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("boundary_arn", sa.Text),
        sa.Column("description", sa.Text),
        sa.Column("trust_policy", sa.Text),
        sa.Column("max_session_seconds", sa.Integer),
        sa.Column("last_used_at", Timestamp),
        sa.Column("last_used_region", sa.String(64)),
        sa.UniqueConstraint("account_id", "kind", "folded_name"),
    )
    op.create_table(
        "iam_memberships",
        sa.Column("group_id", _ID, sa.ForeignKey("iam_identities.unique_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("user_id", _ID, sa.ForeignKey("iam_identities.unique_id", ondelete="CASCADE"), primary_key=True),
    )
    op.create_index("ix_iam_memberships_user_id", "iam_memberships", ["user_id"])


def _create_policies() -> None:
    op.create_table(
        "iam_policies",
        sa.Column("policy_id", _ID, primary_key=True),
        sa.Column("arn", OrderedText, nullable=False, unique=True),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("name", OrderedText, nullable=False),
        sa.Column("folded_name", OrderedText, nullable=False),
        sa.Column("path", OrderedText, nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("updated_at", Timestamp, nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("default_version", sa.Integer, nullable=False),
        sa.Column("newest_version", sa.Integer, nullable=False),
        sa.UniqueConstraint("account_id", "folded_name"),
    )
    op.create_table(
        "iam_policy_versions",
        sa.Column("policy_id", _ID, sa.ForeignKey("iam_policies.policy_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
    )
    op.create_table(
        "iam_attachments",
        sa.Column("unique_id", _ID, sa.ForeignKey("iam_identities.unique_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("policy_arn", OrderedText, primary_key=True),
    )
    op.create_index("ix_iam_attachments_policy_arn", "iam_attachments", ["policy_arn"])
    op.create_table(
        "iam_inline_policies",
        sa.Column("unique_id", _ID, sa.ForeignKey("iam_identities.unique_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", OrderedText, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
    )


def _create_others() -> None:
    op.create_table(
        "iam_instance_profiles",
        sa.Column("profile_id", _ID, primary_key=True),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("name", OrderedText, nullable=False),
        sa.Column("folded_name", OrderedText, nullable=False),
        sa.Column("path", OrderedText, nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("role_id", _ID, sa.ForeignKey("iam_identities.unique_id")),
        sa.UniqueConstraint("account_id", "folded_name"),
    )
    op.create_table(
        "iam_oidc_providers",
        sa.Column("arn", OrderedText, primary_key=True),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("client_ids", sa.Text, nullable=False),
        sa.Column("thumbprints", sa.Text, nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
    )
    op.create_index("ix_iam_oidc_providers_account_id", "iam_oidc_providers", ["account_id"])
    op.create_table(
        "iam_mfa_devices",
        sa.Column("serial_number", OrderedText, primary_key=True),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("principal_id", _ID),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("enabled_at", Timestamp),
        sa.Column("last_used_step", sa.Integer, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_iam_mfa_devices_principal_id", "iam_mfa_devices", ["principal_id"])
    op.create_index("ix_iam_mfa_devices_account_id", "iam_mfa_devices", ["account_id"])


def _change_access_keys() -> None:
    op.drop_index("ix_access_keys_principal_arn", "access_keys")
    op.add_column("access_keys", sa.Column("principal_id", _ID))
    op.add_column("access_keys", sa.Column("last_used_at", Timestamp))
    op.add_column("access_keys", sa.Column("last_used_service", sa.String(64)))
    op.add_column("access_keys", sa.Column("last_used_region", sa.String(64)))
    # Only root principals had access keys so far: the holder of any other is not known, and unknown means no.
    keys = sa.table("access_keys", *map(sa.column, ("principal_id", "principal_arn", "account_id")))
    of_root = keys.c.principal_arn.endswith(":root")
    op.execute(keys.update().where(of_root).values(principal_id=keys.c.account_id))
    op.execute(keys.delete().where(keys.c.principal_id.is_(None)))
    with op.batch_alter_table("access_keys") as batch:
        batch.alter_column("principal_id", existing_type=_ID, nullable=False)
        batch.drop_column("principal_arn")
    op.create_index("ix_access_keys_principal_id", "access_keys", ["principal_id"])
