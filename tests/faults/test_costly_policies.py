"""Key policies and requests made to cost as much as they can: one caller's may not hold up everybody else's."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.faults.plain_client import PlainClient
from tests.running_server import RunningServer

SECONDS_MAX = 0.75
ROOT = {"AWS": "arn:aws:iam::000000000000:root"}
ALLOW = {"Effect": "Allow", "Principal": ROOT, "Action": "kms:*", "Resource": "*"}


def policy_with(condition: dict[str, Any]) -> str:
    """Return a key policy that asks for a condition whenever something is encrypted."""
    deny = {"Effect": "Deny", "Principal": "*", "Action": "kms:Encrypt", "Resource": "*", "Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [ALLOW, deny]})


@pytest.fixture
def client(unharmed: RunningServer) -> Iterator[PlainClient]:
    connected = PlainClient(unharmed)
    yield connected
    connected.close()


def timed(client: PlainClient, operation: str, params: dict[str, Any]) -> tuple[int, str, float]:
    began = time.monotonic()
    answer = client.kms(operation, params)
    return answer.status, answer.code, time.monotonic() - began


PATTERNS: dict[str, Any] = {
    "many stars": [("*b" * 7_000) + "c", ("*bb" * 2_500) + "c"],
    "stars and question marks": ["*" + "?b" * 13_000 + "c"],
    "pairs of them": ["*?" * 14_000 + "c"],
    "many patterns": ["*" + "b" * number + "c*" for number in range(1, 200)],
}


@pytest.mark.parametrize("value_characters", [8_000, 200_000])
@pytest.mark.parametrize("patterns", PATTERNS.values(), ids=PATTERNS.keys())
def test_wildcards(client: PlainClient, patterns: list[str], value_characters: int) -> None:
    key_id = client.kms("CreateKey", {}).json["KeyMetadata"]["KeyId"]
    text = policy_with({"StringLike": {"kms:EncryptionContext:a": patterns}})
    assert timed(client, "PutKeyPolicy", {"KeyId": key_id, "Policy": text})[0] == 200
    encrypt = {"KeyId": key_id, "Plaintext": "eA==", "EncryptionContext": {"a": "b" * value_characters}}
    status, code, seconds = timed(client, "Encrypt", encrypt)
    assert status == 200 or code == "ValidationException"
    assert seconds < SECONDS_MAX


@pytest.mark.parametrize(
    ("operator", "patterns", "value_characters"),
    [
        ("StringEquals", ["${kms:EncryptionContext:a}" * 500], 80_000),
        ("StringLike", ["${kms:EncryptionContext:a}?"] * 700, 8_000),
    ],
    ids=["many times in one pattern", "once in each of many patterns"],
)
def test_variables(client: PlainClient, operator: str, patterns: list[str], value_characters: int) -> None:
    key_id = client.kms("CreateKey", {}).json["KeyMetadata"]["KeyId"]
    text = policy_with({operator: {"kms:EncryptionContext:a": patterns}})
    assert timed(client, "PutKeyPolicy", {"KeyId": key_id, "Policy": text})[0] == 200
    encrypt = {"KeyId": key_id, "Plaintext": "eA==", "EncryptionContext": {"a": "b" * value_characters}}
    status, code, seconds = timed(client, "Encrypt", encrypt)
    assert status == 200 or code in ("AccessDeniedException", "ValidationException")
    assert seconds < SECONDS_MAX


DOCUMENTS = {
    "a deep list": "[" * 32_000,
    "a deep object": '{"a":' * 4_500 + "1" + "}" * 4_500,
    "deep and whole": '{"Statement":' + "[" * 16_000 + "]" * 16_000 + "}",
    "a long number": '{"Version":' + "9" * 32_000 + "}",
    "a number that is too large": policy_with({"NumericEquals": {"aws:EpochTime": "1e999999"}}),
    "a date that is too far": policy_with({"DateLessThan": {"aws:CurrentTime": "9" * 20}}),
    "variables that never end": policy_with({"StringLike": {"aws:userid": "${" * 3_000}}),
    "half a surrogate": policy_with({"StringLike": {"aws:userid": "\ud800"}}),
    "more than fits": json.dumps({"Version": "2012-10-17", "Statement": [ALLOW] * 400}),
}


@pytest.mark.parametrize("text", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_documents(client: PlainClient, text: str) -> None:
    key_id = client.kms("CreateKey", {}).json["KeyMetadata"]["KeyId"]
    status, code, seconds = timed(client, "PutKeyPolicy", {"KeyId": key_id, "Policy": text})
    assert status == 400
    assert code in ("MalformedPolicyDocumentException", "LimitExceededException")
    assert seconds < SECONDS_MAX


def test_a_context_of_many_pairs(client: PlainClient) -> None:
    key_id = client.kms("CreateKey", {}).json["KeyMetadata"]["KeyId"]
    context = {f"name {number}": "x" for number in range(20_000)}
    encrypt = {"KeyId": key_id, "Plaintext": "eA==", "EncryptionContext": context}
    status, code, seconds = timed(client, "Encrypt", encrypt)
    assert status == 200 or code == "ValidationException"
    assert seconds < SECONDS_MAX
