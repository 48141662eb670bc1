"""IAM by the AWS CLI, unmodified: what a person types to let a colleague in."""

import json
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
from tests.clients.installed import aws_command
from tests.running_server import RunningServer

TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"%s"},"Action":"sts:AssumeRole"}]}'


class Cli:
    """`aws` connected to a server, as the root user unless another key is given."""

    def __init__(self, server: RunningServer) -> None:
        self._environment = server.environment() | {"AWS_MAX_ATTEMPTS": "1", "AWS_PAGER": ""}

    def run(self, *arguments: str, key: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        environment = dict(self._environment)
        if key is not None:
            environment |= {
                "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
                "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
            }
        command = [aws_command(), "--output", "json", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)

    def answer(self, *arguments: str, key: dict[str, str] | None = None) -> dict[str, Any]:
        done = self.run(*arguments, key=key)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout) if done.stdout else {}
        return found


@pytest.fixture(scope="module")
def cli(server: RunningServer) -> Cli:
    return Cli(server)


def test_a_user_is_let_in_and_out_again(cli: Cli, tmp_path: Path) -> None:
    name = f"ann-{uuid.uuid4().hex[:8]}"
    user = cli.answer("iam", "create-user", "--user-name", name, "--tags", "Key=team,Value=x")["User"]
    key = cli.answer("iam", "create-access-key", "--user-name", name)["AccessKey"]
    denied = cli.run("iam", "get-user", key=key)
    assert denied.returncode != 0
    assert "AccessDenied" in denied.stderr
    assert f"is not authorized to perform: iam:GetUser on resource: {user['Arn']}" in denied.stderr
    document = tmp_path / "own.json"
    document.write_text(
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:GetUser",'
        '"Resource":"arn:aws:iam::*:user/${aws:username}"}}'
    )
    policy = ("--policy-name", "own", "--policy-document", f"file://{document}")
    cli.answer("iam", "put-user-policy", "--user-name", name, *policy)
    assert cli.answer("iam", "get-user", key=key)["User"] == user
    conflict = cli.run("iam", "delete-user", "--user-name", name)
    assert "(DeleteConflict)" in conflict.stderr
    cli.answer("iam", "delete-access-key", "--user-name", name, "--access-key-id", key["AccessKeyId"])
    cli.answer("iam", "delete-user-policy", "--user-name", name, "--policy-name", "own")
    cli.answer("iam", "delete-user", "--user-name", name)
    gone = cli.run("iam", "get-user", key=key)
    assert "(InvalidClientTokenId)" in gone.stderr


def test_a_role_and_its_trust_policy(cli: Cli) -> None:
    name = f"reader-{uuid.uuid4().hex[:8]}"
    account = str(cli.answer("sts", "get-caller-identity")["Account"])
    trust = TRUST % f"arn:aws:iam::{account}:root"
    cli.answer("iam", "create-role", "--role-name", name, "--assume-role-policy-document", trust)
    role = cli.answer("iam", "get-role", "--role-name", name)["Role"]
    assert role["AssumeRolePolicyDocument"] == json.loads(trust)
    listed = cli.answer("iam", "list-roles", "--max-items", "1000", "--page-size", "1")["Roles"]
    assert name in [each["RoleName"] for each in listed]
    broken = cli.run("iam", "update-assume-role-policy", "--role-name", name, "--policy-document", "{")
    assert "(MalformedPolicyDocument)" in broken.stderr
    assert "This policy contains invalid Json" in broken.stderr
    cli.answer("iam", "delete-role", "--role-name", name)
    waited = cli.run("iam", "get-role", "--role-name", name)
    assert "(NoSuchEntity)" in waited.stderr


def test_an_mfa_device_is_bootstrapped_by_a_picture(cli: Cli, tmp_path: Path) -> None:
    name, picture = f"phone-{uuid.uuid4().hex[:8]}", tmp_path / "phone.png"
    bootstrap = ("--bootstrap-method", "QRCodePNG", "--outfile", str(picture))
    made = cli.answer("iam", "create-virtual-mfa-device", "--virtual-mfa-device-name", name, *bootstrap)
    # The seed is in the picture, and is not printed beside it.
    assert set(made["VirtualMFADevice"]) == {"SerialNumber"}
    assert picture.read_bytes().startswith(b"\x89PNG\r\n")
    serial_number = made["VirtualMFADevice"]["SerialNumber"]
    cli.answer("iam", "delete-virtual-mfa-device", "--serial-number", serial_number)
