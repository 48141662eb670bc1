"""CloudTrail's tables, and every statement that touches them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    LargeBinary,
    String,
    Table,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.engine import Row

from strongroom.storage.column_types import JsonText, OrderedText, RowNumber, Timestamp
from strongroom.storage.connection import Connection
from strongroom.storage.schema import metadata
from strongroom.storage.sealed_column import Sealed

TRAILS = Table(
    "cloudtrail_trails",
    metadata,
    Column("account_id", String(12), primary_key=True),
    Column("home_region", String(64), primary_key=True),
    Column("name", OrderedText, primary_key=True),
    Column("created_at", Timestamp, nullable=False),
    Column("settings", JsonText, nullable=False),
    Column("selectors", JsonText, nullable=False),
    Column("tags", JsonText, nullable=False),
    Column("is_logging", Boolean, nullable=False),
    Column("batch", BigInteger, nullable=False),
    Column("stop_batch", BigInteger),
    Column("status", JsonText, nullable=False),
    Index("ix_cloudtrail_trails_logging", "is_logging"),
)
"""`batch` is the last one of the audit trail that was delivered; `stop_batch` the last one that is to be, if any is."""

LOG_FILES = Table(
    "cloudtrail_log_files",
    metadata,
    Column("number", RowNumber, primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("home_region", String(64), nullable=False),
    Column("name", OrderedText, nullable=False),
    Column("region", String(64), nullable=False),
    Column("file", JsonText, nullable=False),
    Index("ix_cloudtrail_log_files_trail", "account_id", "home_region", "name"),
)
"""Log files that no digest tells of yet; `file` is what it will tell."""

DIGESTS = Table(
    "cloudtrail_digests",
    metadata,
    Column("account_id", String(12), primary_key=True),
    Column("home_region", String(64), primary_key=True),
    Column("name", OrderedText, primary_key=True),
    Column("region", String(64), primary_key=True),
    Column("chain", JsonText, nullable=False),
)
"""Where each chain of digests ends: when, and which digest the next one refers to."""

DIGEST_KEY_PLACE = "cloudtrail_digest_keys/{fingerprint}"

DIGEST_KEYS = Table(
    "cloudtrail_digest_keys",
    metadata,
    Column("fingerprint", String(32), primary_key=True),
    Column("region", String(64), nullable=False),
    Column("valid_from", Timestamp, nullable=False),
    Column("valid_until", Timestamp, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("sealed", Sealed(DIGEST_KEY_PLACE), nullable=False),
    Index("ix_cloudtrail_digest_keys_region", "region", "valid_until"),
)

TrailKey = tuple[str, str, str]
"""The account, the home Region and the name of a trail."""


def _this(table: Table, key: TrailKey) -> Any:
    account_id, region, name = key
    return (table.c.account_id == account_id) & (table.c.home_region == region) & (table.c.name == name)


def insert_trail(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert one trail."""
    connection.execute(TRAILS.insert().values(values))


def select_trail(connection: Connection, key: TrailKey) -> Row[Any] | None:
    """Return a trail, or None."""
    return connection.execute(select(TRAILS).where(_this(TRAILS, key))).one_or_none()


def list_trails(connection: Connection, account_id: str) -> Sequence[Row[Any]]:
    """Return the trails of an account, in the order of home Regions and names."""
    statement = select(TRAILS).where(TRAILS.c.account_id == account_id)
    return connection.execute(statement.order_by(TRAILS.c.home_region, TRAILS.c.name)).all()


def count_trails(connection: Connection, account_id: str, region: str) -> int:
    """Return how many trails an account has in a home Region."""
    statement = select(func.count()).where((TRAILS.c.account_id == account_id) & (TRAILS.c.home_region == region))
    return connection.execute(statement).scalar_one()


def trails_to_deliver(connection: Connection) -> Sequence[Row[Any]]:
    """Return the trails that log, and those that still have something to deliver."""
    statement = select(TRAILS).where(TRAILS.c.is_logging | TRAILS.c.stop_batch.is_not(None))
    return connection.execute(statement.order_by(TRAILS.c.account_id, TRAILS.c.home_region, TRAILS.c.name)).all()


def update_trail(connection: Connection, key: TrailKey, values: Mapping[str, Any]) -> None:
    """Change columns of a trail."""
    connection.execute(update(TRAILS).where(_this(TRAILS, key)).values(values))


def delete_trail(connection: Connection, key: TrailKey) -> None:
    """Remove a trail and what belongs to it."""
    for table in (LOG_FILES, DIGESTS, TRAILS):
        connection.execute(delete(table).where(_this(table, key)))


def insert_log_file(connection: Connection, key: TrailKey, region: str, file: Mapping[str, Any]) -> None:
    """Note a log file for the next digest."""
    account_id, home_region, name = key
    connection.execute(
        LOG_FILES.insert().values(account_id=account_id, home_region=home_region, name=name, region=region, file=file)
    )


def list_log_files(connection: Connection, key: TrailKey, region: str) -> Sequence[Row[Any]]:
    """Return the log files that no digest tells of yet, oldest first."""
    statement = select(LOG_FILES).where(_this(LOG_FILES, key) & (LOG_FILES.c.region == region))
    return connection.execute(statement.order_by(LOG_FILES.c.number)).all()


def delete_log_files(connection: Connection, key: TrailKey, region: str | None, until: int | None = None) -> None:
    """Forget log files: those of a Region or all, up to a number or all."""
    which = _this(LOG_FILES, key)
    if region is not None:
        which &= LOG_FILES.c.region == region
    if until is not None:
        which &= LOG_FILES.c.number <= until
    connection.execute(delete(LOG_FILES).where(which))


def list_chains(connection: Connection, key: TrailKey) -> dict[str, dict[str, Any]]:
    """Return the chains of digests of a trail, by Region."""
    rows = connection.execute(select(DIGESTS.c.region, DIGESTS.c.chain).where(_this(DIGESTS, key)))
    return {row.region: row.chain for row in rows}


def replace_chain(connection: Connection, key: TrailKey, region: str, chain: Mapping[str, Any]) -> None:
    """Write where a chain of digests ends."""
    account_id, home_region, name = key
    connection.execute(delete(DIGESTS).where(_this(DIGESTS, key) & (DIGESTS.c.region == region)))
    connection.execute(
        DIGESTS.insert().values(account_id=account_id, home_region=home_region, name=name, region=region, chain=chain)
    )


def delete_chains(connection: Connection, key: TrailKey) -> None:
    """End every chain of digests of a trail."""
    connection.execute(delete(DIGESTS).where(_this(DIGESTS, key)))


def current_digest_key(connection: Connection, region: str, at: float) -> Row[Any] | None:
    """Return the key that signs a Region's digests at some time, or None."""
    statement = select(DIGEST_KEYS).where(
        (DIGEST_KEYS.c.region == region) & (DIGEST_KEYS.c.valid_from <= at) & (DIGEST_KEYS.c.valid_until > at)
    )
    return connection.execute(statement.order_by(DIGEST_KEYS.c.valid_from).limit(1)).one_or_none()


def ensure_digest_key(connection: Connection, values: Mapping[str, Any], at: float) -> Row[Any]:
    """Insert a key that signs digests, unless its Region has one for that time; return the one that is there then."""
    found = current_digest_key(connection, values["region"], at)
    if found is not None:
        return found
    connection.execute(DIGEST_KEYS.insert().values(values))
    return connection.execute(select(DIGEST_KEYS).where(DIGEST_KEYS.c.fingerprint == values["fingerprint"])).one()


def list_digest_keys(connection: Connection, region: str, since: float, until: float) -> Sequence[Row[Any]]:
    """Return the keys of a Region that were valid at some time from `since` to `until`, oldest first."""
    statement = select(DIGEST_KEYS).where(
        (DIGEST_KEYS.c.region == region) & (DIGEST_KEYS.c.valid_until >= since) & (DIGEST_KEYS.c.valid_from <= until)
    )
    return connection.execute(statement.order_by(DIGEST_KEYS.c.valid_from, DIGEST_KEYS.c.fingerprint)).all()
