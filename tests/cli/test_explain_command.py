"""`strongroom explain`, on what a real server recorded."""

import json
import subprocess
import sys
import uuid
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from tests.running_server import RunningServer


def explain(server: RunningServer, *arguments: str, status: int = 0) -> str:
    environment = server.environment() | {"XDG_CONFIG_HOME": str(server.home / "config")}
    command = [sys.executable, "-m", "strongroom.cli", "explain", *arguments, "--data", str(server.data)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=30)
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr


class User:
    """An IAM user with one inline policy, and its KMS client."""

    def __init__(self, server: RunningServer, *statements: dict[str, Any]) -> None:
        iam = server.client("iam")
        self.name = f"user-{uuid.uuid4().hex[:8]}"
        self.arn = iam.create_user(UserName=self.name)["User"]["Arn"]
        if statements:
            policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            iam.put_user_policy(UserName=self.name, PolicyName="own", PolicyDocument=policy)
        key = iam.create_access_key(UserName=self.name)["AccessKey"]
        self.kms = boto3.client(
            "kms",
            endpoint_url=server.https,
            region_name="us-east-1",
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
            verify=str(server.ca_bundle),
        )


def refusal_of(call: Any, **parameters: Any) -> tuple[str, str]:
    """Return the request id and the message of a refused call."""
    with pytest.raises(ClientError, match="AccessDenied") as caught:
        call(**parameters)
    response = caught.value.response
    return response["ResponseMetadata"]["RequestId"], response["Error"]["Message"]


def test_a_refusal_is_told_with_every_policy_and_the_least_change(server: RunningServer, kms: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["Arn"]
    near = {
        "Sid": "Near",
        "Effect": "Allow",
        "Action": "kms:Encrypt",
        "Resource": key,
        "Condition": {"StringEquals": {"kms:EncryptionContext:team": "red"}},
    }
    user = User(server, near)
    request_id, message = refusal_of(user.kms.encrypt, KeyId=key, Plaintext=b"x")
    told = explain(server, request_id)
    assert told.splitlines()[0].startswith("kms:Encrypt at ")
    assert told.splitlines()[0].endswith(f"request {request_id}")
    assert f"  by      IAMUser {user.arn} (access key AKIA" in told
    assert "\nRefused by an implicit deny: no identity-based policy allows it.\n" in told
    _, _, after = told.partition("Policies looked at, and what they say:\n")
    assert after.splitlines() == [
        f"  key policy of {key} (resource-based policy)",
        "    statement 1 (Enable IAM User Permissions) leaves it to the account's identity-based policies",
        f"  inline policy own of {user.arn} (identity-based policy)",
        "    statement 1 (Near) would allow it, but does not apply",
        "      not met: StringEquals kms:EncryptionContext:team 'red'; the request has no such key",
        "",
        "The least change that would allow it:",
        f"  Add to the identity-based policy of {user.arn}:",
        "    {",
        '      "Effect": "Allow",',
        '      "Action": "kms:Encrypt",',
        f'      "Resource": "{key}"',
        "    }",
        f"  Or leave the identity-based policy as it is: statement 1 (Near) of inline policy own of {user.arn} "
        "(identity-based policy) would allow it",
        "    if kms:EncryptionContext:team were red (the request has no kms:EncryptionContext:team)",
    ]
    encoded = message.rpartition("failure message: ")[2]
    assert explain(server, encoded) == told


def test_the_change_for_programs_allows_what_was_refused(server: RunningServer, kms: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["Arn"]
    user = User(server)
    request_id, _ = refusal_of(user.kms.encrypt, KeyId=key, Plaintext=b"x")
    (told,) = json.loads(explain(server, request_id, "--format", "json"))
    decision = told["decision"]
    assert (decision["outcome"], decision["layer"]) == ("ImplicitDeny", "identity-based policy")
    assert decision["policies"] == [f"key policy of {key}"]
    (addition,) = decision["additions"]
    assert (addition["layer"], addition["owner"]) == ("identity-based policy", user.arn)
    policy = json.dumps({"Version": "2012-10-17", "Statement": addition["statement"]})
    server.client("iam").put_user_policy(UserName=user.name, PolicyName="added", PolicyDocument=policy)
    user.kms.encrypt(KeyId=key, Plaintext=b"x")


def test_an_allowance_names_the_statements_of_all_that_had_to_allow(server: RunningServer, kms: Any) -> None:
    keys = [kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2)]
    blob = kms.encrypt(KeyId=keys[0], Plaintext=b"x")["CiphertextBlob"]
    answer = kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=keys[1])
    (told,) = json.loads(explain(server, answer["ResponseMetadata"]["RequestId"], "--format", "json"))
    policies = [f"key policy of {key}" for key in keys]
    assert [one["policy"] for one in told["decision"]["statements"]] == policies
    assert told["decision"]["policies"] == policies


def test_an_allowance_by_a_grant_names_the_grant(server: RunningServer, kms: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["Arn"]
    user = User(server)
    grant = kms.create_grant(KeyId=key, GranteePrincipal=user.arn, Operations=["Encrypt"])["GrantId"]
    answer = user.kms.encrypt(KeyId=key, Plaintext=b"x")
    told = explain(server, answer["ResponseMetadata"]["RequestId"])
    assert "\nAllowed by a grant.\n" in told
    assert told.endswith(f"Policies looked at:\n  key policy of {key}\n  grant {grant}\n")


def test_users_and_roles_are_told_by_their_names(server: RunningServer, kms: Any) -> None:
    """A key policy names them by unique id at rest; a deleted one keeps its id, for it has no name any more."""
    named, other, gone = User(server), User(server), User(server)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    policy["Statement"].append(
        {"Effect": "Allow", "Principal": {"AWS": [named.arn, gone.arn]}, "Action": "kms:Encrypt", "Resource": "*"}
    )
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    allowed = named.kms.encrypt(KeyId=key, Plaintext=b"x")["ResponseMetadata"]["RequestId"]
    request_id, _ = refusal_of(other.kms.encrypt, KeyId=key, Plaintext=b"x")
    iam = server.client("iam")
    gone_id = iam.get_user(UserName=gone.name)["User"]["UserId"]
    for one in iam.list_access_keys(UserName=gone.name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=gone.name, AccessKeyId=one["AccessKeyId"])
    iam.delete_user(UserName=gone.name)
    assert f'"{named.arn}"' in explain(server, allowed)
    assert f"not met: it is about {named.arn}, {gone_id}\n" in explain(server, request_id)


def test_the_root_user_needs_no_policy(server: RunningServer, kms: Any) -> None:
    told = explain(server, kms.list_keys()["ResponseMetadata"]["RequestId"])
    assert "Allowed: the root user may do everything in its own account that no policy denies." in told
    assert told.endswith("There was no policy to look at.\n")


def test_a_request_cannot_steer_the_terminal(server: RunningServer, kms: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["Arn"]
    unless = {"Null": {"kms:EncryptionContext:team": "true"}}
    user = User(server, {"Effect": "Allow", "Action": "kms:Encrypt", "Resource": key, "Condition": unless})
    context = {"team": "\x1b]0;owned\x07"}
    request_id, _ = refusal_of(user.kms.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext=context)
    told = explain(server, request_id)
    assert "kms:encryptioncontext:team = \\x1b]0;owned\\x07" in told
    assert not {"\x1b", "\x07"} & set(told)


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ("01a22838-4683-7812-91e5-6c84c5405313", "no request 01a22838-4683-7812-91e5-6c84c5405313"),
        ("x", "no request x"),
        ("A" * 100, "neither a request's id nor an encoded message of this server"),
    ],
)
def test_what_is_not_there(server: RunningServer, asked: str, complaint: str) -> None:
    assert complaint in explain(server, asked, status=2)
