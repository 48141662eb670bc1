"""CodeBuild by the AWS CLI, unmodified: what a person types to have something built."""

import json
import subprocess
import time
from typing import Any

from tests.clients.installed import aws_command
from tests.running_server import RunningServer
from tests.services.codebuild.building import ENVIRONMENT, Workshop, demand_sandbox, specification


def test_a_build_by_hand(server: RunningServer) -> None:
    demand_sandbox()
    workshop = Workshop(server)

    def aws(*arguments: str) -> Any:
        command = [aws_command(), "--output", "json", *arguments]
        environment = server.environment() | {"AWS_PAGER": ""}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    source = {"type": "NO_SOURCE", "buildspec": specification("echo by hand")}
    made = aws(
        *("codebuild", "create-project", "--name", workshop.name, "--service-role", workshop.role),
        *("--source", json.dumps(source), "--artifacts", "type=NO_ARTIFACTS"),
        *("--environment", json.dumps(ENVIRONMENT)),
    )
    assert made["project"]["name"] == workshop.name
    build_id = aws("codebuild", "start-build", "--project-name", workshop.name)["build"]["id"]
    deadline = time.monotonic() + 30
    while not (build := aws("codebuild", "batch-get-builds", "--ids", build_id)["builds"][0])["buildComplete"]:
        assert time.monotonic() < deadline, build
    assert build["buildStatus"] == "SUCCEEDED"
    place = ("--log-group-name", build["logs"]["groupName"], "--log-stream-name", build["logs"]["streamName"])
    events = aws("logs", "get-log-events", *place, "--start-from-head")["events"]
    assert "by hand\n" in [event["message"] for event in events]
