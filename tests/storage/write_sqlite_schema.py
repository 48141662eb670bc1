"""`python -m tests.storage.write_sqlite_schema`: write anew what an empty SQLite database is made from.

To be run after a migration was added.
"""

import tempfile
from pathlib import Path

import uvloop

import strongroom
from strongroom.storage import migrate
from strongroom.storage.sqlite_schema import dump
from strongroom.storage.store import open_store

SCHEMA = Path(strongroom.__file__).parent / "storage" / "migrations" / "sqlite.sql"


def dump_of_the_migrations(directory: Path) -> str:
    """Return the schema that the migrations alone make, run in a database in `directory`."""
    read = migrate.make_tables

    async def main() -> str:
        store = await open_store(f"sqlite:///{directory / 'made.db'}")
        try:
            return await store.read(dump)
        finally:
            await store.close()

    migrate.make_tables = lambda connection, schema, head: None
    try:
        return uvloop.run(main())
    finally:
        migrate.make_tables = read


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        SCHEMA.write_text(dump_of_the_migrations(Path(directory)))
