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

import strongroom
from strongroom.base.errors import OperatorError
from strongroom.storage import migrate
from strongroom.storage.schema import metadata
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


def test_alembic_is_not_imported_when_there_is_nothing_to_do(url: str) -> None:
    for expected in ("True\n", "False\n"):
        command = [sys.executable, "-c", _OPEN_AND_SAY, url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=dict(os.environ))
        assert done.stdout == expected, done.stderr
