"""Properly signed requests with generated content, on and on: whatever they say, the server says something sensible.

`FUZZ_SECONDS` in the environment makes it try for longer.
"""

import json
from collections import Counter
from functools import cache
from typing import Any

from hypothesis import strategies as st
from tests.faults.generated_values import (
    ANY_JSON,
    SECONDS,
    Shapes,
    mostly,
    try_on_and_on,
)
from tests.faults.known_keys import KnownKeys
from tests.faults.plain_client import Answer, PlainClient, exchange, kms_headers, kms_request
from tests.faults.served import may_answer, served_operations
from tests.running_server import RunningServer

from strongroom.model.service import OperationModel

# Members that a request is refused for, whatever they hold: nothing behind that refusal would be tried.
REFUSED_WHOLLY = frozenset({"Recipient", "XksKeyId", "CustomKeyStoreId"})


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
    generated = mostly(mostly(tame.values(operation.input), wild.values(operation.input), 40), ANY_JSON, 5)
    varied = known.varied(operation.name, operation.input, wild)
    return generated if varied.is_empty else mostly(generated, varied, 50)


def check(operation: OperationModel, answer: Answer) -> None:
    """Assert that an answer is a right one, or a refusal that a client of the operation knows."""
    assert answer.headers["x-amzn-requestid"]
    if answer.status == 200:
        assert answer.body == b"" or isinstance(answer.json, dict)
    else:
        assert 400 <= answer.status < 500
        assert may_answer(operation, answer.code), answer
        assert len(answer.body) < 100_000


def test_generated_kms_requests(client: PlainClient) -> None:
    known = KnownKeys(client)
    seen: Counter[str] = Counter()

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
        seen[f"{operation.name} {answer.code}"] += 1

    try_on_and_on(tried, SECONDS, known.revive, request=requests, damage=DAMAGE)
    # It is worth nothing unless requests get behind the first checks. A busy machine sends few of them.
    assert len(seen) > min(90, seen.total() / 6), sorted(seen)


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
