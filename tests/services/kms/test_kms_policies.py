"""Key policies, through a real client over HTTPS: what is kept, what is refused, and that they bite at once."""

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.services.refusals import refused


def root_of(kms: Any, key_id: str) -> str:
    return f"arn:aws:iam::{kms.describe_key(KeyId=key_id)['KeyMetadata']['AWSAccountId']}:root"


def policy_of(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def everything(root: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}


def test_the_default_policy_hands_over_to_the_account(kms: Any, key_id: str) -> None:
    answer = kms.get_key_policy(KeyId=key_id)
    assert answer["PolicyName"] == "default"
    assert json.loads(answer["Policy"]) == {
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [{"Sid": "Enable IAM User Permissions", **everything(root_of(kms, key_id))}],
    }
    names = kms.list_key_policies(KeyId=key_id)
    assert (names["PolicyNames"], names["Truncated"]) == (["default"], False)


def test_a_policy_is_returned_as_it_was_put(kms: Any, key_id: str) -> None:
    text = "\n  " + policy_of({"Sid": "Péché", **everything(root_of(kms, key_id))}).replace(",", " ,\t")
    text = text.replace("\\u00e9", "é")
    kms.put_key_policy(KeyId=key_id, Policy=text, PolicyName="default")
    assert kms.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"] == text


def test_a_deny_bites_at_once_and_stops_as_soon(kms: Any, key_id: str) -> None:
    root = root_of(kms, key_id)
    arn = kms.describe_key(KeyId=key_id)["KeyMetadata"]["Arn"]
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
    deny = {"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}
    for _ in range(3):
        kms.put_key_policy(KeyId=key_id, Policy=policy_of(everything(root), deny))
        sentence = (
            f"User: {root} is not authorized to perform: kms:Decrypt on resource: {arn} "
            "with an explicit deny in a resource-based policy"
        )
        with pytest.raises(ClientError, match=re.escape(sentence)) as refusal:
            kms.decrypt(CiphertextBlob=blob)
        assert refusal.value.response["Error"]["Code"] == "AccessDeniedException"
        kms.encrypt(KeyId=key_id, Plaintext=b"x")
        kms.put_key_policy(KeyId=key_id, Policy=policy_of(everything(root)))
        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_the_root_user_has_no_way_around_a_key_policy(kms: Any) -> None:
    account = kms.describe_key(KeyId=kms.create_key()["KeyMetadata"]["KeyId"])["KeyMetadata"]["AWSAccountId"]
    manage = everything(f"arn:aws:iam::{account}:root") | {"Action": ["kms:PutKeyPolicy", "kms:Describe*"]}
    key_id = kms.create_key(Policy=policy_of(manage))["KeyMetadata"]["KeyId"]
    assert kms.describe_key(KeyId=key_id)["KeyMetadata"]["Enabled"]
    with refused("AccessDeniedException"):
        kms.encrypt(KeyId=key_id, Plaintext=b"x")
    with refused("AccessDeniedException"):
        kms.get_key_policy(KeyId=key_id)


def test_nobody_locks_the_door_from_outside_unless_told_to(kms: Any, key_id: str) -> None:
    root = root_of(kms, key_id)
    locked = policy_of(everything(root) | {"Action": ["kms:Encrypt", "kms:DescribeKey"]})
    text = "The new key policy will not allow you to update the key policy in the future."
    with refused("MalformedPolicyDocumentException", text):
        kms.put_key_policy(KeyId=key_id, Policy=locked)
    with refused("MalformedPolicyDocumentException", text):
        kms.create_key(Policy=locked)
    for bypassed in (
        kms.create_key(Policy=locked, BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]["KeyId"],
        key_id,
    ):
        if bypassed == key_id:
            kms.put_key_policy(KeyId=key_id, Policy=locked, BypassPolicyLockoutSafetyCheck=True)
        with refused("AccessDeniedException"):
            kms.put_key_policy(KeyId=bypassed, Policy=policy_of(everything(root)))
        kms.encrypt(KeyId=bypassed, Plaintext=b"x")


@pytest.mark.parametrize(
    "text",
    [
        "not JSON",
        "[]",
        "{}",
        '{"Version": "2012-10-17", "Statement": []}',
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]}',
        '{"Version": "1999", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}]}',
    ],
)
def test_what_is_no_policy(kms: Any, key_id: str, text: str) -> None:
    before = kms.get_key_policy(KeyId=key_id)["Policy"]
    with refused("MalformedPolicyDocumentException"):
        kms.put_key_policy(KeyId=key_id, Policy=text)
    with refused("MalformedPolicyDocumentException"):
        kms.create_key(Policy=text)
    assert kms.get_key_policy(KeyId=key_id)["Policy"] == before


def test_limits_of_a_policy(kms: Any, key_id: str) -> None:
    allow = everything(root_of(kms, key_id))
    room = 32_768 - len(policy_of({"Sid": "", **allow}))
    kms.put_key_policy(KeyId=key_id, Policy=policy_of({"Sid": "x" * room, **allow}))
    with refused("LimitExceededException"):
        kms.put_key_policy(KeyId=key_id, Policy=policy_of({"Sid": "x" * (room + 1), **allow}))
    with refused("ValidationException"):
        kms.put_key_policy(KeyId=key_id, Policy=policy_of({"Sid": "\U0001f511", **allow}).replace("\\ud83d", "🔑"))


def test_policy_names(kms: Any, key_id: str) -> None:
    text = kms.get_key_policy(KeyId=key_id)["Policy"]
    for name in ("AWS_RAM", "other"):
        with refused("NotFoundException", f"No such policy exists: {name}"):
            kms.get_key_policy(KeyId=key_id, PolicyName=name)
    with refused("ValidationException", "The AWS_RAM policy can only be managed by the RAM service."):
        kms.put_key_policy(KeyId=key_id, Policy=text, PolicyName="AWS_RAM")
    with refused("ValidationException"):
        kms.put_key_policy(KeyId=key_id, Policy=text, PolicyName="other")


def test_a_plain_connection_can_be_denied(kms: Any, key_id: str, server: Any) -> None:
    plain = server.client("kms", secure=False)
    plain.encrypt(KeyId=key_id, Plaintext=b"x")
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*", "Condition": insecure}
    kms.put_key_policy(KeyId=key_id, Policy=policy_of(everything(root_of(kms, key_id)), deny))
    kms.encrypt(KeyId=key_id, Plaintext=b"x")
    with refused("AccessDeniedException"):
        plain.encrypt(KeyId=key_id, Plaintext=b"x")
    elsewhere = {"NotIpAddress": {"aws:SourceIp": ["127.0.0.0/8", "::1/128"]}}
    kms.put_key_policy(
        KeyId=key_id, Policy=policy_of(everything(root_of(kms, key_id)), deny | {"Condition": elsewhere})
    )
    plain.encrypt(KeyId=key_id, Plaintext=b"x")
    here = {"IpAddress": {"aws:SourceIp": ["127.0.0.0/8", "::1/128"]}}
    kms.put_key_policy(
        KeyId=key_id,
        Policy=policy_of(everything(root_of(kms, key_id)), deny | {"Action": "kms:Encrypt", "Condition": here}),
    )
    with refused("AccessDeniedException"):
        kms.encrypt(KeyId=key_id, Plaintext=b"x")
