"""The public access blocks of accounts, and the statements about them."""

from collections.abc import Mapping

from sqlalchemy import Column, String, Table, delete, select

from strongroom.storage.column_types import JsonText
from strongroom.storage.connection import Connection
from strongroom.storage.schema import metadata

ACCOUNT_BLOCKS = Table(
    "s3_account_blocks",
    metadata,
    Column("account_id", String(12), primary_key=True),
    Column("blocks", JsonText, nullable=False),
)
"""An account without a row blocks nothing of its own."""


def select_account_block(connection: Connection, account_id: str) -> Mapping[str, bool] | None:
    """Return which public access an account blocks, or None when it never said."""
    statement = select(ACCOUNT_BLOCKS.c.blocks).where(ACCOUNT_BLOCKS.c.account_id == account_id)
    found: Mapping[str, bool] | None = connection.execute(statement).scalar_one_or_none()
    return found


def replace_account_block(connection: Connection, account_id: str, blocks: Mapping[str, bool] | None) -> None:
    """Put a block in the place of an account's; None takes it away."""
    connection.execute(delete(ACCOUNT_BLOCKS).where(ACCOUNT_BLOCKS.c.account_id == account_id))
    if blocks is not None:
        connection.execute(ACCOUNT_BLOCKS.insert().values(account_id=account_id, blocks=blocks))
