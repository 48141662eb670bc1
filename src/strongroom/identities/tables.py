"""The tables of accounts, identities, policies and credentials, and the statements with which the guard reads them.

An identity is known by its unique id (`AIDA...`), which is never given out again; names may change and come back.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint, select, update
from sqlalchemy.engine import Row

from strongroom.storage.column_types import JsonText, OrderedText, Timestamp
from strongroom.storage.connection import Connection
from strongroom.storage.schema import metadata
from strongroom.storage.sealed_column import Sealed

UniqueId = String(32)

ACCOUNTS = Table(
    "accounts",
    metadata,
    Column("account_id", String(12), primary_key=True),
    Column("name", Text, nullable=False),
    Column("alias", OrderedText, unique=True),
    Column("organization_id", String(40)),
    Column("created_at", Timestamp, nullable=False),
    Column("password_policy", JsonText),
)

IDENTITIES = Table(
    "iam_identities",
    metadata,
    Column("unique_id", UniqueId, primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("account_id", String(12), nullable=False),
    Column("name", OrderedText, nullable=False),
    Column("folded_name", OrderedText, nullable=False),
    Column("path", OrderedText, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("tags", JsonText, nullable=False),
    Column("boundary_arn", Text),
    Column("description", Text),
    Column("trust_policy", Text),
    Column("max_session_seconds", Integer),
    Column("last_used_at", Timestamp),
    Column("last_used_region", String(64)),
    UniqueConstraint("account_id", "kind", "folded_name"),
)
"""Users, groups and roles: `kind` says which. `folded_name` is the name in lower case: no two differ in case only."""

MEMBERSHIPS = Table(
    "iam_memberships",
    metadata,
    Column("group_id", UniqueId, ForeignKey("iam_identities.unique_id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", UniqueId, ForeignKey("iam_identities.unique_id", ondelete="CASCADE"), primary_key=True),
    Index("ix_iam_memberships_user_id", "user_id"),
)

MANAGED_POLICIES = Table(
    "iam_policies",
    metadata,
    Column("policy_id", UniqueId, primary_key=True),
    Column("arn", OrderedText, nullable=False, unique=True),
    Column("account_id", String(12), nullable=False),
    Column("name", OrderedText, nullable=False),
    Column("folded_name", OrderedText, nullable=False),
    Column("path", OrderedText, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    Column("description", Text),
    Column("tags", JsonText, nullable=False),
    Column("default_version", Integer, nullable=False),
    Column("newest_version", Integer, nullable=False),
    UniqueConstraint("account_id", "folded_name"),
)

POLICY_VERSIONS = Table(
    "iam_policy_versions",
    metadata,
    Column("policy_id", UniqueId, ForeignKey("iam_policies.policy_id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("document", Text, nullable=False),
    Column("created_at", Timestamp, nullable=False),
)

ATTACHMENTS = Table(
    "iam_attachments",
    metadata,
    Column("unique_id", UniqueId, ForeignKey("iam_identities.unique_id", ondelete="CASCADE"), primary_key=True),
    Column("policy_arn", OrderedText, primary_key=True),
    Index("ix_iam_attachments_policy_arn", "policy_arn"),
)
"""Managed policies attached to identities: customer managed ones, and AWS managed ones, which have no row anywhere."""

INLINE_POLICIES = Table(
    "iam_inline_policies",
    metadata,
    Column("unique_id", UniqueId, ForeignKey("iam_identities.unique_id", ondelete="CASCADE"), primary_key=True),
    Column("name", OrderedText, primary_key=True),
    Column("document", Text, nullable=False),
)

INSTANCE_PROFILES = Table(
    "iam_instance_profiles",
    metadata,
    Column("profile_id", UniqueId, primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("name", OrderedText, nullable=False),
    Column("folded_name", OrderedText, nullable=False),
    Column("path", OrderedText, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("tags", JsonText, nullable=False),
    Column("role_id", UniqueId, ForeignKey("iam_identities.unique_id")),
    UniqueConstraint("account_id", "folded_name"),
)

OIDC_PROVIDERS = Table(
    "iam_oidc_providers",
    metadata,
    Column("arn", OrderedText, primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("url", Text, nullable=False),
    Column("client_ids", JsonText, nullable=False),
    Column("thumbprints", JsonText, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("tags", JsonText, nullable=False),
    Index("ix_iam_oidc_providers_account_id", "account_id"),
)

MFA_SEED_PLACE = "iam_mfa_devices/{serial_number}"

MFA_DEVICES = Table(
    "iam_mfa_devices",
    metadata,
    Column("serial_number", OrderedText, primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("principal_id", UniqueId),
    Column("created_at", Timestamp, nullable=False),
    Column("enabled_at", Timestamp),
    Column("last_used_step", Integer, nullable=False),
    Column("tags", JsonText, nullable=False),
    Column("sealed", Sealed(MFA_SEED_PLACE), nullable=False),
    Index("ix_iam_mfa_devices_principal_id", "principal_id"),
    Index("ix_iam_mfa_devices_account_id", "account_id"),
)
"""Virtual MFA devices. `principal_id` is whose it is, once enabled; `last_used_step` lets no code serve twice."""

ACCESS_KEY_PLACE = "access_keys/{access_key_id}"

ACCESS_KEYS = Table(
    "access_keys",
    metadata,
    Column("access_key_id", String(128), primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("principal_id", UniqueId, nullable=False),
    Column("status", String(16), nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("sealed", Sealed(ACCESS_KEY_PLACE), nullable=False),
    Column("last_used_at", Timestamp),
    Column("last_used_service", String(64)),
    Column("last_used_region", String(64)),
    Index("ix_access_keys_principal_id", "principal_id"),
)
"""Long-term access keys. `principal_id` is the user's unique id, and for an account's root the account id."""


def select_account(connection: Connection, account_id: str) -> Row[Any] | None:
    """Return an account's row, or None."""
    return connection.execute(select(ACCOUNTS).where(ACCOUNTS.c.account_id == account_id)).one_or_none()


def select_accounts(connection: Connection) -> Sequence[Row[Any]]:
    """Return every account, in the order of the account ids."""
    return connection.execute(select(ACCOUNTS).order_by(ACCOUNTS.c.account_id)).all()


def insert_account(connection: Connection, values: dict[str, Any]) -> None:
    """Insert an account."""
    connection.execute(ACCOUNTS.insert().values(values))


def select_identity(connection: Connection, unique_id: str) -> Row[Any] | None:
    """Return the row of a user, group or role by its unique id, or None."""
    return connection.execute(select(IDENTITIES).where(IDENTITIES.c.unique_id == unique_id)).one_or_none()


def select_identity_named(connection: Connection, account_id: str, kind: str, name: str) -> Row[Any] | None:
    """Return the row of a user, group or role by its name, in any case, or None."""
    statement = select(IDENTITIES).where(
        (IDENTITIES.c.account_id == account_id)
        & (IDENTITIES.c.kind == kind)
        & (IDENTITIES.c.folded_name == name.lower())
    )
    return connection.execute(statement).one_or_none()


def groups_of(connection: Connection, user_id: str) -> Sequence[Row[Any]]:
    """Return the groups that a user is in, in the order of their names."""
    statement = select(IDENTITIES).join(MEMBERSHIPS, MEMBERSHIPS.c.group_id == IDENTITIES.c.unique_id)
    return connection.execute(statement.where(MEMBERSHIPS.c.user_id == user_id).order_by(IDENTITIES.c.name)).all()


def attached_policy_arns(connection: Connection, unique_id: str) -> list[str]:
    """Return the ARNs of an identity's managed policies, in order."""
    statement = select(ATTACHMENTS.c.policy_arn).where(ATTACHMENTS.c.unique_id == unique_id)
    return list(connection.execute(statement.order_by(ATTACHMENTS.c.policy_arn)).scalars())


def inline_policies(connection: Connection, unique_id: str) -> Sequence[Row[Any]]:
    """Return name and document of an identity's inline policies, in the order of the names."""
    statement = select(INLINE_POLICIES).where(INLINE_POLICIES.c.unique_id == unique_id)
    return connection.execute(statement.order_by(INLINE_POLICIES.c.name)).all()


def default_document(connection: Connection, policy_arn: str) -> str | None:
    """Return the document in force of a customer managed policy, or None."""
    statement = (
        select(POLICY_VERSIONS.c.document)
        .join(MANAGED_POLICIES, MANAGED_POLICIES.c.policy_id == POLICY_VERSIONS.c.policy_id)
        .where(
            (MANAGED_POLICIES.c.arn == policy_arn) & (POLICY_VERSIONS.c.version == MANAGED_POLICIES.c.default_version)
        )
    )
    return connection.execute(statement).scalar_one_or_none()


def select_oidc_provider(connection: Connection, arn: str) -> Row[Any] | None:
    """Return the row of an OpenID Connect provider, or None."""
    return connection.execute(select(OIDC_PROVIDERS).where(OIDC_PROVIDERS.c.arn == arn)).one_or_none()


def select_access_key(connection: Connection, access_key_id: str) -> Row[Any] | None:
    """Return an access key's row, or None."""
    return connection.execute(select(ACCESS_KEYS).where(ACCESS_KEYS.c.access_key_id == access_key_id)).one_or_none()


def select_access_keys_of(connection: Connection, principal_id: str) -> Sequence[Row[Any]]:
    """Return a principal's access keys, oldest first."""
    statement = select(ACCESS_KEYS).where(ACCESS_KEYS.c.principal_id == principal_id)
    return connection.execute(statement.order_by(ACCESS_KEYS.c.created_at, ACCESS_KEYS.c.access_key_id)).all()


def insert_access_key(connection: Connection, values: dict[str, Any]) -> None:
    """Insert an access key; its secret is already sealed for its place."""
    connection.execute(ACCESS_KEYS.insert().values(values))


def select_mfa_device(connection: Connection, serial_number: str) -> Row[Any] | None:
    """Return an MFA device's row, or None."""
    return connection.execute(select(MFA_DEVICES).where(MFA_DEVICES.c.serial_number == serial_number)).one_or_none()


def use_mfa_step(connection: Connection, serial_number: str, step: int) -> bool:
    """Note the time step of a code that was accepted; False when it, or a later one, was used before."""
    this_unused = (MFA_DEVICES.c.serial_number == serial_number) & (MFA_DEVICES.c.last_used_step < step)
    return connection.execute(update(MFA_DEVICES).where(this_unused).values(last_used_step=step)).rowcount == 1


def update_access_key_usage(connection: Connection, access_key_id: str, at: float, service: str, region: str) -> None:
    """Write when an access key was last used, unless a later use is written already."""
    newer = ACCESS_KEYS.c.last_used_at.is_(None) | (ACCESS_KEYS.c.last_used_at < at)
    connection.execute(
        update(ACCESS_KEYS)
        .where((ACCESS_KEYS.c.access_key_id == access_key_id) & newer)
        .values(last_used_at=at, last_used_service=service, last_used_region=region)
    )


def update_role_usage(connection: Connection, role_id: str, at: float, region: str) -> None:
    """Write when a role was last used, unless a later use is written already."""
    newer = IDENTITIES.c.last_used_at.is_(None) | (IDENTITIES.c.last_used_at < at)
    connection.execute(
        update(IDENTITIES)
        .where((IDENTITIES.c.unique_id == role_id) & newer)
        .values(last_used_at=at, last_used_region=region)
    )
