"""The table of the server's own certificate authority, which all servers on one database share."""

from sqlalchemy import Column, String, Table, delete, select

from strongroom.storage.connection import Connection
from strongroom.storage.schema import metadata
from strongroom.storage.sealed_column import Sealed

AUTHORITY_PLACE = "tls_authorities/{name}"
LOCAL = "local"

TLS_AUTHORITIES = Table(
    "tls_authorities",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("sealed", Sealed(AUTHORITY_PLACE), nullable=False),
)


def select_authority(connection: Connection) -> bytes | None:
    """Return the sealed authority, or None before the first start."""
    statement = select(TLS_AUTHORITIES.c.sealed).where(TLS_AUTHORITIES.c.name == LOCAL)
    found: bytes | None = connection.execute(statement).scalar_one_or_none()
    return found


def replace_authority(connection: Connection, seen: bytes | None, sealed: bytes) -> bool:
    """Put `sealed` in place of the authority `seen`; False, and no change, when another server was quicker."""
    if select_authority(connection) != seen:
        return False
    connection.execute(delete(TLS_AUTHORITIES).where(TLS_AUTHORITIES.c.name == LOCAL))
    connection.execute(TLS_AUTHORITIES.insert().values(name=LOCAL, sealed=sealed))
    return True
