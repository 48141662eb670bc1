"""What tests of running functions share: a machine that can contain them, and one server with functions."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.opened_house import InHouse, OpenedHouse, opened_house
from tests.runners.contained import why_not


@pytest.fixture(scope="session", autouse=True)
def _contained() -> None:
    """Demand a sandbox. With CI=true a machine without one fails, elsewhere the tests are skipped."""
    reason = why_not()
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture
def in_sqlite_house(tmp_path: Path) -> InHouse[Any]:
    """Run a coroutine function of a fresh house on SQLite, for what the database makes no difference to."""

    def run(body: Callable[[OpenedHouse], Awaitable[Any]], **choices: Any) -> Any:
        async def main() -> Any:
            async with opened_house(tmp_path, **choices) as opened:
                return await body(opened)

        return asyncio.run(main())

    return run
