"""Fixtures of the tests of CodeBuild."""

import pytest
from tests.running_server import RunningServer
from tests.services.codebuild.building import Workshop, demand_sandbox


@pytest.fixture(scope="module")
def workshop(server: RunningServer) -> Workshop:
    """CodeBuild of the shared server."""
    demand_sandbox()
    return Workshop(server)
