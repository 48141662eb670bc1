"""What docs/rotation.md says, done with the AWS CLI."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.clients.shell import Shell
from tests.rotated_databases import HOST, RotatedPostgresql
from tests.rotation_functions.functions import ROTATION_SECONDS_MAX, must_be_contained
from tests.running_server import eventually, running_server

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "rotation.md").read_text()


@pytest.fixture
def connected(tmp_path: Path, rotated_postgresql: RotatedPostgresql) -> Iterator[Shell]:
    must_be_contained()
    options = ("--outbound-addresses", f"{HOST}:{rotated_postgresql.port}")
    for name in ("server", "home"):
        (tmp_path / name).mkdir()
    with running_server(tmp_path / "server", options=options) as running:
        yield Shell(running, tmp_path / "home")


def commands() -> list[str]:
    """Return the commands of the document, in order."""
    blocks = re.findall(r"^ *```sh\n(.*?)```", DOCUMENT, re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`((?:aws|strongroom rotation install) [^`]+)`", DOCUMENT)
    found = [*blocks, *inline]
    return [re.sub(r"\s*\n\s*", " ", command.replace("\\\n", " ")).strip() for command in found]


def chosen(start: str) -> str:
    """Return the only command that begins so."""
    [command] = [command for command in commands() if command.startswith(start)]
    return command


def test_the_document(connected: Shell, rotated_postgresql: RotatedPostgresql) -> None:
    shell, database = connected, rotated_postgresql
    place = f"{HOST}:{database.port}"
    user, master = database.make_user("of-the-user"), database.make_superuser("of-the-master")

    def adapted(command: str) -> str:
        """Return a command of the document, about the database of this test."""
        for told, meant in (
            ("db.example.com:5432/orders", f"{place}/{database.name}"),
            ("db.example.com:5432", place),
            ('"host": "db.example.com"', f'"host": "{HOST}"'),
            ('"port": 5432', f'"port": {database.port}'),
            ('"dbname": "orders"', f'"dbname": "{database.name}"'),
            ('"username": "orders", "password": "..."', f'"username": "{user}", "password": "of-the-user"'),
            ("--master-username postgres", f"--master-username {master}"),
            ("PRESENT", "of-the-master"),
        ):
            command = command.replace(told, meant)
        return command

    def value(name: str) -> dict[str, str]:
        script = f"aws secretsmanager get-secret-value --secret-id '{name}' --query SecretString --output text"
        values: dict[str, str] = shell.answer(script)
        return values

    shell.answer(adapted(chosen("aws secretsmanager create-secret")))
    installed = shell.run(adapted(chosen("strongroom rotation install")) + f" --data {shell.data}")
    assert installed.returncode == 0, installed.stderr
    rotate = chosen("aws secretsmanager rotate-secret").replace("ARN", installed.stdout.strip(), 1)
    shell.answer(rotate)
    eventually(ROTATION_SECONDS_MAX, lambda: value("orders")["password"] != "of-the-user")
    assert database.lets_in(user, value("orders")["password"])

    made = shell.answer(adapted(chosen("aws rds create-db-instance")))["DBInstance"]
    assert (
        shell.run(
            "aws rds --endpoint-url $AWS_ENDPOINT_URL wait db-instance-available --db-instance-identifier orders"
        ).returncode
        == 0
    )
    secret = made["MasterUserSecret"]["SecretArn"]
    eventually(ROTATION_SECONDS_MAX, lambda: value(secret)["password"] != "of-the-master")
    assert database.lets_in(master, value(secret)["password"])
    told = shell.answer(
        "aws rds --endpoint-url $AWS_ENDPOINT_URL describe-db-instances --query 'DBInstances[].DBInstanceIdentifier'"
    )
    assert json.dumps(told) == '["orders"]'
