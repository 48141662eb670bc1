"""A real server whose store has users and roles, for real clients."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.identities_made import ACCOUNT, Identities, Made, allow, house_to_be_served, served_options, trust
from tests.opened_house import InHouse, opened_house
from tests.running_server import RunningServer, running_server


class Served(NamedTuple):
    """A server, the user `ann`, and the role `Reader` that she may assume."""

    server: RunningServer
    ann: Made
    reader: Made

    def client(self, service: str, made: Made | None = None, **given: Any) -> Any:
        """Return a client for a user, or for the credentials of an STS answer."""
        credentials = given.pop("credentials", None)
        key = {
            "aws_access_key_id": credentials["AccessKeyId"] if credentials else (made or self.ann).access_key_id,
            "aws_secret_access_key": credentials["SecretAccessKey"]
            if credentials
            else (made or self.ann).secret_access_key,
            "aws_session_token": credentials["SessionToken"] if credentials else None,
        }
        return self.server.client(service, **(key | given))


@pytest.fixture
def on_sqlite(tmp_path: Path) -> InHouse[Any]:
    """Run a coroutine function of a fresh house: `in_house`, for what does not depend on the database."""

    def run(body: Any) -> Any:
        async def main() -> Any:
            async with opened_house(tmp_path) as opened:
                return await body(opened)

        return asyncio.run(main())

    return run


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("sts")

    async def make() -> tuple[Made, Made]:
        house = await house_to_be_served(home)
        try:
            made = Identities(house)
            ann = await made.user("ann", allow(["sts:*", "kms:*"]))
            reader = await made.role(
                "Reader",
                allow("kms:ListKeys"),
                trusts=[trust(ACCOUNT, ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"])],
            )
            return ann, reader
        finally:
            await house.close()

    ann, reader = asyncio.run(make())
    with running_server(home, options=served_options(home)) as server:
        yield Served(server, ann, reader)
