"""The SQLite store: its files, its pragmas, and a disk that is full."""

import asyncio
import os
import resource
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvloop
from sqlalchemy import Connection
from tests.contracts.notes import adding, count, names, open_notes

from strongroom.base.errors import OperatorError
from strongroom.storage.errors import StorageUnavailable
from strongroom.storage.store import open_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "strongroom.db"


@contextmanager
def full_disk(path: Path, bytes_left: int) -> Iterator[None]:
    """Let no file grow more than a little beyond the size of the write-ahead log: a write(2) fails with EFBIG."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = path.with_name(path.name + "-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + bytes_left, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def big(name: str, kibibytes: int):
    def fn(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS large (name TEXT PRIMARY KEY, data BLOB)")
        connection.exec_driver_sql("INSERT INTO large VALUES (?, zeroblob(?))", (name, kibibytes * 1024))

    return fn


def test_only_the_owner_can_read_the_files(path: Path) -> None:
    async def scenario() -> None:
        async with open_notes(f"sqlite:///{path}"):
            files = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
            assert files == {path.name: 0o600, f"{path.name}-wal": 0o600, f"{path.name}-shm": 0o600}
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    old = os.umask(0)
    try:
        uvloop.run(scenario())
    finally:
        os.umask(old)


def test_closing_leaves_one_file(path: Path) -> None:
    async def scenario() -> None:
        async with open_notes(f"sqlite:///{path}") as store:
            await store.write(adding("one"))

    uvloop.run(scenario())
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_commits_are_durable_and_deleted_data_is_overwritten(path: Path) -> None:
    def pragmas(connection: Connection) -> dict[str, object]:
        asked = ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "temp_store")
        return {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked}

    async def scenario() -> None:
        async with open_notes(f"sqlite:///{path}") as store:
            expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1, "temp_store": 2}
            assert await store.write(pragmas) == expected

    uvloop.run(scenario())


def test_a_read_leaves_no_transaction_behind(path: Path) -> None:
    async def scenario() -> None:
        async with open_notes(f"sqlite:///{path}") as store:
            await store.read(count)
            with pytest.raises(ZeroDivisionError):
                await store.read(lambda connection: count(connection) // 0)
            await store.write(adding("one"))
            other = sqlite3.connect(path, timeout=0)
            # A checkpoint that empties the log succeeds only when nobody holds a snapshot.
            assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
            other.close()

    uvloop.run(scenario())


def test_a_full_database_refuses_one_write_and_lives_on(path: Path) -> None:
    async def scenario() -> None:
        async with open_notes(f"sqlite:///{path}") as store:
            await store.write(big("first", 1))
            pages = await store.read(lambda connection: connection.exec_driver_sql("PRAGMA page_count").scalar_one())
            await store.write(lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count={pages}").scalar())
            outcomes = await asyncio.gather(
                *(store.write(big("too much", 900) if n == 7 else adding(f"n{n}")) for n in range(15)),
                return_exceptions=True,
            )
            assert isinstance(outcomes[7], StorageUnavailable)
            assert "full" in str(outcomes[7])
            acknowledged = [outcome for outcome in outcomes if isinstance(outcome, str)]
            assert all(isinstance(each, (str, StorageUnavailable)) for each in outcomes)
            assert await store.read(names) == sorted(acknowledged)
            assert await store.write(adding("after")) == "after"
            assert await store.is_healthy()

    uvloop.run(scenario())


def test_a_commit_that_fails_fails_its_whole_group_and_the_store_lives_on(path: Path) -> None:
    async def scenario() -> None:
        async with open_notes(f"sqlite:///{path}") as store:
            heard: list[object] = []
            store.subscribe(heard.append)
            with full_disk(path, bytes_left=0):
                outcomes = await asyncio.gather(
                    *(store.write(big(f"b{n}", 64), invalidates=[f"b{n}"]) for n in range(10)), return_exceptions=True
                )
                assert all(isinstance(outcome, StorageUnavailable) for outcome in outcomes)
                assert await store.read(count) == 0
                assert not await store.is_healthy()
            assert await store.is_healthy()
            assert await store.write(adding("after")) == "after"
            # Whether a commit that failed will turn up after a crash is not certain: caches had better ask again.
            assert {name for changed in heard for name in changed} == {f"b{n}" for n in range(10)}

    uvloop.run(scenario())

    async def afterwards() -> None:
        async with open_notes(f"sqlite:///{path}") as store:
            assert await store.read(names) == ["after"]

    uvloop.run(afterwards())


def test_a_file_that_another_process_keeps_locked_is_an_outage(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strongroom.storage.sqlite_connection.busy_timeout_seconds", 0.05)

    async def scenario() -> None:
        async with open_notes(f"sqlite:///{path}") as store:
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StorageUnavailable, match="locked"):
                await store.write(adding("one"))
            assert await store.read(count) == 0
            other.close()
            await store.write(adding("one"))

    uvloop.run(scenario())


def test_a_busy_event_loop_does_not_starve_the_writer(path: Path) -> None:
    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        is_busy = True

        def spin() -> None:
            end = time.perf_counter() + 50e-6
            while time.perf_counter() < end:
                pass
            if is_busy:
                loop.call_soon(spin)

        async with open_notes(f"sqlite:///{path}") as store:
            spin()
            started = time.perf_counter()
            for number in range(40):
                await store.write(adding(f"n{number}"))
            is_busy = False
            return time.perf_counter() - started

    assert uvloop.run(scenario()) < 40 * 0.05


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("no url at all", "cannot be read"),
        ("mysql://host/database", "mysql"),
        ("sqlite://", "sqlite:///path"),
        ("sqlite:///:memory:", "sqlite:///path"),
        ("sqlite:////tmp/x.db?mode=ro", "sqlite:///path"),
        ("sqlite:////proc/strongroom/x.db", "cannot open"),
    ],
)
def test_a_url_that_cannot_be_used(url: str, reason: str) -> None:
    with pytest.raises(OperatorError, match=reason):
        uvloop.run(open_store(url))


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"certainly not a database" * 100)
    with pytest.raises(OperatorError, match="not a database"):
        uvloop.run(open_store(f"sqlite:///{tmp_path}/x.db"))
    with pytest.raises(OperatorError, match="cannot open"):
        uvloop.run(open_store(f"sqlite:///{tmp_path}"))
