"""Local caches of several projects in one server: none of them waits for another one, or loses what it has to it."""

import asyncio
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.runners.test_trees import nest

from strongroom.services.codebuild.running.caches import local_caches
from strongroom.services.codebuild.running.caches.local_caches import LocalCaches


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalCaches:
    (tmp_path / "caches").mkdir()
    memory = SimpleNamespace(make=lambda name: tmp_path / name)
    monkeypatch.setattr(local_caches, "memory_directory", lambda: memory)
    return LocalCaches(cast(Any, SimpleNamespace(before_close=lambda stop: None)))


async def keep(caches: LocalCaches, scope: str, path: Path, size: int = 10) -> None:
    path.write_bytes(bytes(size))
    await caches.keep_archive(scope, path)


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def test_who_fetches_a_repository_keeps_nobody_else_waiting(caches: LocalCaches, tmp_path: Path) -> None:
    async def main() -> None:
        async with caches.mirror("slow", "https://r.example.com/x") as mirror:
            mirror.mkdir()
            async with asyncio.timeout(10):
                await keep(caches, "other", tmp_path / "a")
                caches.forget("other")
                caches.forget("slow")
                await until(lambda: not (tmp_path / "caches" / "other").exists())
                await keep(caches, "third", tmp_path / "a")
            assert mirror.exists()
        await until(lambda: not mirror.exists())
        assert caches.link_archive("third", tmp_path / "b")
        await caches._close()
        assert not (tmp_path / "caches").exists()

    asyncio.run(main())


def test_what_does_not_fit_costs_no_other_project_its_cache(
    caches: LocalCaches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_caches, "LOCAL_BYTES_MAX", 100)

    async def main() -> None:
        for number, (scope, size) in enumerate((("first", 60), ("second", 40), ("huge", 101))):
            await keep(caches, scope, tmp_path / "a", size)
            if scope != "huge":
                os.utime(tmp_path / "caches" / scope, (number, number))
        async with caches.mirror("deep", "https://r.example.com/x") as mirror:
            nest(mirror, 1_200)
        kept = {path.name for path in (tmp_path / "caches").iterdir()}
        assert kept == {"first", "second"}
        await keep(caches, "newest", tmp_path / "a", 10)
        # The one that was used longest ago has no place any more.
        assert {path.name for path in (tmp_path / "caches").iterdir()} == {"second", "newest"}

    asyncio.run(main())
