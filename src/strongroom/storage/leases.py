"""Durable, named leases: at any time at most one holder does the job that a lease names.

A lease is a row, so it outlives the server that took it, until it expires. A holder whose lease has expired may still
be at work (a long pause, a moved clock): what it does must be safe to do twice.
"""

from sqlalchemy import Column, Connection, String, Table, delete, insert, select, update

from strongroom.storage.column_types import OrderedText, Timestamp
from strongroom.storage.schema import metadata
from strongroom.storage.store import Store

leases = Table(
    "leases",
    metadata,
    Column("name", OrderedText, primary_key=True),
    Column("holder", String, nullable=False),
    Column("expires_at", Timestamp, nullable=False),
)


async def acquire(
    store: Store, name: str, holder: str, ttl_seconds: float, now: float, *, takes_over: bool = False
) -> bool:
    """Take or renew the lease `name` until `now + ttl_seconds`; return whether `holder` has it.

    It is granted when nobody has it, when `holder` has it already, or when it has expired (`expires_at <= now`). `now`
    is the time of the house, in seconds. With `takes_over` it is granted always: for a `holder` that knows that every
    other one is gone. Raises StorageUnavailable.
    """
    expires_at = now + ttl_seconds

    def take(connection: Connection) -> bool:
        row = connection.execute(select(leases.c.holder, leases.c.expires_at).where(leases.c.name == name)).first()
        if row is None:
            connection.execute(insert(leases).values(name=name, holder=holder, expires_at=expires_at))
            return True
        if row.holder != holder and row.expires_at > now and not takes_over:
            return False
        connection.execute(update(leases).where(leases.c.name == name).values(holder=holder, expires_at=expires_at))
        return True

    # Reading first and writing after is safe: every write of a store is serializable.
    return await store.write(take)


async def release(store: Store, name: str, holder: str) -> None:
    """Give the lease `name` up, if `holder` has it. Raises StorageUnavailable."""

    def drop(connection: Connection) -> None:
        connection.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))

    await store.write(drop)
