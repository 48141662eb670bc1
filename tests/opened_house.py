"""A house without a server in front: operations called directly, with a clock that a test moves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest
from tests.migrated_databases import put_migrated_sqlite

from strongroom.base.clock import Clock
from strongroom.base.configuration import Configuration
from strongroom.base.context import NOT_SIGNED, Authentication, Origin, new_request_id
from strongroom.model.service import service_model
from strongroom.operations.callers import Caller
from strongroom.operations.house import House
from strongroom.operations.perform import perform
from strongroom.operations.periodic import PERIODIC
from strongroom.server.house import open_house

T = TypeVar("T")
ACCOUNT = "111122223333"


class OpenedHouse:
    """A house, a caller (the account's root by default), and the way through the door for both."""

    def __init__(self, house: House, clock: Clock) -> None:
        self.house = house
        self.clock = clock
        self.caller = Caller.root(ACCOUNT, "AKIATESTROOTKEY00001")

    async def call(
        self,
        service: str,
        operation: str,
        *,
        caller: Caller | None = None,
        region: str = "us-east-1",
        via: str | None = None,
        secure: bool = True,
        authentication: Authentication = NOT_SIGNED,
        **params: Any,
    ) -> dict[str, Any]:
        """Perform one operation, validated against the service model, as the wire would.

        What comes to S3 in headers and in queries is not: its operations have refusals of their own for it.
        """
        now = self.clock.now()
        origin = Origin(new_request_id(now), now, "127.0.0.1", secure, "1.3" if secure else None)
        origin = origin._replace(authentication=authentication)
        if service != "s3":
            service_model(service).operations[operation].validate(params)
        return await perform(
            self.house,
            service,
            operation,
            params,
            caller=caller or self.caller,
            origin=origin,
            region=region,
            called_via=(via,) if via else (),
        )

    async def kms(self, operation: str, **params: Any) -> dict[str, Any]:
        """Perform one KMS operation."""
        return await self.call("kms", operation, **params)

    async def run_periodic_work(self) -> None:
        """Do everything that is due, once, as the scheduler does."""
        for work in PERIODIC.values():
            await work(self.house)


@asynccontextmanager
async def opened_house(home: Path, database: str = "", **choices: Any) -> AsyncIterator[OpenedHouse]:
    """Open a house on `home`, without the scheduler, and without request quotas unless `choices` turn them on."""
    clock = Clock()
    choices = {"request_quotas": "off"} | choices
    configuration = Configuration(
        data=home / "data", account_id=ACCOUNT, database=database, root_key_file=home / "root.key", **choices
    )
    configuration.data.mkdir(mode=0o700, exist_ok=True)
    if not (database or configuration.sqlite_file.exists()):
        await put_migrated_sqlite(configuration.sqlite_file)
    house = await open_house(configuration, clock)
    try:
        yield OpenedHouse(house, clock)
    finally:
        await house.close()


class InHouse(Protocol[T]):
    """Runs a coroutine function of a house; `choices` are those of its configuration."""

    def __call__(self, body: Callable[[OpenedHouse], Awaitable[T]], **choices: Any) -> T: ...


@pytest.fixture(params=["sqlite", "postgresql"])
def in_house(request: pytest.FixtureRequest, tmp_path: Path) -> InHouse[Any]:
    """Run a coroutine function of a fresh house, once on each database. `choices` are those of its configuration."""
    database = "" if request.param == "sqlite" else request.getfixturevalue("migrated_postgresql_url")

    def run(body: Callable[[OpenedHouse], Awaitable[T]], **choices: Any) -> T:
        async def main() -> T:
            async with opened_house(tmp_path, database, **choices) as opened:
                return await body(opened)

        return asyncio.run(main())

    return run
