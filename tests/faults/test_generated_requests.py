"""Properly signed requests with generated content, on and on: whatever they say, the server says something sensible.

`FUZZ_SECONDS` in the environment makes it try for longer.
"""

import base64
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from tests.faults.plain_client import FORM, Answer, PlainClient, exchange, kms_headers, kms_request, signed_headers
from tests.faults.served import may_answer, served_operations
from tests.running_server import RunningServer

from strongroom.model.service import OperationModel
from strongroom.model.shapes import Shape

SECONDS = float(os.environ.get("FUZZ_SECONDS", "16"))
EXAMPLES_PER_ROUND = 150

ODD_TEXTS = st.sampled_from(
    [
        "",
        " ",
        "\x00",
        "a\x00b",
        "\ud800",
        "\udfff\ud800",
        "\U0010ffff",
        "\ufeff",
        "\u202e",
        "é",
        "e\u0301",
        "ﬀ",
        "İ",
        "\x85",
        "\u2028",
        "%s%n{0}{}",
        "${aws:username}",
        "../../etc/passwd",
        "'; DROP TABLE kms_keys; --",
        "alias/",
        "alias/aws/s3",
        "alias/aws/nothing",
        "arn:aws:kms:us-east-1:000000000000:key/",
        "arn:aws:kms:us-east-1:000000000000:alias/aws/s3",
        "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555",
        "arn::::::",
        "mrk-" + "0" * 32,
        "aws:x",
        "a" * 257,
        "é" * 8_192,
        "x" * 40_000,
    ]
)
TEXTS = st.one_of(ODD_TEXTS, st.text(max_size=40), st.text(alphabet=st.characters(), max_size=5))
NUMBERS = st.one_of(
    st.sampled_from([0, -1, 1, 7, 30, 2**31 - 1, 2**31, -(2**31), 2**63, -(2**63) - 1, 10**30]),
    st.floats(),
    st.integers(),
)
ANY_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)
ACTIONS = st.sampled_from(["kms:*", "*", "kms:Encrypt", "kms:Put*", "kms:", ":", "", "s3:GetObject", "?"])
PRINCIPALS = st.one_of(
    st.sampled_from(["*", {"AWS": "*"}, {"AWS": "000000000000"}, {"AWS": "arn:aws:iam::000000000000:root"}]),
    st.dictionaries(st.sampled_from(["AWS", "Service", "Federated", "CanonicalUser"]), ANY_JSON, max_size=2),
)
OPERATOR_NAMES = """StringLike StringEqualsIfExists ForAllValues:StringLike DateLessThan IpAddress Null Bool
    NumericEquals ArnLike BinaryEquals ForAnyValue:NotIpAddress Unknown"""
OPERATORS = st.sampled_from(OPERATOR_NAMES.split())
CONDITION_KEYS = st.sampled_from(
    ["kms:ViaService", "kms:EncryptionContext:a", "aws:SourceIp", "aws:CurrentTime", "kms:CallerAccount", "aws:x", ""]
)
CONDITIONS = st.dictionaries(OPERATORS, st.dictionaries(CONDITION_KEYS, ANY_JSON, max_size=2), max_size=2)
STATEMENTS = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny", "allow"])},
    optional={
        "Sid": TEXTS,
        "Principal": PRINCIPALS,
        "NotPrincipal": PRINCIPALS,
        "Action": st.one_of(ACTIONS, st.lists(ACTIONS, max_size=3)),
        "NotAction": ACTIONS,
        "Resource": st.one_of(st.just("*"), TEXTS),
        "Condition": st.one_of(CONDITIONS, ANY_JSON),
    },
)
POLICIES = st.fixed_dictionaries(
    {"Statement": st.one_of(STATEMENTS, st.lists(STATEMENTS, max_size=3))},
    optional={"Version": st.sampled_from(["2012-10-17", "2008-10-17", "2000-01-01"]), "Id": TEXTS},
).map(json.dumps)


# Members that a request is refused for, whatever they hold: nothing behind that refusal would be tried.
REFUSED_WHOLLY = {"Recipient", "GrantTokens", "XksKeyId", "CustomKeyStoreId"}


class Known:
    """What a client of the server knows that makes its requests go deep: keys, aliases, ciphertexts, markers."""

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
            return st.one_of(st.sampled_from(self.markers), st.binary(max_size=60).map(_base64))
        if name == "Policy":
            return st.one_of(POLICIES, ANY_JSON.map(json.dumps))
        if name == "PolicyName":
            return st.just("default")
        return st.nothing()

    def damaged_blobs(self) -> st.SearchStrategy[str]:
        """Return ciphertexts with some bytes changed, cut off or added."""
        whole = base64.b64decode(self.blobs[0])
        positions = st.integers(0, len(whole) - 1)
        bytes_changed = st.builds(
            lambda at, byte: whole[:at] + bytes([byte]) + whole[at + 1 :], positions, st.integers(0, 255)
        )
        cut_off, longer = positions.map(lambda end: whole[:end]), st.binary(max_size=20).map(whole.__add__)
        return st.one_of(bytes_changed, cut_off, longer).map(_base64)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def mostly(usual: st.SearchStrategy[Any], unusual: st.SearchStrategy[Any], percent: int) -> st.SearchStrategy[Any]:
    """Return values of `usual`, and so many percent of `unusual`: `one_of` weighs alternatives as it likes."""
    # Away from the ends of the range, which are drawn more often than the rest.
    return st.integers(0, 99).flatmap(lambda drawn: unusual if 45 <= drawn < 45 + percent else usual)


class Shapes:
    """Values of shapes as JSON has them: right ones if `tame`, else each with some chance of being anything at all."""

    def __init__(self, known: Known, *, tame: bool) -> None:
        self._known = known
        self._tame = tame

    def values(self, shape: Shape, name: str = "", depth: int = 0) -> st.SearchStrategy[Any]:
        """Return values of a shape, which is that of a member of this name."""
        if depth > 4:
            return ANY_JSON
        meant = self._known.values(name)
        if self._tame:
            return self._of(shape, depth) if meant.is_empty else meant
        right = st.one_of(meant, self._of(shape, depth))
        return mostly(right, ANY_JSON, 12)

    def _of(self, shape: Shape, depth: int) -> st.SearchStrategy[Any]:
        if shape.type == "structure":
            members = {
                name: self.values(reference.target, name, depth + 1)
                for name, reference in shape.members.items()
                if not (self._tame and name in REFUSED_WHOLLY)
            }
            required = {name: value for name, value in members.items() if name in shape.required}
            return st.fixed_dictionaries(required, optional={name: members[name] for name in members.keys() - required})
        if shape.type == "list":
            return st.lists(self.values(shape.element.target, "", depth + 1), max_size=4)
        if shape.type == "map":
            return st.dictionaries(TEXTS, self.values(shape.entry[1].target, "", depth + 1), max_size=3)
        if shape.enum:
            return st.sampled_from(shape.enum)
        if shape.type in {"integer", "long"}:
            low = int(shape.min) if shape.min is not None else 1
            allowed = st.integers(low, int(shape.max) if shape.max is not None else low + 4_000)
            return allowed if self._tame else st.one_of(allowed, NUMBERS)
        return {"boolean": st.booleans(), "blob": st.binary(max_size=60).map(_base64), "string": TEXTS}[shape.type]


def damaged(body: bytes, at: int, byte: int, how: int) -> bytes:
    """Return a body with something changed in it, cut off or put in, at some place."""
    at %= len(body) + 1
    if how == 0:
        return body[:at] + bytes([byte]) + body[at + 1 :]
    return body[:at] if how == 1 else body[:at] + bytes([byte]) * (byte % 7) + body[at:]


DAMAGE = mostly(st.none(), st.tuples(st.integers(0, 2**16), st.integers(0, 255), st.integers(0, 2)), 12)


def try_on_and_on(tried: Callable[..., None], seconds: float, between: Callable[[], None], **strategies: Any) -> None:
    """Run a property round by round, each from another seed, until the time is over; do `between` before each."""
    rounds = settings(
        max_examples=EXAMPLES_PER_ROUND,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        between()
        rounds(seed(random.getrandbits(64))(given(**strategies)(tried)))()


@cache
def bodies_of(operation: OperationModel, known: Known) -> st.SearchStrategy[Any]:
    """Return the bodies to try on an operation."""
    assert operation.input is not None
    tame, wild = Shapes(known, tame=True), Shapes(known, tame=False)
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
    known = Known(client)
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


def test_generated_queries(client: PlainClient) -> None:
    operation = served_operations("sts")[0]
    names = st.one_of(st.sampled_from(["Action", "Version", "Tags.member.1.Key", "X-Amz-Date", "a.1.b.-1"]), TEXTS)
    words = st.one_of(st.sampled_from(["GetCallerIdentity", "GetSessionToken", "2011-06-15"]), TEXTS)
    pairs = st.lists(st.tuples(names, words), max_size=8).map(
        lambda given: urlencode([*given, ("Action", "GetCallerIdentity"), ("Version", "2011-06-15")], errors="replace")
    )
    bodies = st.one_of(pairs.map(str.encode), st.binary(max_size=200))

    def tried(body: bytes) -> None:
        answer = client.send(signed_headers(client.url, body, {"Content-Type": FORM}, service="sts"), body)
        assert answer.status == 200 or 400 <= answer.status < 500, answer
        assert answer.headers["content-type"] == "text/xml"
        if answer.status != 200 and answer.code != "UnsupportedOperationException":
            assert may_answer(operation, answer.code), answer

    try_on_and_on(tried, SECONDS / 8, lambda: None, body=bodies)


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
