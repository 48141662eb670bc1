"""Leases, on every database."""

import asyncio

import uvloop

from strongroom.storage.leases import acquire, release
from strongroom.storage.store import open_store


def test_one_holder_at_a_time(store_url: str) -> None:
    async def scenario() -> None:
        store = await open_store(store_url)
        assert await acquire(store, "rotation", "a", ttl_seconds=30, now=1000.0)
        assert not await acquire(store, "rotation", "b", ttl_seconds=30, now=1029.9)
        assert await acquire(store, "deletion", "b", ttl_seconds=30, now=1000.0)
        assert await acquire(store, "rotation", "a", ttl_seconds=30, now=1029.0)  # Renewed, until 1059.
        assert not await acquire(store, "rotation", "b", ttl_seconds=30, now=1058.9)
        assert await acquire(store, "rotation", "b", ttl_seconds=30, now=1059.0)
        assert not await acquire(store, "rotation", "a", ttl_seconds=30, now=1060.0)
        await release(store, "rotation", "a")
        assert not await acquire(store, "rotation", "a", ttl_seconds=30, now=1060.0)
        await release(store, "rotation", "b")
        assert await acquire(store, "rotation", "a", ttl_seconds=30, now=1060.0)
        await store.close()

    uvloop.run(scenario())


def test_a_race_has_one_winner(store_url: str) -> None:
    async def scenario() -> None:
        first, second = await open_store(store_url), await open_store(store_url)
        for number in range(10):
            tries = [
                acquire(store, f"job-{number}", f"{store is first}-{n}", ttl_seconds=30, now=1000.0)
                for n in range(5)
                for store in (first, second)
            ]
            assert sum(await asyncio.gather(*tries)) == 1
        await first.close()
        await second.close()

    uvloop.run(scenario())
