"""The history of the schema: it is in order, it leads to what the tables say, and it refuses the future."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import uvloop
from sqlalchemy import Connection
from tests.storage.write_sqlite_schema import SCHEMA, dump_of_the_migrations

import strongroom
from strongroom.base.errors import OperatorError
from strongroom.storage import migrate
from strongroom.storage.schema import metadata
from strongroom.storage.sqlite_schema import dump
from strongroom.storage.store import open_store

_SOURCE = Path(strongroom.__file__).parent
_VERSIONS = _SOURCE / "storage" / "migrations" / "versions"

_OPEN_AND_SAY = """
import asyncio, sys
from strongroom.storage.store import open_store
asyncio.run(asyncio.wait_for(open_store(sys.argv[1]), 20))
print("alembic" in sys.modules)
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/data%20 x/strongroom.db"
    return request.getfixturevalue("postgresql_url")


def import_all_tables() -> None:
    """Import every module of the project that hangs tables on the metadata."""
    for path in _SOURCE.rglob("*.py"):
        if path.name == "tables.py" or path == _SOURCE / "storage" / "leases.py":
            parts = path.relative_to(_SOURCE.parent).with_suffix("").parts
            importlib.import_module(".".join(parts))


def _rows_in_tables(connection: Connection) -> list[int]:
    names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
    ours = [name for name in names if name != "alembic_version" and not name.startswith("sqlite_")]
    return [connection.exec_driver_sql(f'SELECT count(*) FROM "{name}"').scalar_one() for name in ours]


def test_the_versions_are_one_line() -> None:
    files = sorted(path.name for path in _VERSIONS.glob("[0-9]*.py"))
    before = None
    for number, name in enumerate(files, start=1):
        text = (_VERSIONS / name).read_text()
        assert re.fullmatch(rf"{number:04}_[a-z0-9_]+\.py", name)
        assert re.search(rf'^revision = "{number:04}"$', text, re.MULTILINE), name
        assert re.search(rf"^down_revision = {before}$", text, re.MULTILINE), name
        before = f'"{number:04}"'
    assert migrate.head_revision() == f"{len(files):04}"


def test_the_migrations_lead_to_the_tables(url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    import_all_tables()

    def differences(connection: Connection) -> list[object]:
        ours = {"include_object": lambda thing, name, kind, reflected, other: name not in ("notes", "column_values")}
        return list(compare_metadata(MigrationContext.configure(connection, opts=ours), metadata))

    async def scenario() -> list[object]:
        store = await open_store(url)
        try:
            return await store.write(differences)
        finally:
            await store.close()

    assert uvloop.run(scenario()) == []


def test_a_database_of_a_newer_version_is_refused(url: str) -> None:
    def to_the_future(connection: Connection) -> None:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    async def scenario() -> None:
        store = await open_store(url)
        await store.write(to_the_future)
        await store.close()
        await open_store(url)

    with pytest.raises(OperatorError, match=r"newer Strongroom \(schema 9999"):
        uvloop.run(scenario())


def test_a_migration_that_fails_leaves_nothing(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    migrations = tmp_path / "migrations"
    (migrations / "versions").mkdir(parents=True)
    (migrations / "env.py").write_text((_VERSIONS.parent / "env.py").read_text())
    create = "    op.execute('CREATE TABLE half_done (x INTEGER)')\n"
    for number, rest in (("0001", ""), ("0002", "    raise ValueError('power cut')\n")):
        before = "None" if number == "0001" else "'0001'"
        head = f"from alembic import op\nrevision = '{number}'\ndown_revision = {before}\ndef upgrade():\n"
        (migrations / "versions" / f"{number}_x.py").write_text(head + (create if number == "0001" else "") + rest)

    with monkeypatch.context() as patch:
        patch.setattr(migrate, "_MIGRATIONS", migrations)
        with pytest.raises(ValueError, match="power cut"):
            uvloop.run(open_store(url))

    async def scenario() -> None:
        store = await open_store(url)
        with pytest.raises(Exception, match="half_done"):
            await store.read(lambda connection: connection.exec_driver_sql("SELECT * FROM half_done").all())
        await store.close()

    uvloop.run(scenario())


def test_an_empty_sqlite_database_is_made_as_the_migrations_make_it(tmp_path: Path) -> None:
    made = dump_of_the_migrations(tmp_path)
    assert SCHEMA.read_text() == made, "a migration was added: run python -m tests.storage.write_sqlite_schema"

    async def scenario() -> tuple[str, list[int]]:
        store = await open_store(f"sqlite:///{tmp_path / 'at-once.db'}")
        try:
            return await store.read(dump), await store.read(_rows_in_tables)
        finally:
            await store.close()

    at_once, rows = uvloop.run(scenario())
    assert at_once == made
    # The migrations put nothing into their tables that the schema alone would not have.
    assert len(rows) > 40
    assert set(rows) == {0}


def test_a_schema_that_is_behind_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    migrations = tmp_path / "migrations"
    (migrations / "versions").mkdir(parents=True)
    (migrations / "env.py").write_text((_VERSIONS.parent / "env.py").read_text())
    for number, before, name in (("0001", None, "first"), ("0002", "0001", "second")):
        create = f"from alembic import op\nrevision = {number!r}\ndown_revision = {before!r}\n"
        create += f"def upgrade():\n    op.execute('CREATE TABLE {name} (x INTEGER)')\n"
        (migrations / "versions" / f"{number}_x.py").write_text(create)
    (migrations / "sqlite.sql").write_text("-- The schema at revision 0001.\n\nCREATE TABLE first (x INTEGER);\n\n")
    monkeypatch.setattr(migrate, "_MIGRATIONS", migrations)

    async def scenario() -> str:
        store = await open_store(f"sqlite:///{tmp_path / 'behind.db'}")
        try:
            return await store.read(dump)
        finally:
            await store.close()

    made = uvloop.run(scenario())
    assert "at revision 0002" in made
    assert [line for line in made.splitlines() if "CREATE" in line] == [
        "CREATE TABLE first (x INTEGER);",
        "CREATE TABLE second (x INTEGER);",
    ]


def test_alembic_is_not_imported_when_there_is_nothing_to_do(url: str) -> None:
    for expected in ("False\n" if url.startswith("sqlite") else "True\n", "False\n"):
        command = [sys.executable, "-c", _OPEN_AND_SAY, url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=dict(os.environ))
        assert done.stdout == expected, done.stderr
