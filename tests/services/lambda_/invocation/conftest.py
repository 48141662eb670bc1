"""What tests of running functions share: a machine that can contain them, and one server with functions."""

import os

import pytest
from tests.runners.contained import why_not


@pytest.fixture(scope="session", autouse=True)
def _contained() -> None:
    """Demand a sandbox. With CI=true a machine without one fails, elsewhere the tests are skipped."""
    reason = why_not()
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
