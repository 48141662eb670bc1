"""`Store.append` on every database: what nobody waits for is there all the same."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from strongroom.storage.connection import Connection
from strongroom.storage.store import open_store

COUNT = text("SELECT count(*) FROM appended")


def create(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE appended (number INTEGER PRIMARY KEY)"))


def insert(connection: Connection, number: int) -> None:
    connection.execute(text("INSERT INTO appended (number) VALUES (:number)"), {"number": number})


def count(connection: Connection) -> int:
    found = connection.execute(COUNT).scalar_one()
    assert isinstance(found, int)
    return found


def test_appended_rows_are_read_at_once_and_after_reopening(store_url: str) -> None:
    async def main() -> None:
        store = await open_store(store_url)
        await store.write(create)
        for number in range(10):
            await store.append(lambda connection, number=number: insert(connection, number))
            assert await store.read(count) == number + 1
        await store.close()
        store = await open_store(store_url)
        assert await store.read(count) == 10
        await store.close()

    asyncio.run(main())


def test_appends_and_writes_at_once_all_arrive(store_url: str) -> None:
    async def main() -> None:
        store = await open_store(store_url)
        await store.write(create)
        verbs = [store.append if number % 2 else store.write for number in range(200)]
        await asyncio.gather(*(verb(lambda connection, n=n: insert(connection, n)) for n, verb in enumerate(verbs)))
        assert await store.read(count) == 200
        await store.close()

    asyncio.run(main())


def test_a_failing_append_leaves_nothing_and_the_store_lives_on(store_url: str) -> None:
    def fail(connection: Connection) -> None:
        insert(connection, 1)
        raise LookupError("refused")

    async def main() -> None:
        store = await open_store(store_url)
        await store.write(create)
        with pytest.raises(LookupError):
            await store.append(fail)
        assert await store.read(count) == 0
        await store.append(lambda connection: insert(connection, 1))
        assert await store.read(count) == 1
        await store.close()

    asyncio.run(main())


CHILD = """
import asyncio, sys
from tests.contracts.test_store_append import create, insert
from strongroom.storage.store import open_store
async def main():
    store = await open_store(sys.argv[1])
    await store.write(create)
    number = 0
    while True:
        await store.append(lambda connection: insert(connection, number))
        number += 1
        print(number, flush=True)
asyncio.run(main())
"""


def test_what_was_appended_outlives_a_killed_process(store_url: str) -> None:
    async def main() -> tuple[int, int]:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            CHILD,
            store_url,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        )
        assert child.stdout is not None
        acknowledged = 0
        while acknowledged < 100:
            acknowledged = int(await child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        acknowledged = max([acknowledged, *map(int, (await child.stdout.read()).split())])
        await child.wait()
        store = await open_store(store_url)
        found = await store.read(count)
        await store.close()
        return acknowledged, found

    acknowledged, found = asyncio.run(main())
    assert acknowledged >= 100
    assert found >= acknowledged
