"""The PostgreSQL store: several servers on one database, and connections that break."""

import asyncio
import time
from collections.abc import Sequence

import pytest
import uvloop
from sqlalchemy import Connection, select, update
from tests.contracts.notes import adding, count, names, notes, open_notes
from tests.postgresql import PostgresqlServer

from strongroom.base.errors import OperatorError
from strongroom.storage.errors import StorageUnavailable
from strongroom.storage.store import open_store


async def until(condition) -> None:
    """Wait until `condition()` holds, five seconds at most."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        await asyncio.sleep(0.01)


def test_servers_hear_of_each_others_changes(postgresql_url: str) -> None:
    async def scenario() -> None:
        async with open_notes(postgresql_url) as here, open_notes(postgresql_url) as there:
            heard_here: list[Sequence[str]] = []
            heard_there: list[Sequence[str]] = []
            here.subscribe(heard_here.append)
            there.subscribe(heard_there.append)
            await here.write(adding("one"), invalidates=["key/1", "schlüssel/2"])
            await until(lambda: heard_there)
            assert heard_there == [("key/1", "schlüssel/2")]
            assert await there.read(names) == ["one"]
            many = [f"key/{number:05}/{'x' * 50}" for number in range(300)]
            await there.write(adding("two"), invalidates=many)
            await until(lambda: sum(map(len, heard_here)) == 302)
            assert [name for changed in heard_here[1:] for name in changed] == many
            await there.write(adding("three"), invalidates=["x" * 8000])
            await until(lambda: heard_here[-1] == ())
            await asyncio.sleep(0.05)
            assert heard_here[0] == ("key/1", "schlüssel/2")
            assert len(heard_there) == 3  # A server does not hear its own changes twice.

    uvloop.run(scenario())


def test_colliding_writes_of_two_servers_are_repeated(postgresql_url: str) -> None:
    def increment(connection: Connection) -> None:
        position = connection.execute(select(notes.c.position).where(notes.c.name == "counter")).scalar_one()
        connection.execute(update(notes).where(notes.c.name == "counter").values(position=position + 1))

    async def scenario() -> None:
        async with open_notes(postgresql_url) as here, open_notes(postgresql_url) as there:
            await here.write(adding("counter"))
            await asyncio.gather(*(store.write(increment) for _ in range(60) for store in (here, there)))
            assert await here.read(lambda connection: connection.execute(select(notes.c.position)).scalar_one()) == 120

    uvloop.run(scenario())


def test_no_write_skew_between_servers(postgresql_url: str) -> None:
    limit = 5

    def adding_within_limit(name: str):
        def fn(connection: Connection) -> bool:
            if count(connection) >= limit:
                return False
            adding(name)(connection)
            return True

        return fn

    async def scenario() -> None:
        async with open_notes(postgresql_url) as here, open_notes(postgresql_url) as there:
            tries = [
                store.write(adding_within_limit(f"{number}-{store is here}"))
                for number in range(20)
                for store in (here, there)
            ]
            assert sum(await asyncio.gather(*tries)) == limit
            assert await here.read(count) == limit

    uvloop.run(scenario())


def test_broken_connections_are_replaced(
    postgresql_server: PostgresqlServer, postgresql_database: str, postgresql_url: str
) -> None:
    async def scenario() -> None:
        async with open_notes(postgresql_url) as store:
            heard: list[Sequence[str]] = []
            store.subscribe(heard.append)
            await store.write(adding("one"))
            for verb, fn in ((store.write, adding("two")), (store.read, count)):
                postgresql_server.break_connections(postgresql_database)
                await verb(fn)
            assert await store.read(names) == ["one", "two"]
            # What other servers said meanwhile was not heard: everything may be stale.
            await until(lambda: () in heard)
            assert await store.is_healthy()

    uvloop.run(scenario())


def test_a_listener_that_was_cut_off_hears_again(
    postgresql_server: PostgresqlServer, postgresql_database: str, postgresql_url: str
) -> None:
    async def scenario() -> None:
        async with open_notes(postgresql_url) as here, open_notes(postgresql_url) as there:
            heard: list[Sequence[str]] = []
            there.subscribe(heard.append)
            postgresql_server.break_connections(postgresql_database)
            await until(lambda: heard.count(()) >= 2)  # One for the loss, one once it listens again.
            await here.write(adding("one"), invalidates=["key/1"])
            await until(lambda: ("key/1",) in heard)

    uvloop.run(scenario())


def test_a_connection_that_breaks_in_the_middle_of_a_group(postgresql_url: str) -> None:
    def breaking(name: str, times: list[int]):
        def fn(connection: Connection) -> str:
            adding(name)(connection)
            if times:
                times.pop()
                connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
            return name

        return fn

    async def scenario() -> None:
        async with open_notes(postgresql_url) as store:
            # Once: nothing was committed, so the group is simply run again.
            writes = [
                store.write(breaking("broken", [1]) if number == 3 else adding(f"n{number}")) for number in range(6)
            ]
            assert await asyncio.gather(*writes) == ["n0", "n1", "n2", "broken", "n4", "n5"]
            # Again and again: an outage.
            with pytest.raises(StorageUnavailable):
                await store.write(breaking("never", [1] * 20))
            assert await store.write(adding("after")) == "after"
            assert await store.read(count) == 7

    uvloop.run(scenario())


def test_a_server_that_takes_no_writes_is_an_outage(
    postgresql_server: PostgresqlServer, postgresql_database: str, postgresql_url: str
) -> None:
    async def scenario() -> None:
        async with open_notes(postgresql_url) as store:

            def read_only_then_adding(connection: Connection) -> None:
                connection.exec_driver_sql("SET LOCAL transaction_read_only = on")
                adding("one")(connection)

            with pytest.raises(StorageUnavailable, match="read-only"):
                await store.write(read_only_then_adding)
            assert await store.write(adding("two")) == "two"

    uvloop.run(scenario())


def test_a_hidden_database_error_does_not_pass_for_success(postgresql_url: str) -> None:
    def hiding(connection: Connection) -> str:
        try:
            adding("one")(connection)
        except Exception:
            return "all is well"
        return "it was new"

    async def scenario() -> None:
        async with open_notes(postgresql_url) as store:
            await store.write(adding("one"))
            with pytest.raises(RuntimeError, match="hid a database error"):
                await store.write(hiding)
            outcomes = await asyncio.gather(
                *(store.write(hiding if number == 2 else adding(f"n{number}")) for number in range(5)),
                return_exceptions=True,
            )
            assert [isinstance(each, RuntimeError) for each in outcomes] == [False, False, True, False, False]
            assert await store.read(count) == 5

    uvloop.run(scenario())


def test_servers_that_start_together_migrate_once(postgresql_url: str) -> None:
    async def scenario() -> None:
        stores = await asyncio.gather(*(open_store(postgresql_url) for _ in range(3)))
        assert all([await store.is_healthy() for store in stores])
        await asyncio.gather(*(store.close() for store in stores))

    uvloop.run(scenario())


def test_a_database_that_cannot_be_reached_is_named_without_its_password(tmp_path) -> None:
    url = f"postgresql://someone:pa55word@/nothing?host={tmp_path}"
    with pytest.raises(OperatorError, match="cannot open the database") as caught:
        uvloop.run(open_store(url))
    assert "pa55word" not in str(caught.value)


def test_settings_that_would_lose_writes_are_refused(
    postgresql_server: PostgresqlServer, postgresql_database: str, postgresql_url: str
) -> None:
    postgresql_server.execute(f"ALTER DATABASE {postgresql_database} SET synchronous_commit = off")
    with pytest.raises(OperatorError, match="synchronous_commit"):
        uvloop.run(open_store(postgresql_url))
