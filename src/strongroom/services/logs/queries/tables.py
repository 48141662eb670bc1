"""The tables of queries and of saved queries, and every statement that touches them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, Index, LargeBinary, String, Table, Text, delete, func, select, tuple_, update
from sqlalchemy.engine import Row

from strongroom.services.logs.tables import following
from strongroom.storage.column_types import JsonText, OrderedText
from strongroom.storage.connection import Connection
from strongroom.storage.schema import metadata
from strongroom.storage.sealed_column import Sealed

TEXT_PLACE = "logs_queries/{account_id}/{region}/{query_id}/text"
KEY_PLACE = "logs_queries/{account_id}/{region}/{query_id}/key/{key_arn}"
RESULTS_PLACE = "logs_queries/{account_id}/{region}/{query_id}/results"
DEFINITION_PLACE = "logs_query_definitions/{account_id}/{region}/{definition_id}"

QUERIES = Table(
    "logs_queries",
    metadata,
    Column("query_id", String(36), primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("status", String(16), nullable=False),
    Column("group_name", OrderedText, nullable=False),
    Column("group_names", JsonText, nullable=False),
    Column("requester", Text, nullable=False),
    Column("statistics", JsonText, nullable=False),
    Column("duration_ms", BigInteger),
    Column("key_arn", Text),
    Column("sealed_text", Sealed(TEXT_PLACE), nullable=False),
    Column("sealed_key", Sealed(KEY_PLACE)),
    Column("results", LargeBinary),
    Index("ix_logs_queries_account", "account_id", "region", "created_at", "query_id"),
    Index("ix_logs_queries_created_at", "created_at"),
)
"""`results` are encrypted under a data key of their own, of which `sealed_key` holds the ciphertext under the KMS key
`key_arn`, or the data key itself where there is none."""

DEFINITIONS = Table(
    "logs_query_definitions",
    metadata,
    Column("account_id", String(12), primary_key=True),
    Column("region", String(64), primary_key=True),
    Column("definition_id", String(36), primary_key=True),
    Column("name", OrderedText, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    Column("client_token", String(128)),
    Column("details", JsonText, nullable=False),
    Column("sealed_text", Sealed(DEFINITION_PLACE), nullable=False),
    Index("ix_logs_query_definitions_name", "account_id", "region", "name"),
)


def insert_query(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert a query."""
    connection.execute(QUERIES.insert().values(values))


def select_query(connection: Connection, account_id: str, region: str, query_id: str) -> Row[Any] | None:
    """Return an account's query, or None."""
    this = (QUERIES.c.query_id == query_id) & (QUERIES.c.account_id == account_id) & (QUERIES.c.region == region)
    return connection.execute(select(QUERIES).where(this)).one_or_none()


def finish_query(connection: Connection, query_id: str, values: Mapping[str, Any]) -> bool:
    """Change columns of a query that runs; False when it does so no more."""
    this = (QUERIES.c.query_id == query_id) & (QUERIES.c.status == "Running")
    return connection.execute(update(QUERIES).where(this).values(values)).rowcount == 1


def list_queries(
    connection: Connection,
    account_id: str,
    region: str,
    before: tuple[int, str] | None,
    limit: int,
    *,
    status: str | None,
    group_name: str | None,
) -> Sequence[Row[Any]]:
    """Return up to `limit` queries of an account, newest first, older than `before` (time and id)."""
    condition = (QUERIES.c.account_id == account_id) & (QUERIES.c.region == region)
    if before is not None:
        condition &= tuple_(QUERIES.c.created_at, QUERIES.c.query_id) < tuple_(*before)
    if status is not None:
        condition &= QUERIES.c.status == status
    if group_name is not None:
        condition &= QUERIES.c.group_name == group_name
    ordered = select(QUERIES).where(condition).order_by(QUERIES.c.created_at.desc(), QUERIES.c.query_id.desc())
    return connection.execute(ordered.limit(limit)).all()


def delete_old_queries(connection: Connection, before: int) -> int:
    """Remove queries that were started before a time, with their results; return how many."""
    return connection.execute(delete(QUERIES).where(QUERIES.c.created_at < before)).rowcount


def time_out_queries(connection: Connection, before: int) -> int:
    """Let go of queries that were started before a time and are said to run still; return how many."""
    late = (QUERIES.c.created_at < before) & (QUERIES.c.status == "Running")
    return connection.execute(update(QUERIES).where(late).values(status="Timeout")).rowcount


def _of_account(account_id: str, region: str) -> Any:
    return (DEFINITIONS.c.account_id == account_id) & (DEFINITIONS.c.region == region)


def select_definition(connection: Connection, account_id: str, region: str, definition_id: str) -> Row[Any] | None:
    """Return a saved query, or None."""
    this = _of_account(account_id, region) & (DEFINITIONS.c.definition_id == definition_id)
    return connection.execute(select(DEFINITIONS).where(this)).one_or_none()


def definition_of_token(connection: Connection, account_id: str, region: str, token: str) -> str | None:
    """Return the id of the saved query that was made with a client token, or None."""
    this = _of_account(account_id, region) & (DEFINITIONS.c.client_token == token)
    found: str | None = connection.execute(
        select(DEFINITIONS.c.definition_id).where(this).limit(1)
    ).scalar_one_or_none()
    return found


def count_definitions(connection: Connection, account_id: str, region: str) -> int:
    """Return how many saved queries an account has in a Region."""
    return connection.execute(select(func.count()).where(_of_account(account_id, region))).scalar_one()


def list_definitions(
    connection: Connection, account_id: str, region: str, prefix: str, after: tuple[str, str] | None, limit: int
) -> Sequence[Row[Any]]:
    """Return up to `limit` saved queries in the order of their names, behind the name and id `after`."""
    condition = _of_account(account_id, region)
    if prefix:
        condition &= (DEFINITIONS.c.name >= prefix) & (DEFINITIONS.c.name < following(prefix))
    if after is not None:
        condition &= tuple_(DEFINITIONS.c.name, DEFINITIONS.c.definition_id) > tuple_(*after)
    ordered = select(DEFINITIONS).where(condition).order_by(DEFINITIONS.c.name, DEFINITIONS.c.definition_id)
    return connection.execute(ordered.limit(limit)).all()


def delete_definition(connection: Connection, account_id: str, region: str, definition_id: str) -> bool:
    """Remove a saved query; False when there is none of that id."""
    this = _of_account(account_id, region) & (DEFINITIONS.c.definition_id == definition_id)
    return connection.execute(delete(DEFINITIONS).where(this)).rowcount == 1


def has_old_queries(connection: Connection, started_before: int, running_since: int) -> bool:
    """Return whether a query was started before the first time, or runs since before the second one."""
    late = (QUERIES.c.created_at < running_since) & (QUERIES.c.status == "Running")
    condition = (QUERIES.c.created_at < started_before) | late
    return connection.execute(select(QUERIES.c.query_id).where(condition).limit(1)).first() is not None
