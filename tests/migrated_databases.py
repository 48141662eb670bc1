"""Databases that have their tables already: made once a process, then copied for each test that opens a house.

What the migrations do is what `tests/storage` is about, and every server that a test starts runs them.
"""

import shutil
import tempfile
from pathlib import Path

from strongroom.storage.store import open_store

_SQLITE: list[bytes] = []


async def make_tables(url: str) -> None:
    """Run every migration on a database."""
    await (await open_store(url)).close()


async def put_migrated_sqlite(path: Path) -> None:
    """Put a database with all tables, and nothing in them, at `path`."""
    if not _SQLITE:
        directory = Path(tempfile.mkdtemp())
        try:
            await make_tables(f"sqlite:///{directory / 'made.db'}")
            _SQLITE.append((directory / "made.db").read_bytes())
        finally:
            shutil.rmtree(directory)
    path.write_bytes(_SQLITE[0])
    path.chmod(0o600)
