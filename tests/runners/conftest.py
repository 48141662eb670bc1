"""Jobs, contained: by whoever runs the tests, and by an ordinary user where root runs them."""

import os
from collections.abc import Callable

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
