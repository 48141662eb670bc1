"""The statements with which IAM changes and lists users, groups, roles and credentials.

The tables themselves are in `identities.tables`, for the guard reads them too. Writes are serializable: what a
transaction has looked up or counted is still so when it ends.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.engine import Row

from strongroom.identities.tables import (
    ACCESS_KEYS,
    ACCOUNTS,
    ATTACHMENTS,
    IDENTITIES,
    INLINE_POLICIES,
    INSTANCE_PROFILES,
    MANAGED_POLICIES,
    MEMBERSHIPS,
    MFA_DEVICES,
    OIDC_PROVIDERS,
    POLICY_VERSIONS,
)
from strongroom.storage.connection import Connection


def _of_kind(account_id: str, kind: str) -> Any:
    return (IDENTITIES.c.account_id == account_id) & (IDENTITIES.c.kind == kind)


def count_identities(connection: Connection, account_id: str, kind: str) -> int:
    """Return how many users, groups or roles an account has."""
    statement = select(func.count()).select_from(IDENTITIES).where(_of_kind(account_id, kind))
    return connection.execute(statement).scalar_one()


def insert_identity(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert a user, group or role."""
    connection.execute(IDENTITIES.insert().values(values))


def update_identity(connection: Connection, unique_id: str, values: Mapping[str, Any]) -> None:
    """Change columns of a user, group or role."""
    connection.execute(update(IDENTITIES).where(IDENTITIES.c.unique_id == unique_id).values(values))


def delete_identity(connection: Connection, unique_id: str) -> None:
    """Remove a user, group or role, with its memberships, attachments and inline policies."""
    connection.execute(delete(IDENTITIES).where(IDENTITIES.c.unique_id == unique_id))


def list_identities(
    connection: Connection, account_id: str, kind: str, path_prefix: str, after: str, limit: int
) -> Sequence[Row[Any]]:
    """Return up to `limit` users, groups or roles below a path, in the order of their names, behind `after`."""
    below = func.substr(IDENTITIES.c.path, 1, len(path_prefix)) == path_prefix
    condition = _of_kind(account_id, kind) & (IDENTITIES.c.name > after) & below
    return connection.execute(select(IDENTITIES).where(condition).order_by(IDENTITIES.c.name).limit(limit)).all()


def has_attachments(connection: Connection, unique_id: str) -> bool:
    """Return whether managed policies are attached to an identity."""
    statement = select(ATTACHMENTS.c.unique_id).where(ATTACHMENTS.c.unique_id == unique_id).limit(1)
    return connection.execute(statement).first() is not None


def has_inline_policies(connection: Connection, unique_id: str) -> bool:
    """Return whether an identity has inline policies."""
    statement = select(INLINE_POLICIES.c.unique_id).where(INLINE_POLICIES.c.unique_id == unique_id).limit(1)
    return connection.execute(statement).first() is not None


def insert_membership(connection: Connection, group_id: str, user_id: str) -> None:
    """Put a user into a group that it is not in."""
    connection.execute(MEMBERSHIPS.insert().values(group_id=group_id, user_id=user_id))


def delete_membership(connection: Connection, group_id: str, user_id: str) -> bool:
    """Take a user out of a group; False when it is not in it."""
    condition = (MEMBERSHIPS.c.group_id == group_id) & (MEMBERSHIPS.c.user_id == user_id)
    return connection.execute(delete(MEMBERSHIPS).where(condition)).rowcount == 1


def list_members(connection: Connection, group_id: str, after: str, limit: int) -> Sequence[Row[Any]]:
    """Return up to `limit` users of a group, in the order of their names, beginning behind `after`."""
    statement = select(IDENTITIES).join(MEMBERSHIPS, MEMBERSHIPS.c.user_id == IDENTITIES.c.unique_id)
    condition = (MEMBERSHIPS.c.group_id == group_id) & (IDENTITIES.c.name > after)
    return connection.execute(statement.where(condition).order_by(IDENTITIES.c.name).limit(limit)).all()


def select_account_by_alias(connection: Connection, alias: str) -> Row[Any] | None:
    """Return the account that has an alias, or None."""
    return connection.execute(select(ACCOUNTS).where(ACCOUNTS.c.alias == alias)).one_or_none()


def update_alias(connection: Connection, account_id: str, alias: str | None) -> None:
    """Give an account an alias, or none."""
    connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.account_id == account_id).values(alias=alias))


def update_password_policy(connection: Connection, account_id: str, policy: Mapping[str, Any] | None) -> None:
    """Give an account a password policy, or none."""
    connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.account_id == account_id).values(password_policy=policy))


def update_access_key(connection: Connection, access_key_id: str, status: str) -> None:
    """Change whether an access key may be used."""
    statement = update(ACCESS_KEYS).where(ACCESS_KEYS.c.access_key_id == access_key_id)
    connection.execute(statement.values(status=status))


def delete_access_key(connection: Connection, access_key_id: str) -> None:
    """Remove an access key for good."""
    connection.execute(delete(ACCESS_KEYS).where(ACCESS_KEYS.c.access_key_id == access_key_id))


def insert_instance_profile(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert an instance profile."""
    connection.execute(INSTANCE_PROFILES.insert().values(values))


def select_instance_profile(connection: Connection, profile_id: str) -> Row[Any] | None:
    """Return an instance profile by its unique id, or None."""
    statement = select(INSTANCE_PROFILES).where(INSTANCE_PROFILES.c.profile_id == profile_id)
    return connection.execute(statement).one_or_none()


def select_instance_profile_named(connection: Connection, account_id: str, name: str) -> Row[Any] | None:
    """Return an instance profile by its name, in any case, or None."""
    profiles = INSTANCE_PROFILES.c
    condition = (profiles.account_id == account_id) & (profiles.folded_name == name.lower())
    return connection.execute(select(INSTANCE_PROFILES).where(condition)).one_or_none()


def update_instance_profile(connection: Connection, profile_id: str, values: Mapping[str, Any]) -> None:
    """Change columns of an instance profile."""
    connection.execute(update(INSTANCE_PROFILES).where(INSTANCE_PROFILES.c.profile_id == profile_id).values(values))


def delete_instance_profile(connection: Connection, profile_id: str) -> None:
    """Remove an instance profile."""
    connection.execute(delete(INSTANCE_PROFILES).where(INSTANCE_PROFILES.c.profile_id == profile_id))


def count_instance_profiles(connection: Connection, account_id: str) -> int:
    """Return how many instance profiles an account has."""
    statement = select(func.count()).select_from(INSTANCE_PROFILES)
    return connection.execute(statement.where(INSTANCE_PROFILES.c.account_id == account_id)).scalar_one()


def list_instance_profiles(
    connection: Connection, account_id: str, path_prefix: str, after: str, limit: int, role_id: str | None = None
) -> Sequence[Row[Any]]:
    """Return up to `limit` instance profiles in the order of their names, behind `after`: all, or those of a role."""
    profiles = INSTANCE_PROFILES.c
    condition = (profiles.account_id == account_id) & (profiles.name > after)
    condition &= func.substr(profiles.path, 1, len(path_prefix)) == path_prefix
    if role_id is not None:
        condition &= profiles.role_id == role_id
    return connection.execute(select(INSTANCE_PROFILES).where(condition).order_by(profiles.name).limit(limit)).all()


def insert_mfa_device(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert a virtual MFA device; its seed is already sealed for its place."""
    connection.execute(MFA_DEVICES.insert().values(values))


def update_mfa_device(connection: Connection, serial_number: str, values: Mapping[str, Any]) -> None:
    """Change columns of a virtual MFA device."""
    connection.execute(update(MFA_DEVICES).where(MFA_DEVICES.c.serial_number == serial_number).values(values))


def delete_mfa_device(connection: Connection, serial_number: str) -> None:
    """Remove a virtual MFA device."""
    connection.execute(delete(MFA_DEVICES).where(MFA_DEVICES.c.serial_number == serial_number))


def mfa_devices_of(connection: Connection, principal_id: str) -> Sequence[Row[Any]]:
    """Return the MFA devices that are enabled for a user or root, in the order of their serial numbers."""
    statement = select(MFA_DEVICES).where(MFA_DEVICES.c.principal_id == principal_id)
    return connection.execute(statement.order_by(MFA_DEVICES.c.serial_number)).all()


def list_mfa_devices(
    connection: Connection, account_id: str, assigned: bool | None, after: str, limit: int
) -> Sequence[Row[Any]]:
    """Return up to `limit` virtual MFA devices of an account behind `after`: assigned, unassigned, or all of them."""
    devices = MFA_DEVICES.c
    condition = (devices.account_id == account_id) & (devices.serial_number > after)
    if assigned is not None:
        condition &= devices.principal_id.is_not(None) if assigned else devices.principal_id.is_(None)
    return connection.execute(select(MFA_DEVICES).where(condition).order_by(devices.serial_number).limit(limit)).all()


def count_mfa_devices(connection: Connection, account_id: str, *, enabled_only: bool = False) -> int:
    """Return how many virtual MFA devices an account has, or how many of them are enabled."""
    condition = MFA_DEVICES.c.account_id == account_id
    if enabled_only:
        condition &= MFA_DEVICES.c.principal_id.is_not(None)
    return connection.execute(select(func.count()).select_from(MFA_DEVICES).where(condition)).scalar_one()


def count_policy_versions(connection: Connection, account_id: str) -> int:
    """Return how many versions the customer managed policies of an account have, all together."""
    statement = (
        select(func.count())
        .select_from(POLICY_VERSIONS)
        .join(MANAGED_POLICIES, MANAGED_POLICIES.c.policy_id == POLICY_VERSIONS.c.policy_id)
    )
    return connection.execute(statement.where(MANAGED_POLICIES.c.account_id == account_id)).scalar_one()


def count_oidc_providers(connection: Connection, account_id: str) -> int:
    """Return how many OpenID Connect providers an account has."""
    statement = select(func.count()).select_from(OIDC_PROVIDERS)
    return connection.execute(statement.where(OIDC_PROVIDERS.c.account_id == account_id)).scalar_one()
