"""Jobs, contained: by whoever runs the tests, and by an ordinary user where root runs them."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.runners.contained import (
    Job,
    Outcome,
    run_as_ordinary_user,
    run_as_we_are,
    why_not,
    why_not_ordinary_user,
)

Contained = Callable[[Job], Outcome]


def _skip(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def bubblewrap() -> None:
    """Demand that jobs can be contained on this machine."""
    reason = why_not()
    if reason is not None:
        _skip(reason)


@pytest.fixture(scope="session", params=["ourselves", "ordinary user"])
def contained(request: pytest.FixtureRequest, bubblewrap: None) -> Contained:
    """What runs a job to its end, by each kind of user that a server may be."""
    if request.param == "ourselves":
        return run_as_we_are
    reason = why_not_ordinary_user()
    if reason is not None:
        pytest.skip(reason)
    return run_as_ordinary_user


@pytest.fixture(scope="module")
def open_directory() -> Iterator[Path]:
    """A directory that every user of the machine can read, which those that pytest makes are not."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        os.chmod(directory, 0o755)
        yield Path(directory)
