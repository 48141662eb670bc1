"""Properly signed requests with generated content, on and on: whatever they say, the server says something sensible.

`FUZZ_SECONDS` in the environment makes it try for longer.
"""

import base64
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import strategies as st
from tests.faults.generated_values import (
    ANY_JSON,
    POLICIES,
    SECONDS,
    Shapes,
    as_base64,
    mostly,
    try_on_and_on,
)
from tests.faults.plain_client import Answer, PlainClient, exchange, kms_headers, kms_request
from tests.faults.served import may_answer, served_operations
from tests.running_server import RunningServer

from strongroom.model.service import OperationModel

# Members that a request is refused for, whatever they hold: nothing behind that refusal would be tried.
REFUSED_WHOLLY = frozenset({"Recipient", "XksKeyId", "CustomKeyStoreId"})


ROOT_ARN = "arn:aws:iam::000000000000:root"


class KnownKeys:
    """What a client of the server knows that makes its requests go deep: keys, ciphertexts, grants, markers."""

    def __init__(self, client: PlainClient) -> None:
        created = [client.kms("CreateKey", {}).json["KeyMetadata"] for _ in range(3)]
        self.keys = [key["KeyId"] for key in created] + [created[0]["Arn"], "alias/known", "alias/aws/s3"]
        self._client = client
        self.revive()
        context = {"a": "b"}
        encrypt = {"KeyId": self.keys[0], "Plaintext": "eHl6", "EncryptionContext": context}
        self.contexts = [context, {}, {"a": "c"}, {"a": "b", "": ""}]
        self.blobs = [client.kms("Encrypt", encrypt).json["CiphertextBlob"]]
        self.markers = [client.kms("ListKeys", {"Limit": 1}).json["NextMarker"]]
        grant = {"KeyId": self.keys[0], "GranteePrincipal": ROOT_ARN, "Operations": ["Decrypt", "RetireGrant"]}
        self.grants = [client.kms("CreateGrant", {**grant, "Name": str(number)}).json for number in range(2)]

    def revive(self) -> None:
        """Make the keys usable again, but for one that is disabled."""
        for key in self.keys[:3]:
            self._client.kms("CancelKeyDeletion", {"KeyId": key})
            self._client.kms("EnableKey", {"KeyId": key})
        self._client.kms("DisableKey", {"KeyId": self.keys[1]})
        self._client.kms("CreateAlias", {"AliasName": "alias/known", "TargetKeyId": self.keys[0]})

    def values(self, name: str) -> st.SearchStrategy[Any]:
        """Return values that would do for a member of this name, or no values at all."""
        if name in ("KeyId", "TargetKeyId", "SourceKeyId", "DestinationKeyId"):
            return st.sampled_from(self.keys)
        if name == "AliasName":
            return st.sampled_from(["alias/known", "alias/other", "alias/aws/s3", "alias/" + "x" * 250])
        if name == "CiphertextBlob":
            return st.one_of(st.sampled_from(self.blobs), self.damaged_blobs())
        if name.endswith("EncryptionContext"):
            return st.sampled_from(self.contexts)
        if name == "Marker":
            return st.one_of(st.sampled_from(self.markers), st.binary(max_size=60).map(as_base64))
        if name == "Policy":
            return st.one_of(POLICIES, ANY_JSON.map(json.dumps))
        if name == "PolicyName":
            return st.just("default")
        if name in ("GrantId", "GrantToken"):
            return st.sampled_from([grant[name] for grant in self.grants])
        if name == "GrantTokens":
            return st.lists(st.sampled_from([grant["GrantToken"] for grant in self.grants]), max_size=2)
        if name in ("GranteePrincipal", "RetiringPrincipal"):
            return st.sampled_from([ROOT_ARN, "arn:aws:iam::000000000000:user/nobody"])
        return st.nothing()

    def damaged_blobs(self) -> st.SearchStrategy[str]:
        """Return ciphertexts with some bytes changed, cut off or added."""
        whole = base64.b64decode(self.blobs[0])
        positions = st.integers(0, len(whole) - 1)
        bytes_changed = st.builds(
            lambda at, byte: whole[:at] + bytes([byte]) + whole[at + 1 :], positions, st.integers(0, 255)
        )
        cut_off, longer = positions.map(lambda end: whole[:end]), st.binary(max_size=20).map(whole.__add__)
        return st.one_of(bytes_changed, cut_off, longer).map(as_base64)


def damaged(body: bytes, at: int, byte: int, how: int) -> bytes:
    """Return a body with something changed in it, cut off or put in, at some place."""
    at %= len(body) + 1
    if how == 0:
        return body[:at] + bytes([byte]) + body[at + 1 :]
    return body[:at] if how == 1 else body[:at] + bytes([byte]) * (byte % 7) + body[at:]


DAMAGE = mostly(st.none(), st.tuples(st.integers(0, 2**16), st.integers(0, 255), st.integers(0, 2)), 12)


@cache
def bodies_of(operation: OperationModel, known: KnownKeys) -> st.SearchStrategy[Any]:
    """Return the bodies to try on an operation."""
    assert operation.input is not None
    tame, wild = Shapes(known, tame=True, never=REFUSED_WHOLLY), Shapes(known, tame=False)
    return mostly(mostly(tame.values(operation.input), wild.values(operation.input), 40), ANY_JSON, 5)


def check(operation: OperationModel, answer: Answer) -> None:
    """Assert that an answer is a right one, or a refusal that a client of the operation knows."""
    assert answer.headers["x-amzn-requestid"]
    if answer.status == 200:
        assert answer.body == b"" or isinstance(answer.json, dict)
    else:
        assert 400 <= answer.status < 500
        assert may_answer(operation, answer.code), answer
        assert len(answer.body) < 100_000


@pytest.fixture
def client(unharmed: RunningServer) -> Iterator[PlainClient]:
    connected = PlainClient(unharmed)
    yield connected
    connected.close()


def test_generated_kms_requests(client: PlainClient) -> None:
    known = KnownKeys(client)
    seen: set[str] = set()

    requests = st.sampled_from(served_operations()).flatmap(
        lambda operation: st.tuples(st.just(operation), bodies_of(operation, known))
    )

    def tried(request: tuple[OperationModel, Any], damage: tuple[int, int, int] | None) -> None:
        operation, value = request
        body = json.dumps(value).encode()
        if damage is not None:
            body = damaged(body, *damage)
        answer = client.send(kms_headers(client.url, operation.name, body), body)
        check(operation, answer)
        seen.add(f"{operation.name} {answer.code}")

    try_on_and_on(tried, SECONDS, known.revive, request=requests, damage=DAMAGE)
    # It is worth nothing unless requests get behind the first checks.
    assert len(seen) > 6 * SECONDS or len(seen) > 90, sorted(seen)


def test_damaged_requests(unharmed: RunningServer) -> None:
    """A good request with a few bytes changed, anywhere: line ends, names of headers, lengths, the signature."""
    meaningful = st.sampled_from([b"\r", b"\n", b"\r\n", b" ", b":", b"\x00", b"\t", b"9", b"-"])
    bytes_of = st.one_of(meaningful, st.binary(max_size=3))
    changes = st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 3), bytes_of), min_size=1, max_size=3)

    def tried(changes: list[tuple[int, int, bytes]]) -> None:
        sent = kms_request(unharmed.http, "CreateKey", b'{"Description": "damaged"}')
        for at, removed, inserted in changes:
            at %= len(sent)
            sent = sent[:at] + inserted + sent[at + removed :]
        answer = exchange(unharmed, sent, finish=True)
        assert answer is None or answer.status in (100, 200) or 400 <= answer.status < 500, answer

    try_on_and_on(tried, SECONDS / 8, lambda: None, changes=changes)
