"""Whether there can be networks here: where there can be none, tests are skipped; with CI=true they fail."""

import asyncio
import os

import pytest

from strongroom.runners.networks.keeping import why_no_networks
from strongroom.runners.probe import probe_now


@pytest.fixture(scope="session")
def networks() -> None:
    """Demand that there can be networks, and sandboxes to join them, on this machine."""
    reason = probe_now().refusal or asyncio.run(why_no_networks())
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
