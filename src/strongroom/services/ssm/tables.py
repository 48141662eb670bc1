"""Parameter Store's tables, and every statement that touches them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    String,
    Table,
    Text,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.engine import Row

from strongroom.operations.quotas.quota import ResourceUse
from strongroom.storage.column_types import JsonText, OrderedText, Timestamp
from strongroom.storage.connection import Connection
from strongroom.storage.schema import metadata
from strongroom.storage.sealed_column import Sealed

VALUE_PLACE = "ssm_parameter_versions/{parameter_id}/{version}"

PARAMETERS = Table(
    "ssm_parameters",
    metadata,
    Column("parameter_id", String(32), primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("name", OrderedText, nullable=False),
    Column("parent", OrderedText, nullable=False),
    Column("type", String(16), nullable=False),
    Column("tier", String(16), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("tags", JsonText, nullable=False),
    Column("expires_at", Timestamp),
    Column("next_policy_at", Timestamp),
    Column("resource_policy_id", String(36)),
    Column("resource_policy", JsonText),
    Index("uq_ssm_parameters_name", "account_id", "region", "name", unique=True),
    Index("ix_ssm_parameters_parent", "account_id", "region", "parent", "name"),
    Index("ix_ssm_parameters_tier", "account_id", "region", "tier"),
    Index("ix_ssm_parameters_next_policy_at", "next_policy_at"),
    Index("ix_ssm_parameters_resource_policy_id", "region", "resource_policy_id"),
)
"""`version` is the current one. A parameter that is deleted and made again is another one, with another id."""

VERSIONS = Table(
    "ssm_parameter_versions",
    metadata,
    Column("parameter_id", String(32), primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("modified_at", Timestamp, nullable=False),
    Column("details", JsonText, nullable=False),
    Column("sealed", Sealed(VALUE_PLACE), nullable=False),
    ForeignKeyConstraint(["parameter_id"], ["ssm_parameters.parameter_id"], ondelete="CASCADE"),
)
"""`details` are what a version is beside its value, see `parameters.Version`. `sealed` is the value, or what KMS
made of it, sealed once more."""

LABELS = Table(
    "ssm_parameter_labels",
    metadata,
    Column("parameter_id", String(32), primary_key=True),
    Column("label", OrderedText, primary_key=True),
    Column("version", BigInteger, nullable=False),
    ForeignKeyConstraint(["parameter_id"], ["ssm_parameters.parameter_id"], ondelete="CASCADE"),
)
"""A label is on one version of a parameter at a time."""

SETTINGS = Table(
    "ssm_service_settings",
    metadata,
    Column("account_id", String(12), primary_key=True),
    Column("region", String(64), primary_key=True),
    Column("setting_id", String(128), primary_key=True),
    Column("value", Text, nullable=False),
    Column("modified_at", Timestamp, nullable=False),
    Column("modified_by", JsonText, nullable=False),
)

_WITH_CURRENT = PARAMETERS.join(
    VERSIONS,
    (VERSIONS.c.parameter_id == PARAMETERS.c.parameter_id) & (VERSIONS.c.version == PARAMETERS.c.version),
)
_DESCRIBED = select(PARAMETERS, VERSIONS.c.modified_at, VERSIONS.c.details).select_from(_WITH_CURRENT)
_CURRENT = _DESCRIBED.add_columns(VERSIONS.c.sealed)


def _in(account_id: str, region: str) -> Any:
    return (PARAMETERS.c.account_id == account_id) & (PARAMETERS.c.region == region)


def _alive(now: float) -> Any:
    return PARAMETERS.c.expires_at.is_(None) | (PARAMETERS.c.expires_at > now)


def select_parameter(connection: Connection, account_id: str, region: str, name: str) -> Row[Any] | None:
    """Return a parameter's row with its current version, or None; one whose time is over is returned too."""
    statement = _CURRENT.where(_in(account_id, region) & (PARAMETERS.c.name == name))
    return connection.execute(statement).one_or_none()


def insert_parameter(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert a parameter without its versions."""
    connection.execute(PARAMETERS.insert().values(values))


def update_parameter(connection: Connection, parameter_id: str, values: Mapping[str, Any]) -> None:
    """Change columns of a parameter."""
    connection.execute(update(PARAMETERS).where(PARAMETERS.c.parameter_id == parameter_id).values(values))


def delete_parameter(connection: Connection, parameter_id: str) -> None:
    """Remove a parameter with its versions and labels."""
    connection.execute(delete(PARAMETERS).where(PARAMETERS.c.parameter_id == parameter_id))


def count_parameters(connection: Connection, account_id: str, region: str, tier: str) -> int:
    """Return how many parameters of a tier an account has in a Region."""
    statement = (
        select(func.count()).select_from(PARAMETERS).where(_in(account_id, region) & (PARAMETERS.c.tier == tier))
    )
    return connection.execute(statement).scalar_one()


def parameters_of_accounts(connection: Connection, tier: str) -> list[ResourceUse]:
    """Return how many parameters of a tier each account has in each Region where it has any."""
    statement = select(PARAMETERS.c.account_id, PARAMETERS.c.region, func.count()).where(PARAMETERS.c.tier == tier)
    rows = connection.execute(statement.group_by(PARAMETERS.c.account_id, PARAMETERS.c.region))
    return [ResourceUse(*row) for row in rows]


def list_parameters(
    connection: Connection, account_id: str, region: str, after: str, limit: int, now: float
) -> Sequence[Row[Any]]:
    """Return up to `limit` parameters without their values, in the order of their names, beginning behind `after`."""
    wanted = _in(account_id, region) & (PARAMETERS.c.name > after) & _alive(now)
    return connection.execute(_DESCRIBED.where(wanted).order_by(PARAMETERS.c.name).limit(limit)).all()


def list_by_path(
    connection: Connection,
    account_id: str,
    region: str,
    path: str,
    recursive: bool,
    after: str,
    limit: int,
    now: float,
) -> Sequence[Row[Any]]:
    """Return up to `limit` parameters below a path (`/` or `/a/b`) with their values, like `list_parameters`."""
    wanted = _in(account_id, region) & (PARAMETERS.c.name > after) & _alive(now)
    if not recursive:
        wanted &= PARAMETERS.c.parent == path
    elif path != "/":
        # "0" is the character behind "/": what lies between is what begins with the path and a slash.
        wanted &= (PARAMETERS.c.name > f"{path}/") & (PARAMETERS.c.name < f"{path}0")
    return connection.execute(_CURRENT.where(wanted).order_by(PARAMETERS.c.name).limit(limit)).all()


def list_shared(
    connection: Connection, account_id: str, region: str, after: str, limit: int, now: float
) -> Sequence[Row[Any]]:
    """Return up to `limit` parameters of other accounts that have a resource policy, in the order of their ids."""
    wanted = (PARAMETERS.c.region == region) & PARAMETERS.c.resource_policy_id.is_not(None)
    wanted &= (PARAMETERS.c.account_id != account_id) & (PARAMETERS.c.parameter_id > after) & _alive(now)
    return connection.execute(_DESCRIBED.where(wanted).order_by(PARAMETERS.c.parameter_id).limit(limit)).all()


def due_for_policy(connection: Connection, now: float, limit: int) -> Sequence[Row[Any]]:
    """Return up to `limit` parameters for which a parameter policy has something to do, the longest due first."""
    statement = _CURRENT.where(PARAMETERS.c.next_policy_at <= now)
    return connection.execute(statement.order_by(PARAMETERS.c.next_policy_at).limit(limit)).all()


def insert_version(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert a version of a parameter; its `sealed` value is sealed for its place."""
    connection.execute(VERSIONS.insert().values(values))


def update_details(connection: Connection, parameter_id: str, version: int, details: Mapping[str, Any]) -> None:
    """Change what a version is beside its value."""
    this = (VERSIONS.c.parameter_id == parameter_id) & (VERSIONS.c.version == version)
    connection.execute(update(VERSIONS).where(this).values(details=details))


def select_version(connection: Connection, parameter_id: str, version: int) -> Row[Any] | None:
    """Return one version of a parameter, or None."""
    this = (VERSIONS.c.parameter_id == parameter_id) & (VERSIONS.c.version == version)
    return connection.execute(select(VERSIONS).where(this)).one_or_none()


def select_labelled(connection: Connection, parameter_id: str, label: str) -> Row[Any] | None:
    """Return the version of a parameter that has a label, or None."""
    joined = VERSIONS.join(
        LABELS, (LABELS.c.parameter_id == VERSIONS.c.parameter_id) & (LABELS.c.version == VERSIONS.c.version)
    )
    wanted = (LABELS.c.parameter_id == parameter_id) & (LABELS.c.label == label)
    return connection.execute(select(VERSIONS).select_from(joined).where(wanted)).one_or_none()


def list_versions(connection: Connection, parameter_id: str, after: int, limit: int) -> Sequence[Row[Any]]:
    """Return up to `limit` versions of a parameter, oldest first, beginning behind the version `after`."""
    wanted = (VERSIONS.c.parameter_id == parameter_id) & (VERSIONS.c.version > after)
    return connection.execute(select(VERSIONS).where(wanted).order_by(VERSIONS.c.version).limit(limit)).all()


def oldest_version(connection: Connection, parameter_id: str) -> tuple[int, int]:
    """Return how many versions of a parameter are kept, and the number of the oldest."""
    statement = select(func.count(), func.min(VERSIONS.c.version)).where(VERSIONS.c.parameter_id == parameter_id)
    count, oldest = connection.execute(statement).one()
    return count, oldest


def delete_version(connection: Connection, parameter_id: str, version: int) -> None:
    """Remove one version of a parameter."""
    this = (VERSIONS.c.parameter_id == parameter_id) & (VERSIONS.c.version == version)
    connection.execute(delete(VERSIONS).where(this))


def select_labels(connection: Connection, parameter_id: str) -> dict[str, int]:
    """Return the labels of a parameter in their order, each with the version that has it."""
    statement = select(LABELS.c.label, LABELS.c.version).where(LABELS.c.parameter_id == parameter_id)
    return {row.label: row.version for row in connection.execute(statement.order_by(LABELS.c.label))}


def put_label(connection: Connection, parameter_id: str, label: str, version: int) -> None:
    """Put a label on a version, and take it from the one that has it."""
    delete_labels(connection, parameter_id, (label,))
    connection.execute(LABELS.insert().values(parameter_id=parameter_id, label=label, version=version))


def delete_labels(connection: Connection, parameter_id: str, labels: Sequence[str]) -> None:
    """Take labels from whichever version has them."""
    these = (LABELS.c.parameter_id == parameter_id) & LABELS.c.label.in_(labels)
    connection.execute(delete(LABELS).where(these))


def select_settings(connection: Connection, account_id: str, region: str) -> Sequence[Row[Any]]:
    """Return the service settings that an account has changed in a Region."""
    these = (SETTINGS.c.account_id == account_id) & (SETTINGS.c.region == region)
    return connection.execute(select(SETTINGS).where(these)).all()


def replace_setting(
    connection: Connection, account_id: str, region: str, setting_id: str, values: Mapping[str, Any] | None
) -> None:
    """Put `values` in place of what a setting was; None: it has its default again."""
    this = (SETTINGS.c.account_id == account_id) & (SETTINGS.c.region == region)
    connection.execute(delete(SETTINGS).where(this & (SETTINGS.c.setting_id == setting_id)))
    if values is not None:
        row = {"account_id": account_id, "region": region, "setting_id": setting_id, **values}
        connection.execute(SETTINGS.insert().values(row))
