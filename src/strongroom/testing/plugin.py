"""The plugin of pytest: the fixture `strongroom`, an account of a throw-away server, a new one for each test.

Importing this, which every run of pytest does, imports nothing else: the server starts with the first test that asks.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from strongroom.testing.account import Account
    from strongroom.testing.supply import ServerSupply


@pytest.fixture(scope="session")
def strongroom_options() -> dict[str, Any]:
    """Options of the server, by the names of `strongroom serve`. To be overridden in a conftest.py."""
    return {}


@pytest.fixture(scope="session")
def strongroom_servers(strongroom_options: dict[str, Any]) -> "Iterator[ServerSupply]":
    """The servers of a session: one, and another one for the tests after each that moved its clock."""
    from strongroom.testing.supply import ServerSupply

    supply = ServerSupply(**strongroom_options)
    yield supply
    supply.close()


@pytest.fixture
def strongroom(strongroom_servers: "ServerSupply") -> "Iterator[Account]":
    """An account of the test's own, which boto3 and the environment of this process point at meanwhile."""
    with strongroom_servers.for_test() as account:
        yield account
