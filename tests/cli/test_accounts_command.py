"""`strongroom accounts`: several accounts on one server, each with a root user of its own."""

import json
import re
import shlex
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from tests.cli.operators_command import strongroom
from tests.running_server import RunningServer

ACCOUNT = "222233334444"


def client_of(server: RunningServer, account: dict[str, str], service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=server.https,
        region_name="us-east-1",
        aws_access_key_id=account["AccessKeyId"],
        aws_secret_access_key=account["SecretAccessKey"],
        verify=str(server.ca_bundle),
    )


@pytest.fixture(scope="module")
def account(server: RunningServer) -> dict[str, str]:
    made: dict[str, str] = json.loads(
        strongroom(server, "accounts", "create", "--account-id", ACCOUNT, "--name", "second", "--format", "json")
    )
    return made


def test_a_new_account_is_served_at_once(server: RunningServer, account: dict[str, str]) -> None:
    assert re.fullmatch("AKIA[A-Z2-7]{16}", account["AccessKeyId"])
    assert re.fullmatch("[A-Za-z0-9+/]{40}", account["SecretAccessKey"])
    told = client_of(server, account, "sts").get_caller_identity()
    assert (told["Arn"], told["Account"], told["UserId"]) == (f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, ACCOUNT)


def test_its_root_is_an_ordinary_root_user(server: RunningServer, account: dict[str, str]) -> None:
    user = client_of(server, account, "iam").get_user()["User"]
    assert user["Arn"].endswith(":root")
    assert user["UserId"] == ACCOUNT


def test_the_two_share_nothing_by_themselves(server: RunningServer, account: dict[str, str], kms: Any) -> None:
    theirs = client_of(server, account, "kms")
    key = kms.create_key()["KeyMetadata"]
    assert theirs.list_keys()["Keys"] == []
    with pytest.raises(ClientError, match="AccessDeniedException"):
        theirs.encrypt(KeyId=key["Arn"], Plaintext=b"x")
    policy = json.loads(kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"])
    policy["Statement"].append(
        {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:Encrypt", "Resource": "*"}
    )
    kms.put_key_policy(KeyId=key["KeyId"], Policy=json.dumps(policy))
    blob = theirs.encrypt(KeyId=key["Arn"], Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    with pytest.raises(ClientError, match="AccessDeniedException"):
        theirs.decrypt(CiphertextBlob=blob)


def test_the_list(server: RunningServer, account: dict[str, str]) -> None:
    rows = json.loads(strongroom(server, "accounts", "list", "--format", "json"))
    names = {row["AccountId"]: row["Name"] for row in rows}
    assert names[ACCOUNT] == "second"
    assert set(names) >= {"000000000000", ACCOUNT}
    assert len({row["OrganizationId"] for row in rows if row["AccountId"] in ("000000000000", ACCOUNT)}) == 1
    assert account["SecretAccessKey"] not in json.dumps(rows)
    assert ACCOUNT in strongroom(server, "accounts", "list")


@pytest.mark.parametrize(
    ("account_id", "name", "why"),
    [
        (ACCOUNT, "again", "exists already"),
        ("12345", "short", "12 digits"),
        ("12345678901a", "letters", "12 digits"),
        ("555566667777", "", "1 to 50"),
        ("555566667777", "x" * 51, "1 to 50"),
    ],
)
def test_what_is_refused(server: RunningServer, account: dict[str, str], account_id: str, name: str, why: str) -> None:
    told = strongroom(server, "accounts", "create", "--account-id", account_id, "--name", name, status=2)
    assert why in told


def test_the_way_in_of_another_account(server: RunningServer, account: dict[str, str]) -> None:
    variables = json.loads(strongroom(server, "env", "--account", ACCOUNT, "--format", "json"))
    assert variables["AWS_SECRET_ACCESS_KEY"] == account["SecretAccessKey"]
    assert variables["STRONGROOM_ACCOUNT_ID"] == ACCOUNT
    assert "no active access key" in strongroom(server, "env", "--account", "999999999999", status=2)


def test_an_account_outside_the_organization(server: RunningServer) -> None:
    made = json.loads(
        strongroom(
            server,
            *("accounts", "create", "--account-id", "333344445555", "--name", "stranger"),
            *("--organization-id", "none", "--format", "json"),
        )
    )
    assert made["OrganizationId"] is None


def test_what_the_variables_of_a_shell_say_is_not_what_is_made_or_listed(server: RunningServer) -> None:
    """`strongroom env` exports STRONGROOM_ACCOUNT_ID: whoever forgets --account-id must not get that one."""
    complaint = strongroom(server, "accounts", "create", "--name", "x", status=2, STRONGROOM_ACCOUNT_ID="555566667777")
    assert "--account-id" in complaint
    listed = strongroom(server, "accounts", "list", STRONGROOM_FORMAT="json")
    assert not listed.startswith("[")
    assert "555566667777" not in listed


def test_whoever_makes_an_account_is_told_how_to_use_it(server: RunningServer) -> None:
    told = strongroom(server, "accounts", "create", "--account-id", "666677778888", "--name", "third")
    command = re.search(r'eval "\$\((strongroom .*)\)"', told)
    assert command is not None
    words = shlex.split(command[1])
    shown = strongroom(server, *words[1 : words.index("--data")])
    (key_id,) = re.findall(r"AccessKeyId +(AKIA[A-Z2-7]{16})", told)
    assert f"AWS_ACCESS_KEY_ID={key_id}" in shown
    assert command[1] == f"strongroom env --account 666677778888 --data {server.data}"
