"""KMS's tables, and every statement that touches them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
    bindparam,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.engine import Row

from strongroom.operations.quotas.quota import ResourceUse
from strongroom.storage.column_types import JsonText, OrderedText, Timestamp
from strongroom.storage.connection import Connection
from strongroom.storage.replace import insert_into
from strongroom.storage.schema import metadata
from strongroom.storage.sealed_column import Sealed

MATERIAL_PLACE = "kms_key_materials/{region}/{key_id}/{key_material_id}"
FINGERPRINT_PLACE = "kms_key_materials/{region}/{key_id}/{key_material_id}/fingerprint"

KEYS = Table(
    "kms_keys",
    metadata,
    Column("region", String(64), primary_key=True),
    Column("key_id", OrderedText, primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("description", Text, nullable=False),
    Column("usage", String(32), nullable=False),
    Column("spec", String(32), nullable=False),
    Column("origin", String(32), nullable=False),
    Column("manager", String(16), nullable=False),
    Column("state", String(32), nullable=False),
    Column("deletion_at", Timestamp),
    Column("pending_window_days", Integer),
    Column("policy", Text, nullable=False),
    Column("tags", JsonText, nullable=False),
    Column("rotation_enabled", Boolean, nullable=False),
    Column("rotation_period_days", Integer),
    Column("next_rotation_at", Timestamp),
    Column("last_used_at", Timestamp),
    Column("last_used_operation", String(64)),
    Column("last_used_request_id", String(64)),
    Column("grant_count", Integer, nullable=False),
    Column("primary_region", String(64)),
    Column("custom_key_store_id", String(64)),
    Column("xks_key_id", Text),
    Index("ix_kms_keys_account", "account_id", "region", "key_id"),
    Index("ix_kms_keys_deletion_at", "deletion_at"),
    Index("ix_kms_keys_next_rotation_at", "next_rotation_at"),
    Index("ix_kms_keys_key_id", "key_id"),
    Index("ix_kms_keys_custom_key_store", "custom_key_store_id"),
)

MATERIALS = Table(
    "kms_key_materials",
    metadata,
    Column("region", String(64), primary_key=True),
    Column("key_id", OrderedText, primary_key=True),
    Column("key_material_id", String(64), primary_key=True),
    Column("position", Integer),
    Column("created_at", Timestamp, nullable=False),
    Column("rotation_type", String(16)),
    Column("sealed", Sealed(MATERIAL_PLACE)),
    Column("sealed_fingerprint", Sealed(FINGERPRINT_PLACE)),
    Column("description", Text),
    Column("expires_at", Timestamp),
    ForeignKeyConstraint(["region", "key_id"], ["kms_keys.region", "kms_keys.key_id"], ondelete="CASCADE"),
    Index("ix_kms_key_materials_expires_at", "expires_at"),
)
"""`position` counts the materials of a key, the highest one encrypts; one that waits for its rotation has none yet.
`sealed` is NULL once imported material was deleted or has expired; its fingerprint stays, to know it again by."""

ALIASES = Table(
    "kms_aliases",
    metadata,
    Column("account_id", String(12), primary_key=True),
    Column("region", String(64), primary_key=True),
    Column("name", OrderedText, primary_key=True),
    Column("target_key_id", OrderedText, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    ForeignKeyConstraint(["region", "target_key_id"], ["kms_keys.region", "kms_keys.key_id"], ondelete="CASCADE"),
    Index("ix_kms_aliases_target", "region", "target_key_id"),
)


def _this_key(region: str, key_id: str) -> Any:
    return (KEYS.c.region == region) & (KEYS.c.key_id == key_id)


def _this_material(region: str, key_id: str, key_material_id: str) -> Any:
    this_key = (MATERIALS.c.region == region) & (MATERIALS.c.key_id == key_id)
    return this_key & (MATERIALS.c.key_material_id == key_material_id)


def insert_key(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert one key row."""
    connection.execute(KEYS.insert().values(values))


def insert_material(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert one key material row; `sealed` is already sealed for its place."""
    connection.execute(MATERIALS.insert().values(values))


def select_key(connection: Connection, region: str, key_id: str) -> Row[Any] | None:
    """Return a key's row, or None."""
    return connection.execute(select(KEYS).where(_this_key(region, key_id))).one_or_none()


def select_materials(connection: Connection, region: str, key_id: str) -> Sequence[Row[Any]]:
    """Return a key's materials, oldest first; last the one that waits for its rotation, if any does."""
    statement = select(MATERIALS).where((MATERIALS.c.region == region) & (MATERIALS.c.key_id == key_id))
    return connection.execute(statement.order_by(MATERIALS.c.position.is_(None), MATERIALS.c.position)).all()


def update_material(
    connection: Connection, region: str, key_id: str, key_material_id: str, values: Mapping[str, Any]
) -> None:
    """Change columns of one key material."""
    connection.execute(update(MATERIALS).where(_this_material(region, key_id, key_material_id)).values(values))


def materials_due_for_expiry(connection: Connection, now: float) -> Sequence[Row[str, str, str]]:
    """Return region, key id and account of the keys that have key material whose time is over."""
    statement = (
        select(KEYS.c.region, KEYS.c.key_id, KEYS.c.account_id)
        .join(MATERIALS, (MATERIALS.c.region == KEYS.c.region) & (MATERIALS.c.key_id == KEYS.c.key_id))
        .where((MATERIALS.c.expires_at <= now) & MATERIALS.c.sealed.is_not(None))
    )
    return connection.execute(statement.distinct()).all()


def lacks_waiting_material(connection: Connection, key_id: str) -> bool:
    """Whether a Region has not been given yet what was imported for the next rotation of a multi-Region key."""
    lacking = MATERIALS.c.position.is_(None) & MATERIALS.c.sealed.is_(None)
    statement = select(MATERIALS.c.region).where((MATERIALS.c.key_id == key_id) & lacking).limit(1)
    return connection.execute(statement).first() is not None


def delete_material(connection: Connection, region: str, key_id: str, key_material_id: str) -> None:
    """Remove one key material for good."""
    connection.execute(delete(MATERIALS).where(_this_material(region, key_id, key_material_id)))


def select_related_keys(connection: Connection, key_id: str) -> Sequence[Row[Any]]:
    """Return the rows of a multi-Region key in every Region, in order."""
    return connection.execute(select(KEYS).where(KEYS.c.key_id == key_id).order_by(KEYS.c.region)).all()


def update_key(connection: Connection, region: str, key_id: str, values: Mapping[str, Any]) -> bool:
    """Change columns of a key; False when there is no such key any more."""
    return connection.execute(update(KEYS).where(_this_key(region, key_id)).values(values)).rowcount == 1


def delete_key(connection: Connection, region: str, key_id: str) -> None:
    """Remove a key, its key materials and its aliases for good."""
    connection.execute(delete(KEYS).where(_this_key(region, key_id)))


def list_key_ids(connection: Connection, account_id: str, region: str, after: str, limit: int) -> list[str]:
    """Return up to `limit` key ids of an account and Region, in order, beginning behind `after`."""
    statement = select(KEYS.c.key_id).where(
        (KEYS.c.account_id == account_id) & (KEYS.c.region == region) & (KEYS.c.key_id > after)
    )
    return list(connection.execute(statement.order_by(KEYS.c.key_id).limit(limit)).scalars())


def count_customer_keys(connection: Connection, account_id: str, region: str) -> int:
    """Return how many customer managed keys an account has in a Region."""
    statement = select(func.count()).where(
        (KEYS.c.account_id == account_id) & (KEYS.c.region == region) & (KEYS.c.manager == "CUSTOMER")
    )
    return connection.execute(statement).scalar_one()


def customer_keys_of_accounts(connection: Connection) -> list[ResourceUse]:
    """Return how many customer managed keys each account has in each Region where it has any."""
    statement = select(KEYS.c.account_id, KEYS.c.region, func.count()).where(KEYS.c.manager == "CUSTOMER")
    return _uses(connection, statement.group_by(KEYS.c.account_id, KEYS.c.region))


def most_aliases_of_a_key(connection: Connection) -> list[ResourceUse]:
    """Return how many aliases that customer managed key has which has most, of each account in each Region."""
    per_key = _per_key(ALIASES.c.target_key_id, ALIASES.c.region)
    return _most_of_a_key(connection, per_key)


def most_on_demand_rotations_of_a_key(connection: Connection) -> list[ResourceUse]:
    """Return how often that key was rotated on demand which was so most often, of each account in each Region."""
    per_key = _per_key(MATERIALS.c.key_id, MATERIALS.c.region, MATERIALS.c.rotation_type == "ON_DEMAND")
    return _most_of_a_key(connection, per_key)


def _per_key(key_id: Any, region: Any, *where: Any) -> Any:
    statement = select(key_id.label("key_id"), region.label("region"), func.count().label("number")).where(*where)
    return statement.group_by(key_id, region).subquery()


def _most_of_a_key(connection: Connection, per_key: Any) -> list[ResourceUse]:
    its_key = (KEYS.c.region == per_key.c.region) & (KEYS.c.key_id == per_key.c.key_id)
    statement = (
        select(KEYS.c.account_id, KEYS.c.region, func.max(per_key.c.number))
        .join(per_key, its_key)
        .where(KEYS.c.manager == "CUSTOMER")
    )
    return _uses(connection, statement.group_by(KEYS.c.account_id, KEYS.c.region))


def _uses(connection: Connection, statement: Any) -> list[ResourceUse]:
    return [ResourceUse(*row) for row in connection.execute(statement)]


def keys_due_for_deletion(connection: Connection, now: float) -> Sequence[Row[str, str, str]]:
    """Return region, key id and account of the keys whose waiting period has ended."""
    statement = select(KEYS.c.region, KEYS.c.key_id, KEYS.c.account_id)
    return connection.execute(statement.where(KEYS.c.deletion_at <= now)).all()


def keys_due_for_rotation(connection: Connection, now: float) -> Sequence[Row[str, str, str]]:
    """Return region, key id and account of the enabled keys whose next automatic rotation has come.

    Of multi-Region keys that share their material, the primary one rotates.
    """
    rotates = KEYS.c.primary_region.is_(None) | (KEYS.c.primary_region == KEYS.c.region)
    due = (KEYS.c.next_rotation_at <= now) & (KEYS.c.state == "Enabled") & rotates
    return connection.execute(select(KEYS.c.region, KEYS.c.key_id, KEYS.c.account_id).where(due)).all()


_LAST_USED_AT = bindparam("used_at", type_=KEYS.c.last_used_at.type)
_UPDATE_LAST_USAGE = (
    update(KEYS)
    .where(
        (KEYS.c.region == bindparam("of_region"))
        & (KEYS.c.key_id == bindparam("of_key"))
        & (KEYS.c.last_used_at.is_(None) | (KEYS.c.last_used_at < _LAST_USED_AT))
    )
    .values(
        last_used_at=_LAST_USED_AT, last_used_operation=bindparam("by"), last_used_request_id=bindparam("in_request")
    )
)


def update_last_usage(
    connection: Connection, region: str, key_id: str, at: float, operation: str, request_id: str
) -> None:
    """Write when a key was last used, unless a later use is written already."""
    used = {"of_region": region, "of_key": key_id, "used_at": at, "by": operation, "in_request": request_id}
    connection.execute(_UPDATE_LAST_USAGE, used)


def insert_alias_if_absent(connection: Connection, values: Mapping[str, Any]) -> bool:
    """Insert an alias; False when one of that name exists."""
    # The count of inserted rows is not known on every database; what was inserted is.
    statement = insert_into(connection, ALIASES).values(values).on_conflict_do_nothing().returning(ALIASES.c.name)
    return connection.execute(statement).first() is not None


def _this_alias(account_id: str, region: str, name: str) -> Any:
    return (ALIASES.c.account_id == account_id) & (ALIASES.c.region == region) & (ALIASES.c.name == name)


def select_alias(connection: Connection, account_id: str, region: str, name: str) -> Row[Any] | None:
    """Return an alias's row, or None."""
    return connection.execute(select(ALIASES).where(_this_alias(account_id, region, name))).one_or_none()


def retarget_alias(
    connection: Connection, account_id: str, region: str, name: str, target_key_id: str, now: float
) -> bool:
    """Point an alias at another key; False when there is no such alias."""
    statement = update(ALIASES).where(_this_alias(account_id, region, name))
    return connection.execute(statement.values(target_key_id=target_key_id, updated_at=now)).rowcount == 1


def delete_alias(connection: Connection, account_id: str, region: str, name: str) -> bool:
    """Remove an alias; False when there is no such alias."""
    return connection.execute(delete(ALIASES).where(_this_alias(account_id, region, name))).rowcount == 1


def list_aliases(
    connection: Connection, account_id: str, region: str, after: str, limit: int, target_key_id: str | None = None
) -> Sequence[Row[Any]]:
    """Return up to `limit` aliases in the order of their names, beginning behind `after`."""
    condition = (ALIASES.c.account_id == account_id) & (ALIASES.c.region == region) & (ALIASES.c.name > after)
    if target_key_id is not None:
        condition &= ALIASES.c.target_key_id == target_key_id
    return connection.execute(select(ALIASES).where(condition).order_by(ALIASES.c.name).limit(limit)).all()


def alias_names_of(connection: Connection, region: str, key_id: str) -> list[str]:
    """Return the names of a key's aliases, in order."""
    statement = select(ALIASES.c.name).where((ALIASES.c.region == region) & (ALIASES.c.target_key_id == key_id))
    return list(connection.execute(statement.order_by(ALIASES.c.name)).scalars())
