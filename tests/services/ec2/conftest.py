"""A house for tests that do not depend on the database: what they ask of it, test_vpcs asks of both."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import pytest
from tests.opened_house import OpenedHouse, opened_house


class InSqliteHouse(Protocol):
    """Runs a coroutine function of a fresh house on SQLite."""

    def __call__(self, body: Callable[[OpenedHouse], Awaitable[None]]) -> None: ...


@pytest.fixture
def in_sqlite_house(tmp_path: Path) -> InSqliteHouse:
    """Run a coroutine function of a fresh house on SQLite."""

    def run(body: Callable[[OpenedHouse], Awaitable[None]]) -> None:
        async def main() -> None:
            async with opened_house(tmp_path) as opened:
                await body(opened)

        asyncio.run(main())

    return run
