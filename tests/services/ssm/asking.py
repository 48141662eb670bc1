"""Ways to ask Parameter Store, of a house without a server."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

import pytest
from tests.opened_house import ACCOUNT, OpenedHouse, opened_house

from strongroom.operations.trail import AuditRecord

ARN = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter"


async def ask(house: OpenedHouse, operation: str, **params: Any) -> dict[str, Any]:
    """Perform one operation of Parameter Store."""
    return await house.call("ssm", operation, **params)


async def put(house: OpenedHouse, name: str, value: str = "value", **params: Any) -> int:
    """Put a String, unless told otherwise; return its version."""
    if not params.get("Overwrite"):
        params = {"Type": "String"} | params
    version: int = (await ask(house, "PutParameter", Name=name, Value=value, **params))["Version"]
    return version


async def shown(house: OpenedHouse, name: str, **params: Any) -> dict[str, Any]:
    """Return a parameter as GetParameter shows it, decrypted unless told otherwise."""
    answer = await ask(house, "GetParameter", Name=name, **({"WithDecryption": True} | params))
    parameter: dict[str, Any] = answer["Parameter"]
    return parameter


async def value(house: OpenedHouse, name: str, **params: Any) -> str:
    """Return the value of a parameter, decrypted unless told otherwise."""
    found: str = (await shown(house, name, **params))["Value"]
    return found


async def names(house: OpenedHouse, operation: str, **params: Any) -> list[str]:
    """Return the names that a listing has, over all its pages."""
    found: list[str] = []
    while True:
        answer = await ask(house, operation, **params)
        found += [each["Name"] for each in answer["Parameters"]]
        if "NextToken" not in answer:
            return found
        params["NextToken"] = answer["NextToken"]


async def records(house: OpenedHouse, source: str = "ssm.amazonaws.com") -> list[AuditRecord]:
    """Return the audit records of a service, oldest first."""
    now = house.clock.now()
    every = await house.house.audit.records(now - 10_000_000, now + 600)
    return [record for record in every if record.event_source == source]


class InSqliteHouse(Protocol):
    """Runs a coroutine function of a fresh house on SQLite; `choices` are those of its configuration."""

    def __call__(self, body: Callable[[OpenedHouse], Awaitable[None]], **choices: Any) -> None: ...


@pytest.fixture
def in_sqlite_house(tmp_path: Path) -> InSqliteHouse:
    """Run a coroutine function of a fresh house: for what does not depend on the database."""

    def run(body: Callable[[OpenedHouse], Awaitable[None]], **choices: Any) -> None:
        async def main() -> None:
            async with opened_house(tmp_path, **choices) as opened:
                await body(opened)

        asyncio.run(main())

    return run
