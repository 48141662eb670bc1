"""Parameter Store by the AWS CLI, unmodified: what a person types to keep an application's settings."""

import json
import subprocess
import uuid
from typing import Any

import pytest
from tests.clients.installed import aws_command
from tests.running_server import RunningServer


class Cli:
    """`aws ssm` connected to a server."""

    def __init__(self, server: RunningServer) -> None:
        self._environment = server.environment() | {"AWS_PAGER": ""}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [aws_command(), "--output", "json", "ssm", *arguments]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=60)

    def answer(self, *arguments: str) -> dict[str, Any]:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout) if done.stdout else {}
        return found


@pytest.fixture(scope="module")
def cli(server: RunningServer) -> Cli:
    return Cli(server)


@pytest.fixture
def path() -> str:
    """A path of a test's own."""
    return f"/cli-{uuid.uuid4().hex[:8]}"


def test_an_applications_settings(cli: Cli, server: RunningServer, path: str) -> None:
    made = cli.answer("put-parameter", "--name", f"{path}/db/password", "--value", "geheim", "--type", "SecureString")
    assert made == {"Version": 1, "Tier": "Standard"}
    ssm = server.client("ssm")
    for number in range(22):
        ssm.put_parameter(Name=f"{path}/many/p{number:02}", Value=f"value {number}", Type="SecureString")
    ssm.put_parameter(Name=f"{path}/hosts", Value="a,b", Type="StringList")
    # The CLI asks for page after page by itself.
    listed = cli.answer("get-parameters-by-path", "--path", path, "--recursive", "--with-decryption")["Parameters"]
    values = {each["Name"]: each["Value"] for each in listed}
    assert len(values) == 24
    assert values[f"{path}/db/password"] == "geheim"
    assert values[f"{path}/many/p21"] == "value 21"
    assert list(values) == sorted(values)
    first = cli.answer("get-parameters-by-path", "--path", path, "--recursive", "--max-items", "5", "--page-size", "2")
    assert [each["Name"] for each in first["Parameters"]] == list(values)[:5]
    more = ("--max-items", "100", "--page-size", "2", "--starting-token", first["NextToken"])
    rest = cli.answer("get-parameters-by-path", "--path", path, "--recursive", *more)["Parameters"]
    assert [each["Name"] for each in first["Parameters"] + rest] == list(values)
    sealed = next(each for each in first["Parameters"] if each["Type"] == "SecureString")
    assert sealed["Value"] != values[sealed["Name"]]
    one_level = cli.answer("get-parameters-by-path", "--path", path)["Parameters"]
    assert [each["Name"] for each in one_level] == [f"{path}/hosts"]


def test_versions_labels_and_an_end(cli: Cli, path: str) -> None:
    name = f"{path}/setting"
    tags = ("--tags", "Key=team,Value=blue")
    cli.answer(
        "put-parameter", "--name", name, "--value", "1", "--type", "String", "--allowed-pattern", "^[0-9]+$", *tags
    )
    again = cli.run("put-parameter", "--name", name, "--value", "2", "--type", "String")
    assert "(ParameterAlreadyExists)" in again.stderr
    assert cli.answer("put-parameter", "--name", name, "--value", "2", "--overwrite")["Version"] == 2
    wrong = cli.run("put-parameter", "--name", name, "--value", "two", "--overwrite")
    assert "(ParameterPatternMismatchException)" in wrong.stderr
    cli.answer("label-parameter-version", "--name", name, "--parameter-version", "1", "--labels", "stable")
    for selector, value in (("", "2"), (":1", "1"), (":stable", "1")):
        assert cli.answer("get-parameter", "--name", f"{name}{selector}")["Parameter"]["Value"] == value
    several = cli.answer("get-parameters", "--names", f"{name}:stable", f"{path}/none")
    assert several["Parameters"][0]["Selector"] == ":stable"
    assert several["InvalidParameters"] == [f"{path}/none"]
    history = cli.answer("get-parameter-history", "--name", name)["Parameters"]
    assert [(each["Version"], each["Labels"]) for each in history] == [(1, ["stable"]), (2, [])]
    filters = ("--parameter-filters", f"Key=Path,Option=Recursive,Values={path}", "Key=tag:team,Values=blue")
    described = cli.answer("describe-parameters", *filters)["Parameters"]
    assert [(each["Name"], each["Version"], each["Tier"]) for each in described] == [(name, 2, "Standard")]
    of_name = ("--resource-type", "Parameter", "--resource-id", name)
    assert cli.answer("list-tags-for-resource", *of_name)["TagList"] == [{"Key": "team", "Value": "blue"}]
    cli.answer("delete-parameter", "--name", name)
    gone = cli.run("get-parameter", "--name", name)
    assert "(ParameterNotFound)" in gone.stderr
