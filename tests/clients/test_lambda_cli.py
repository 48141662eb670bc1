"""Functions by the AWS CLI, unmodified: what a person types to bring a function into the world and look after it."""

import json
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
import urllib3
from tests.clients.installed import aws_command
from tests.running_server import RunningServer
from tests.services.lambda_.functions import TRUST, archive


class Cli:
    """`aws` connected to a server."""

    def __init__(self, server: RunningServer) -> None:
        self._environment = server.environment() | {"AWS_PAGER": ""}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [aws_command(), "--output", "json", *arguments]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=60)

    def answer(self, *arguments: str) -> dict[str, Any]:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout) if done.stdout else {}
        return found


@pytest.fixture(scope="module")
def cli(server: RunningServer) -> Cli:
    return Cli(server)


def test_a_function_from_its_first_day_to_its_last(cli: Cli, server: RunningServer, tmp_path: Path) -> None:
    name = f"cli-{uuid.uuid4().hex[:8]}"
    code = tmp_path / "code.zip"
    code.write_bytes(archive())
    role = server.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    named = ("--function-name", name)
    made = cli.answer(
        *("lambda", "create-function", *named, "--runtime", "python3.12", "--handler", "app.handler", "--role", role),
        *("--zip-file", f"fileb://{code}", "--environment", "Variables={COLOUR=blue}", "--tags", "team=red"),
    )
    assert made["State"] == "Active"
    assert cli.run("lambda", "wait", "function-active-v2", *named).returncode == 0
    code.write_bytes(archive({"app.py": "def handler(event, context): return 2"}))
    updated = cli.answer("lambda", "update-function-code", *named, "--zip-file", f"fileb://{code}", "--publish")
    assert updated["Version"] == "1"
    cli.answer("lambda", "update-function-configuration", *named, "--memory-size", "256", "--timeout", "10")
    cli.answer("lambda", "create-alias", *named, "--name", "live", "--function-version", "1")
    cli.answer(
        *("lambda", "add-permission", *named, "--statement-id", "rotation", "--action", "lambda:InvokeFunction"),
        *("--principal", "secretsmanager.amazonaws.com"),
    )
    policy = json.loads(cli.answer("lambda", "get-policy", *named)["Policy"])
    assert policy["Statement"][0]["Principal"] == {"Service": "secretsmanager.amazonaws.com"}
    arn = made["FunctionArn"]
    cli.answer("lambda", "tag-resource", "--resource", arn, "--tags", "stage=test")
    cli.answer("lambda", "untag-resource", "--resource", arn, "--tag-keys", "team")
    assert cli.answer("lambda", "list-tags", "--resource", arn) == {"Tags": {"stage": "test"}}
    cli.answer("lambda", "put-function-concurrency", *named, "--reserved-concurrent-executions", "3")
    found = cli.answer("lambda", "get-function", *named, "--qualifier", "live")
    assert found["Concurrency"] == {"ReservedConcurrentExecutions": 3}
    assert found["Configuration"]["FunctionArn"] == f"{arn}:live"
    fetched = urllib3.PoolManager(ca_certs=str(server.ca_bundle)).request("GET", found["Code"]["Location"])
    assert (fetched.status, fetched.data) == (200, code.read_bytes())
    versions = cli.answer("lambda", "list-versions-by-function", *named)["Versions"]
    assert [each["Version"] for each in versions] == ["$LATEST", "1"]
    refused = cli.run("lambda", "delete-function", *named, "--qualifier", "1")
    assert "ResourceConflictException" in refused.stderr
    cli.answer("lambda", "delete-function", *named)
    assert "ResourceNotFoundException" in cli.run("lambda", "get-function", *named).stderr
