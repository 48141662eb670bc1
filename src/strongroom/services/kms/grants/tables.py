"""The table of grants, and every statement that touches it.

How many grants a key has is counted in the key's row, in the transaction that makes or deletes a grant: the limit is
checked without counting, and a key without grants is known to have none.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, ForeignKeyConstraint, Index, String, Table, Text, delete, func, select, tuple_, update
from sqlalchemy.engine import Row

from strongroom.operations.quotas.quota import ResourceUse
from strongroom.services.kms.tables import KEYS
from strongroom.storage.column_types import JsonText, OrderedText, Timestamp
from strongroom.storage.connection import Connection
from strongroom.storage.schema import metadata

GRANTS = Table(
    "kms_grants",
    metadata,
    Column("region", String(64), primary_key=True),
    Column("key_id", OrderedText, primary_key=True),
    Column("grant_id", OrderedText, primary_key=True),
    Column("name", Text),
    Column("created_at", Timestamp, nullable=False),
    Column("issuing_account", String(12), nullable=False),
    Column("grantee", Text, nullable=False),
    Column("grantee_id", OrderedText, nullable=False),
    Column("retiring", Text),
    Column("retiring_id", OrderedText),
    Column("operations", JsonText, nullable=False),
    Column("constraints", JsonText, nullable=False),
    Column("request_digest", String(64)),
    ForeignKeyConstraint(["region", "key_id"], ["kms_keys.region", "kms_keys.key_id"], ondelete="CASCADE"),
    Index("ix_kms_grants_grantee", "region", "key_id", "grantee_id", "grant_id"),
    Index("ix_kms_grants_retiring", "region", "retiring_id", "key_id", "grant_id"),
    Index("ix_kms_grants_request", "region", "key_id", "request_digest"),
)
"""`grantee` and `retiring` are as the request named them; their ids are what a deleted and remade identity does not get
back (see `grant_principals`). `request_digest` stands for all parameters of a request that named its grant."""


def _of_key(region: str, key_id: str) -> Any:
    return (GRANTS.c.region == region) & (GRANTS.c.key_id == key_id)


def insert_grant(connection: Connection, values: Mapping[str, Any], grants_per_key_max: int) -> bool:
    """Insert a grant and count it; False when the key has `grants_per_key_max` already, or is gone."""
    this_key = (KEYS.c.region == values["region"]) & (KEYS.c.key_id == values["key_id"])
    counted = update(KEYS).where(this_key & (KEYS.c.grant_count < grants_per_key_max))
    if connection.execute(counted.values(grant_count=KEYS.c.grant_count + 1)).rowcount != 1:
        return False
    connection.execute(GRANTS.insert().values(values))
    return True


def delete_grant(connection: Connection, region: str, key_id: str, grant_id: str) -> bool:
    """Delete a grant and count it off; False when there is no such grant."""
    deleted = delete(GRANTS).where(_of_key(region, key_id) & (GRANTS.c.grant_id == grant_id))
    if connection.execute(deleted).rowcount != 1:
        return False
    this_key = (KEYS.c.region == region) & (KEYS.c.key_id == key_id)
    connection.execute(update(KEYS).where(this_key).values(grant_count=KEYS.c.grant_count - 1))
    return True


def select_grant(connection: Connection, region: str, key_id: str, grant_id: str) -> Row[Any] | None:
    """Return a grant's row, or None."""
    statement = select(GRANTS).where(_of_key(region, key_id) & (GRANTS.c.grant_id == grant_id))
    return connection.execute(statement).one_or_none()


def find_repeated(connection: Connection, region: str, key_id: str, request_digest: str) -> str | None:
    """Return the id of the grant that a named request with exactly these parameters made before, or None."""
    statement = select(GRANTS.c.grant_id).where(_of_key(region, key_id) & (GRANTS.c.request_digest == request_digest))
    return connection.execute(statement.order_by(GRANTS.c.grant_id).limit(1)).scalar_one_or_none()


def select_grants(connection: Connection, region: str, key_id: str, grant_ids: Collection[str]) -> Sequence[Row[Any]]:
    """Return the rows of those of the named grants of a key that exist."""
    return connection.execute(select(GRANTS).where(_of_key(region, key_id) & GRANTS.c.grant_id.in_(grant_ids))).all()


def list_grants(
    connection: Connection,
    region: str,
    key_id: str,
    after: str,
    limit: int,
    *,
    grantee_id: str | None = None,
    grant_id: str | None = None,
) -> Sequence[Row[Any]]:
    """Return up to `limit` grants of a key in the order of their ids, beginning behind `after`."""
    condition = _of_key(region, key_id) & (GRANTS.c.grant_id > after)
    if grantee_id is not None:
        condition &= GRANTS.c.grantee_id == grantee_id
    if grant_id is not None:
        condition &= GRANTS.c.grant_id == grant_id
    return connection.execute(select(GRANTS).where(condition).order_by(GRANTS.c.grant_id).limit(limit)).all()


def most_grants_of_a_key(connection: Connection) -> list[ResourceUse]:
    """Return how many grants that customer managed key has which has most, of each account in each Region."""
    statement = select(KEYS.c.account_id, KEYS.c.region, func.max(KEYS.c.grant_count))
    statement = statement.where((KEYS.c.manager == "CUSTOMER") & (KEYS.c.grant_count > 0))
    found = connection.execute(statement.group_by(KEYS.c.account_id, KEYS.c.region))
    return [ResourceUse(*row) for row in found]


def list_retirable_grants(
    connection: Connection, region: str, retiring_id: str, after: tuple[str, str], limit: int, now: float
) -> Sequence[Row[Any]]:
    """Return up to `limit` grants that a principal may retire, with the account of each key.

    They are in the order of key id and grant id, beginning behind `after`, which is such a pair. Keys whose waiting
    period has ended by `now` are passed over.
    """
    its_key = (KEYS.c.region == GRANTS.c.region) & (KEYS.c.key_id == GRANTS.c.key_id)
    there = KEYS.c.deletion_at.is_(None) | (KEYS.c.deletion_at > now)
    behind = tuple_(GRANTS.c.key_id, GRANTS.c.grant_id) > tuple_(*after)
    statement = (
        select(GRANTS, KEYS.c.account_id)
        .join(KEYS, its_key)
        .where((GRANTS.c.region == region) & (GRANTS.c.retiring_id == retiring_id) & behind & there)
    )
    return connection.execute(statement.order_by(GRANTS.c.key_id, GRANTS.c.grant_id).limit(limit)).all()
