"""The table of custom key stores, and every statement that touches it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Index, String, Table, Text, delete, func, select, update
from sqlalchemy.engine import Row

from strongroom.operations.quotas.quota import ResourceUse
from strongroom.services.kms.tables import KEYS
from strongroom.storage.column_types import OrderedText, Timestamp
from strongroom.storage.connection import Connection
from strongroom.storage.schema import metadata
from strongroom.storage.sealed_column import Sealed

CREDENTIAL_PLACE = "kms_custom_key_stores/{region}/{custom_key_store_id}"

CUSTOM_KEY_STORES = Table(
    "kms_custom_key_stores",
    metadata,
    Column("region", String(64), primary_key=True),
    Column("custom_key_store_id", OrderedText, primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("name", Text, nullable=False),
    Column("type", String(32), nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("connection_state", String(32), nullable=False),
    Column("connection_error", String(64)),
    Column("cluster_id", String(32)),
    Column("trust_anchor", Text),
    Column("uri_endpoint", Text),
    Column("uri_path", Text),
    Column("sealed", Sealed(CREDENTIAL_PLACE), nullable=False),
    Index("ix_kms_custom_key_stores_account", "account_id", "region", "custom_key_store_id"),
)
"""`sealed` holds what KMS logs in with, as JSON: the password for a cluster, or the access key for a proxy."""


def _this_store(region: str, store_id: str) -> Any:
    return (CUSTOM_KEY_STORES.c.region == region) & (CUSTOM_KEY_STORES.c.custom_key_store_id == store_id)


def insert_store(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert one key store."""
    connection.execute(CUSTOM_KEY_STORES.insert().values(values))


def select_store(connection: Connection, region: str, store_id: str) -> Row[Any] | None:
    """Return a key store's row, or None."""
    return connection.execute(select(CUSTOM_KEY_STORES).where(_this_store(region, store_id))).one_or_none()


def update_store(connection: Connection, region: str, store_id: str, values: Mapping[str, Any]) -> None:
    """Change columns of a key store."""
    connection.execute(update(CUSTOM_KEY_STORES).where(_this_store(region, store_id)).values(values))


def delete_store(connection: Connection, region: str, store_id: str) -> None:
    """Remove a key store."""
    connection.execute(delete(CUSTOM_KEY_STORES).where(_this_store(region, store_id)))


def list_stores(connection: Connection, account_id: str, region: str) -> Sequence[Row[Any]]:
    """Return an account's key stores in a Region, of which there are few, in the order of their ids."""
    of_account = (CUSTOM_KEY_STORES.c.account_id == account_id) & (CUSTOM_KEY_STORES.c.region == region)
    statement = select(CUSTOM_KEY_STORES).where(of_account)
    return connection.execute(statement.order_by(CUSTOM_KEY_STORES.c.custom_key_store_id)).all()


def stores_of_accounts(connection: Connection) -> list[ResourceUse]:
    """Return how many custom key stores each account has in each Region where it has any."""
    place = CUSTOM_KEY_STORES.c.account_id, CUSTOM_KEY_STORES.c.region
    rows = connection.execute(select(*place, func.count()).group_by(*place)).all()
    return [ResourceUse(*row) for row in rows]


def store_of_cluster(connection: Connection, cluster_id: str) -> Row[Any] | None:
    """Return the key store, whosever it is, that a cluster is associated with, or None."""
    statement = select(CUSTOM_KEY_STORES).where(CUSTOM_KEY_STORES.c.cluster_id == cluster_id)
    return connection.execute(statement.limit(1)).one_or_none()


def key_ids_in_store(connection: Connection, region: str, store_id: str, limit: int) -> list[str]:
    """Return up to `limit` ids of keys in a key store, those that wait for their deletion too."""
    statement = select(KEYS.c.key_id).where((KEYS.c.region == region) & (KEYS.c.custom_key_store_id == store_id))
    return list(connection.execute(statement.order_by(KEYS.c.key_id).limit(limit)).scalars())


def uses_external_key(connection: Connection, region: str, store_id: str, xks_key_id: str) -> bool:
    """Whether a KMS key of a key store is associated with an external key."""
    in_store = (KEYS.c.region == region) & (KEYS.c.custom_key_store_id == store_id)
    statement = select(KEYS.c.key_id).where(in_store & (KEYS.c.xks_key_id == xks_key_id)).limit(1)
    return connection.execute(statement).first() is not None
