"""A server that bad input is thrown at, apart from the one that the other tests share."""

from collections.abc import Iterator

import pytest
from tests.faults.plain_client import PlainClient, assert_unharmed
from tests.running_server import RunningServer, running_server


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The server to throw things at."""
    with running_server(tmp_path_factory.mktemp("target")) as running:
        yield running


@pytest.fixture
def unharmed(target: RunningServer) -> Iterator[RunningServer]:
    """The same server; when the test ends it must go on serving, and have met nothing that it did not foresee."""
    yield target
    assert_unharmed(target)


@pytest.fixture
def client(unharmed: RunningServer) -> Iterator[PlainClient]:
    """A client that sends what it is told to."""
    connected = PlainClient(unharmed)
    yield connected
    connected.close()
