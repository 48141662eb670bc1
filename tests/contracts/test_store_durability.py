"""What a store acknowledged is still there after its process was killed."""

import signal
import subprocess
import sys

import uvloop
from tests.contracts.notes import names, open_notes

_WRITER = """
import asyncio, sys
from sqlalchemy import text
from strongroom.storage.store import open_store

async def main():
    store = await open_store(sys.argv[1])

    async def keep_writing(writer):
        for number in range(1_000_000):
            name = f"{writer}-{number}"
            statement = text("INSERT INTO notes (name, position) VALUES (:name, 0)").bindparams(name=name)
            await store.write(lambda connection: connection.execute(statement).rowcount)
            print(name, flush=True)

    await asyncio.gather(*(keep_writing(writer) for writer in range(8)))

asyncio.run(main())
"""
_ACKNOWLEDGED_MIN = 400


def test_acknowledged_writes_survive_kill_9(store_url: str) -> None:
    async def prepare() -> None:
        async with open_notes(store_url):
            pass

    uvloop.run(prepare())
    with subprocess.Popen([sys.executable, "-c", _WRITER, store_url], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline().strip() for _ in range(_ACKNOWLEDGED_MIN)]
        process.send_signal(signal.SIGKILL)
        # The last line may be cut short.
        acknowledged += [line.strip() for line in process.stdout.readlines() if line.endswith("\n")]
        assert process.wait() == -signal.SIGKILL

    async def check() -> None:
        async with open_notes(store_url) as store:
            kept = set(await store.read(names))
            assert "" not in acknowledged
            assert set(acknowledged) <= kept
            # A write may have been committed without its answer getting out: one for each of the eight writers.
            assert len(kept) <= len(acknowledged) + 8

    uvloop.run(check())
