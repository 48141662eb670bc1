"""The table of source credentials, and every statement that touches it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, String, Table, Text, delete, select
from sqlalchemy.engine import Row

from strongroom.storage.connection import Connection
from strongroom.storage.schema import metadata
from strongroom.storage.sealed_column import Sealed

LOGIN_PLACE = "codebuild_source_credentials/{account_id}/{region}/{server_type}"

CREDENTIALS = Table(
    "codebuild_source_credentials",
    metadata,
    Column("account_id", String(12), primary_key=True),
    Column("region", String(64), primary_key=True),
    Column("server_type", String(32), primary_key=True),
    Column("auth_type", String(32), nullable=False),
    Column("secret_arn", Text),
    Column("sealed", Sealed(LOGIN_PLACE)),
)
"""`sealed` is the name and the token, as JSON; a secret of Secrets Manager has them in its place if there is one."""


def _this(account_id: str, region: str, server_type: str) -> Any:
    columns = CREDENTIALS.c
    return (columns.account_id == account_id) & (columns.region == region) & (columns.server_type == server_type)


def select_credentials(connection: Connection, account_id: str, region: str, server_type: str) -> Row[Any] | None:
    """Return the credentials of an account for a type of server, or None."""
    return connection.execute(select(CREDENTIALS).where(_this(account_id, region, server_type))).one_or_none()


def put_credentials(connection: Connection, values: Mapping[str, Any]) -> None:
    """Write credentials, in place of those that were there."""
    delete_credentials(connection, values["account_id"], values["region"], values["server_type"])
    connection.execute(CREDENTIALS.insert().values(values))


def delete_credentials(connection: Connection, account_id: str, region: str, server_type: str) -> bool:
    """Remove credentials. False when there are none."""
    return connection.execute(delete(CREDENTIALS).where(_this(account_id, region, server_type))).rowcount == 1


def list_credentials(connection: Connection, account_id: str, region: str) -> Sequence[Any]:
    """Return all credentials of an account in a Region, without what is sealed."""
    columns = CREDENTIALS.c
    condition = (columns.account_id == account_id) & (columns.region == region)
    statement = select(columns.server_type, columns.auth_type, columns.secret_arn).where(condition)
    return connection.execute(statement.order_by(columns.server_type)).all()
