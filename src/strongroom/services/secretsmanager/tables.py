"""Secrets Manager's tables, and every statement that touches them.

What a secret is and how it is found is in clear; its values are ciphertext, each under a data key of its own that only
KMS decrypts.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    String,
    Table,
    Text,
    and_,
    delete,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.engine import Row

from strongroom.operations.quotas.quota import ResourceUse
from strongroom.storage.column_types import Bytes, JsonText, OrderedText, Timestamp
from strongroom.storage.connection import Connection
from strongroom.storage.replace import replace_row
from strongroom.storage.schema import metadata

SECRETS = Table(
    "secrets",
    metadata,
    Column("arn", OrderedText, primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("name", OrderedText, nullable=False),
    Column("description", Text),
    Column("kms_key_id", Text),
    Column("created_at", Timestamp, nullable=False),
    Column("changed_at", Timestamp, nullable=False),
    Column("accessed_at", Timestamp),
    Column("deletion_at", Timestamp),
    Column("tags", JsonText),
    Column("policy", Text),
    Column("primary_region", String(64)),
    Column("rotation_enabled", Boolean),
    Column("rotation_function_arn", Text),
    Column("rotation_rules", JsonText),
    Column("rotated_at", Timestamp),
    Column("rotation_begins_at", Timestamp),
    Column("rotation_ends_at", Timestamp),
    Column("owning_service", String(128)),
    Index("ix_secrets_name", "account_id", "region", "name", unique=True),
    Index("ix_secrets_created_at", "account_id", "region", "created_at", "arn"),
    Index("ix_secrets_deletion_at", "deletion_at"),
    Index("ix_secrets_rotation_begins_at", "rotation_begins_at"),
)
"""`kms_key_id` is NULL for the AWS managed key, `tags` until there were any. `primary_region` is that of a secret with
replicas, and of each of them. `rotation_enabled` is NULL until rotation is configured for the first time,
`owning_service` for what a user made."""

VERSIONS = Table(
    "secret_versions",
    metadata,
    Column("arn", OrderedText, primary_key=True),
    Column("version_id", OrderedText, primary_key=True),
    Column("created_at", Timestamp, nullable=False),
    Column("accessed_at", Timestamp),
    Column("kind", String(16), nullable=False),
    Column("ciphertext", Bytes, nullable=False),
    Column("data_key", Bytes, nullable=False),
    Column("key_arn", Text, nullable=False),
    Column("is_default_key", Boolean, nullable=False),
    ForeignKeyConstraint(["arn"], ["secrets.arn"], ondelete="CASCADE"),
    Index("ix_secret_versions_created_at", "arn", "created_at", "version_id"),
)
"""`data_key` is the encrypted data key, as the KMS key `key_arn` made it. A version that a rotation has only begun with
has no value: its `kind` is `empty`, and so is all that belongs to a value."""

STAGES = Table(
    "secret_stages",
    metadata,
    Column("arn", OrderedText, primary_key=True),
    Column("label", OrderedText, primary_key=True),
    Column("version_id", OrderedText, nullable=False),
    ForeignKeyConstraint(
        ["arn", "version_id"], ["secret_versions.arn", "secret_versions.version_id"], ondelete="CASCADE"
    ),
    Index("ix_secret_stages_version", "arn", "version_id"),
)
"""A staging label is attached to one version of a secret at a time: the key says so."""

REPLICAS = Table(
    "secret_replicas",
    metadata,
    Column("arn", OrderedText, primary_key=True),
    Column("region", String(64), primary_key=True),
    Column("kms_key_id", Text),
    Column("status", String(16), nullable=False),
    Column("message", Text),
    ForeignKeyConstraint(["arn"], ["secrets.arn"], ondelete="CASCADE"),
)
"""The Regions that a secret is replicated to, with the key that was wanted there."""

SORTED_BY: Mapping[str, Any] = {
    "created-date": SECRETS.c.created_at,
    "last-accessed-date": func.coalesce(SECRETS.c.accessed_at, literal_column("0.0")),
    "last-changed-date": SECRETS.c.changed_at,
    "name": SECRETS.c.name,
}


def insert_secret(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert one secret."""
    connection.execute(SECRETS.insert().values(values))


def select_secret(connection: Connection, arn: str) -> Row[Any] | None:
    """Return a secret by its full ARN, or None."""
    return connection.execute(select(SECRETS).where(SECRETS.c.arn == arn)).one_or_none()


def select_named(connection: Connection, account_id: str, region: str, name: str) -> Row[Any] | None:
    """Return a secret by its name, or None."""
    wanted = and_(SECRETS.c.account_id == account_id, SECRETS.c.region == region, SECRETS.c.name == name)
    return connection.execute(select(SECRETS).where(wanted)).one_or_none()


def update_secret(connection: Connection, arn: str, values: Mapping[str, Any]) -> None:
    """Change columns of a secret."""
    connection.execute(update(SECRETS).where(SECRETS.c.arn == arn).values(values))


def delete_secret(connection: Connection, arn: str) -> None:
    """Remove a secret, its versions and labels for good."""
    connection.execute(delete(SECRETS).where(SECRETS.c.arn == arn))


def count_secrets(connection: Connection, account_id: str, region: str) -> int:
    """Return how many secrets an account has in a Region, those that wait for their deletion among them."""
    wanted = and_(SECRETS.c.account_id == account_id, SECRETS.c.region == region)
    return connection.execute(select(func.count()).where(wanted)).scalar_one()


def secrets_of_accounts(connection: Connection) -> list[ResourceUse]:
    """Return how many secrets each account has in each Region where it has any."""
    statement = select(SECRETS.c.account_id, SECRETS.c.region, func.count())
    rows = connection.execute(statement.group_by(SECRETS.c.account_id, SECRETS.c.region))
    return [ResourceUse(*row) for row in rows]


def most_versions_of_a_secret(connection: Connection) -> list[ResourceUse]:
    """Return how many versions that secret has which has most, of each account in each Region."""
    each = select(VERSIONS.c.arn, func.count().label("number")).group_by(VERSIONS.c.arn).subquery()
    statement = select(SECRETS.c.account_id, SECRETS.c.region, func.max(each.c.number))
    statement = statement.join(each, each.c.arn == SECRETS.c.arn)
    rows = connection.execute(statement.group_by(SECRETS.c.account_id, SECRETS.c.region))
    return [ResourceUse(*row) for row in rows]


def list_secrets(
    connection: Connection,
    account_id: str,
    region: str,
    *,
    sort_by: str,
    descending: bool,
    after: tuple[Any, str] | None,
    limit: int,
    with_deleted: bool,
) -> Sequence[Row[Any]]:
    """Return up to `limit` secrets in the order of a column, behind a position in it; `sorted_by` is the column."""
    column = SORTED_BY[sort_by]
    wanted = and_(SECRETS.c.account_id == account_id, SECRETS.c.region == region)
    if not with_deleted:
        wanted &= SECRETS.c.deletion_at.is_(None)
    if after is not None:
        value, arn = after
        beyond = column < value if descending else column > value
        beyond_arn = SECRETS.c.arn < arn if descending else SECRETS.c.arn > arn
        wanted &= or_(beyond, and_(column == value, beyond_arn))
    order = (column.desc(), SECRETS.c.arn.desc()) if descending else (column, SECRETS.c.arn)
    statement = select(SECRETS, column.label("sorted_by")).where(wanted).order_by(*order).limit(limit)
    return connection.execute(statement).all()


def secrets_due_for_deletion(connection: Connection, now: float, limit: int) -> Sequence[Row[Any]]:
    """Return secrets whose recovery window has ended, the first ones first."""
    statement = select(SECRETS).where(SECRETS.c.deletion_at <= now).order_by(SECRETS.c.deletion_at).limit(limit)
    return connection.execute(statement).all()


def insert_version(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert one version of a secret."""
    connection.execute(VERSIONS.insert().values(values))


def update_version(connection: Connection, arn: str, version_id: str, values: Mapping[str, Any]) -> None:
    """Change columns of a version."""
    connection.execute(update(VERSIONS).where(_this_version(arn, version_id)).values(values))


def _this_version(arn: str, version_id: str) -> Any:
    return (VERSIONS.c.arn == arn) & (VERSIONS.c.version_id == version_id)


def select_version(connection: Connection, arn: str, version_id: str) -> Row[Any] | None:
    """Return a version, or None."""
    return connection.execute(select(VERSIONS).where(_this_version(arn, version_id))).one_or_none()


def labelled_versions(connection: Connection, arn: str) -> Sequence[Row[Any]]:
    """Return the versions of a secret that have staging labels, values and all."""
    labelled = select(STAGES.c.version_id).where(STAGES.c.arn == arn)
    return connection.execute(select(VERSIONS).where(VERSIONS.c.arn == arn, VERSIONS.c.version_id.in_(labelled))).all()


def list_versions(
    connection: Connection,
    arn: str,
    *,
    with_deprecated: bool = True,
    after: tuple[float, str] | None = None,
    limit: int | None = None,
) -> Sequence[Row[Any]]:
    """Return versions of a secret without their values, the oldest first, behind a position (time and id)."""
    columns = (VERSIONS.c.version_id, VERSIONS.c.kind, VERSIONS.c.created_at, VERSIONS.c.accessed_at)
    statement: Any = select(*columns, VERSIONS.c.key_arn, VERSIONS.c.is_default_key).where(VERSIONS.c.arn == arn)
    if not with_deprecated:
        labelled = select(STAGES.c.version_id).where(STAGES.c.arn == arn)
        statement = statement.where(VERSIONS.c.version_id.in_(labelled))
    if after is not None:
        at, version_id = after
        later = and_(VERSIONS.c.created_at == at, VERSIONS.c.version_id > version_id)
        statement = statement.where(or_(VERSIONS.c.created_at > at, later))
    ordered = statement.order_by(VERSIONS.c.created_at, VERSIONS.c.version_id).limit(limit)
    found: Sequence[Row[Any]] = connection.execute(ordered).all()
    return found


def delete_versions(connection: Connection, arn: str, version_ids: Collection[str]) -> None:
    """Remove versions of a secret, and their labels, for good."""
    connection.execute(delete(VERSIONS).where(VERSIONS.c.arn == arn, VERSIONS.c.version_id.in_(version_ids)))


def stages_of(connection: Connection, arn: str) -> dict[str, str]:
    """Return the version id that each staging label of a secret is attached to, in the order of the labels."""
    statement = select(STAGES.c.label, STAGES.c.version_id).where(STAGES.c.arn == arn).order_by(STAGES.c.label)
    return {row.label: row.version_id for row in connection.execute(statement)}


def stages_of_many(connection: Connection, arns: Collection[str]) -> Sequence[Row[Any]]:
    """Return the staging labels of several secrets, in the order of the labels."""
    return connection.execute(select(STAGES).where(STAGES.c.arn.in_(arns)).order_by(STAGES.c.label)).all()


def put_stage(connection: Connection, arn: str, label: str, version_id: str) -> None:
    """Attach a staging label to a version, and to no other any more."""
    replace_row(connection, STAGES, {"arn": arn, "label": label, "version_id": version_id})


def delete_stage(connection: Connection, arn: str, label: str) -> None:
    """Take a staging label off."""
    connection.execute(delete(STAGES).where(STAGES.c.arn == arn, STAGES.c.label == label))


def note_access(connection: Connection, arn: str, version_id: str, at: float) -> None:
    """Write when a version was read, unless a later time is written already."""
    for table, this in ((SECRETS, SECRETS.c.arn == arn), (VERSIONS, _this_version(arn, version_id))):
        newer = table.c.accessed_at.is_(None) | (table.c.accessed_at < at)
        connection.execute(update(table).where(this & newer).values(accessed_at=at))


def replicas_of(connection: Connection, arn: str) -> Sequence[Row[Any]]:
    """Return the Regions that a secret is replicated to, in order."""
    return connection.execute(select(REPLICAS).where(REPLICAS.c.arn == arn).order_by(REPLICAS.c.region)).all()


def put_replica(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert what is known of a secret's replica in a Region, or put it in place of what was."""
    replace_row(connection, REPLICAS, values)


def delete_replica(connection: Connection, arn: str, region: str) -> None:
    """Forget that a secret is replicated to a Region."""
    connection.execute(delete(REPLICAS).where(REPLICAS.c.arn == arn, REPLICAS.c.region == region))
