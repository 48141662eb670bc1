"""A table of the tests' own, in a store that is closed at the end."""

import contextlib
from collections.abc import AsyncIterator, Callable

from sqlalchemy import Column, Connection, ForeignKey, Integer, MetaData, String, Table, func, insert, select

from strongroom.storage.store import Store, open_store

_metadata = MetaData()
notes = Table(
    "notes",
    _metadata,
    Column("name", String(100), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("parent", String(100), ForeignKey("notes.name")),
)


@contextlib.asynccontextmanager
async def open_notes(url: str) -> AsyncIterator[Store]:
    """Open a store and make the table when it is missing."""
    store = await open_store(url)
    try:
        await store.write(_metadata.create_all)
        yield store
    finally:
        await store.close()


def adding(name: str, position: int = 0, parent: str | None = None) -> Callable[[Connection], str]:
    """Return a write that adds one note and gives its name."""

    def fn(connection: Connection) -> str:
        connection.execute(insert(notes).values(name=name, position=position, parent=parent))
        return name

    return fn


def names(connection: Connection) -> list[str]:
    """Return the names of all notes, in order of their positions."""
    return list(connection.execute(select(notes.c.name).order_by(notes.c.position, notes.c.name)).scalars())


def count(connection: Connection) -> int:
    """Return how many notes there are."""
    return connection.execute(select(func.count()).select_from(notes)).scalar_one()
