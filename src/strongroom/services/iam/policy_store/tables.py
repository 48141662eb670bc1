"""The statements that write policies, attachments and identity providers, and those that list them.

The tables themselves are in `identities.tables`, where the guard reads them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.engine import Row

from strongroom.identities.tables import (
    ACCESS_KEYS,
    ATTACHMENTS,
    IDENTITIES,
    INLINE_POLICIES,
    MANAGED_POLICIES,
    MFA_DEVICES,
    OIDC_PROVIDERS,
    POLICY_VERSIONS,
)
from strongroom.storage.connection import Connection


def _below(path: ColumnElement[str], prefix: str) -> ColumnElement[bool]:
    """Whether a path begins with a prefix. LIKE would not tell cases apart on SQLite."""
    return func.substr(path, 1, len(prefix)) == prefix


# Managed policies and their versions.


def select_policy(connection: Connection, arn: str) -> Row[Any] | None:
    """Return a customer managed policy's row, or None."""
    return connection.execute(select(MANAGED_POLICIES).where(MANAGED_POLICIES.c.arn == arn)).one_or_none()


def policy_name_is_taken(connection: Connection, account_id: str, name: str) -> bool:
    """Return whether an account has a policy of this name, in whatever case."""
    of_name = (MANAGED_POLICIES.c.account_id == account_id) & (MANAGED_POLICIES.c.folded_name == name.lower())
    return connection.execute(select(MANAGED_POLICIES.c.policy_id).where(of_name)).first() is not None


def count_policies(connection: Connection, account_id: str) -> int:
    """Return how many customer managed policies an account has."""
    statement = select(func.count()).where(MANAGED_POLICIES.c.account_id == account_id)
    return connection.execute(statement).scalar_one()


def insert_policy(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert a policy; its first version is inserted by itself."""
    connection.execute(MANAGED_POLICIES.insert().values(dict(values)))


def update_policy(connection: Connection, policy_id: str, values: Mapping[str, Any]) -> None:
    """Change columns of a policy."""
    connection.execute(update(MANAGED_POLICIES).where(MANAGED_POLICIES.c.policy_id == policy_id).values(dict(values)))


def delete_policy(connection: Connection, policy_id: str) -> None:
    """Delete a policy and its versions."""
    connection.execute(delete(MANAGED_POLICIES).where(MANAGED_POLICIES.c.policy_id == policy_id))


def list_policies(
    connection: Connection, account_id: str, after: str, path_prefix: str, limit: int | None = None
) -> Sequence[Row[Any]]:
    """Return policies of an account in the order of their folded names, those behind the folded name `after`."""
    table = MANAGED_POLICIES
    wanted = (table.c.account_id == account_id) & (table.c.folded_name > after) & _below(table.c.path, path_prefix)
    return connection.execute(select(table).where(wanted).order_by(table.c.folded_name).limit(limit)).all()


def select_version(connection: Connection, policy_id: str, version: int) -> Row[Any] | None:
    """Return a version of a policy, or None."""
    of_version = (POLICY_VERSIONS.c.policy_id == policy_id) & (POLICY_VERSIONS.c.version == version)
    return connection.execute(select(POLICY_VERSIONS).where(of_version)).one_or_none()


def select_versions(connection: Connection, policy_id: str) -> Sequence[Row[Any]]:
    """Return the versions of a policy, the newest first."""
    statement = select(POLICY_VERSIONS).where(POLICY_VERSIONS.c.policy_id == policy_id)
    return connection.execute(statement.order_by(POLICY_VERSIONS.c.version.desc())).all()


def insert_version(connection: Connection, policy_id: str, version: int, document: str, now: float) -> None:
    """Insert a version of a policy."""
    values = {"policy_id": policy_id, "version": version, "document": document, "created_at": now}
    connection.execute(POLICY_VERSIONS.insert().values(values))


def delete_version(connection: Connection, policy_id: str, version: int) -> None:
    """Delete a version of a policy."""
    of_version = (POLICY_VERSIONS.c.policy_id == policy_id) & (POLICY_VERSIONS.c.version == version)
    connection.execute(delete(POLICY_VERSIONS).where(of_version))


# What policies are attached to.


def attachment_counts(connection: Connection, account_id: str) -> dict[str, int]:
    """Return how many users, groups and roles of an account each managed policy is attached to, by its ARN."""
    statement = (
        select(ATTACHMENTS.c.policy_arn, func.count().label("uses"))
        .join(IDENTITIES, IDENTITIES.c.unique_id == ATTACHMENTS.c.unique_id)
        .where(IDENTITIES.c.account_id == account_id)
        .group_by(ATTACHMENTS.c.policy_arn)
    )
    return {row.policy_arn: row.uses for row in connection.execute(statement)}


def boundary_counts(connection: Connection, account_id: str) -> dict[str, int]:
    """Return how many users and roles of an account each managed policy is the boundary of, by its ARN."""
    statement = (
        select(IDENTITIES.c.boundary_arn, func.count().label("uses"))
        .where((IDENTITIES.c.account_id == account_id) & IDENTITIES.c.boundary_arn.is_not(None))
        .group_by(IDENTITIES.c.boundary_arn)
    )
    return {row.boundary_arn: row.uses for row in connection.execute(statement)}


def usage_of(connection: Connection, account_id: str, arn: str) -> tuple[int, int]:
    """Return how many identities of an account a policy is attached to, and of how many it is the boundary."""
    attached = (
        select(func.count())
        .select_from(ATTACHMENTS)
        .join(IDENTITIES, IDENTITIES.c.unique_id == ATTACHMENTS.c.unique_id)
        .where((IDENTITIES.c.account_id == account_id) & (ATTACHMENTS.c.policy_arn == arn))
    )
    as_boundary = select(func.count()).where(
        (IDENTITIES.c.account_id == account_id) & (IDENTITIES.c.boundary_arn == arn)
    )
    return connection.execute(attached).scalar_one(), connection.execute(as_boundary).scalar_one()


def insert_attachment(connection: Connection, unique_id: str, policy_arn: str) -> None:
    """Attach a managed policy to an identity that does not have it."""
    connection.execute(ATTACHMENTS.insert().values(unique_id=unique_id, policy_arn=policy_arn))


def delete_attachment(connection: Connection, unique_id: str, policy_arn: str) -> bool:
    """Detach a managed policy from an identity; False when it was not attached."""
    of_both = (ATTACHMENTS.c.unique_id == unique_id) & (ATTACHMENTS.c.policy_arn == policy_arn)
    return connection.execute(delete(ATTACHMENTS).where(of_both)).rowcount == 1


def set_boundary(connection: Connection, unique_id: str, boundary_arn: str | None) -> None:
    """Give a user or role a permissions boundary, or take it away."""
    connection.execute(update(IDENTITIES).where(IDENTITIES.c.unique_id == unique_id).values(boundary_arn=boundary_arn))


def list_entities_with(
    connection: Connection,
    account_id: str,
    policy_arn: str,
    *,
    kinds: Sequence[str],
    path_prefix: str,
    attached: bool,
    as_boundary: bool,
    after: tuple[str, str],
    limit: int,
) -> Sequence[Row[Any]]:
    """Return the rows of the identities that use a policy, in the order of kinds and names.

    `attached` and `as_boundary` say which uses count; `after` is kind and name of the last one seen.
    """
    table = IDENTITIES
    uses: list[ColumnElement[bool]] = []
    if attached:
        holders = select(ATTACHMENTS.c.unique_id).where(ATTACHMENTS.c.policy_arn == policy_arn)
        uses.append(table.c.unique_id.in_(holders))
    if as_boundary:
        uses.append(table.c.boundary_arn == policy_arn)
    kind, name = after
    wanted = (
        (table.c.account_id == account_id)
        & table.c.kind.in_(kinds)
        & _below(table.c.path, path_prefix)
        & or_(*uses)
        & ((table.c.kind > kind) | ((table.c.kind == kind) & (table.c.name > name)))
    )
    return connection.execute(select(table).where(wanted).order_by(table.c.kind, table.c.name).limit(limit)).all()


# Inline policies.


def select_inline_policy(connection: Connection, unique_id: str, name: str) -> Row[Any] | None:
    """Return name and document of an identity's inline policy, or None."""
    of_name = (INLINE_POLICIES.c.unique_id == unique_id) & (INLINE_POLICIES.c.name == name)
    return connection.execute(select(INLINE_POLICIES).where(of_name)).one_or_none()


def put_inline_policy(connection: Connection, unique_id: str, name: str, document: str) -> None:
    """Insert an inline policy, in place of the one of that name."""
    delete_inline_policy(connection, unique_id, name)
    connection.execute(INLINE_POLICIES.insert().values(unique_id=unique_id, name=name, document=document))


def delete_inline_policy(connection: Connection, unique_id: str, name: str) -> bool:
    """Delete an inline policy; False when there was none of that name."""
    of_name = (INLINE_POLICIES.c.unique_id == unique_id) & (INLINE_POLICIES.c.name == name)
    return connection.execute(delete(INLINE_POLICIES).where(of_name)).rowcount == 1


# The account as a whole.


def list_identities(
    connection: Connection, account_id: str, kinds: Sequence[str], after: tuple[str, str], limit: int
) -> Sequence[Row[Any]]:
    """Return the rows of users, groups and roles in the order of kinds and names.

    `after` is kind and name of the last one seen.
    """
    table = IDENTITIES
    kind, name = after
    wanted = (
        (table.c.account_id == account_id)
        & table.c.kind.in_(kinds)
        & ((table.c.kind > kind) | ((table.c.kind == kind) & (table.c.name > name)))
    )
    return connection.execute(select(table).where(wanted).order_by(table.c.kind, table.c.name).limit(limit)).all()


def credentials_of(connection: Connection, account_id: str) -> tuple[Sequence[Row[Any]], set[str]]:
    """Return an account's access keys, oldest first, and the unique ids of whoever has an MFA device in use."""
    keys = select(ACCESS_KEYS).where(ACCESS_KEYS.c.account_id == account_id)
    ordered = keys.order_by(ACCESS_KEYS.c.created_at, ACCESS_KEYS.c.access_key_id)
    in_use = (MFA_DEVICES.c.account_id == account_id) & MFA_DEVICES.c.enabled_at.is_not(None)
    holders = select(MFA_DEVICES.c.principal_id).where(in_use)
    return connection.execute(ordered).all(), {row.principal_id for row in connection.execute(holders)}


# Identity providers.


def list_oidc_providers(connection: Connection, account_id: str) -> Sequence[Row[Any]]:
    """Return an account's OpenID Connect providers, in the order of their ARNs."""
    statement = select(OIDC_PROVIDERS).where(OIDC_PROVIDERS.c.account_id == account_id)
    return connection.execute(statement.order_by(OIDC_PROVIDERS.c.arn)).all()


def insert_oidc_provider(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert an OpenID Connect provider."""
    connection.execute(OIDC_PROVIDERS.insert().values(dict(values)))


def update_oidc_provider(connection: Connection, arn: str, values: Mapping[str, Any]) -> None:
    """Change columns of an OpenID Connect provider."""
    connection.execute(update(OIDC_PROVIDERS).where(OIDC_PROVIDERS.c.arn == arn).values(dict(values)))


def delete_oidc_provider(connection: Connection, arn: str) -> None:
    """Delete an OpenID Connect provider."""
    connection.execute(delete(OIDC_PROVIDERS).where(OIDC_PROVIDERS.c.arn == arn))
