"""Every member of every operation, given in every wrong type: the model drives it."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.faults.plain_client import PlainClient
from tests.faults.served import served_operations
from tests.running_server import RunningServer

from strongroom.model.service import OperationModel
from strongroom.model.shapes import Shape

WRONG: dict[str, tuple[Any, ...]] = {
    "string": (1, 1.5, True, [], {}, ["text"], {"text": "text"}),
    "integer": ("1", 1.5, True, [], {}, 2**31, -(2**63) - 1, 10**400),
    "long": ("1", 1.5, True, [], {}, 2**63, 10**400),
    "boolean": ("true", 0, 1, 1.0, [], {}),
    "blob": (1, True, [], {}, "%%%", "YQ", "YQ==YQ==", "ä", "YQ==\n", [97, 98]),
    "timestamp": ("now", True, [], {}, 1e300),
    "list": ("text", 1, True, {}, {"0": "text"}),
    "map": ("text", 1, True, [], [["k", "v"]]),
    "structure": ("text", 1, True, [], [{}]),
}


def wrong_values(shape: Shape, depth: int = 0) -> Iterator[Any]:
    """Yield values that are not of `shape`, at its surface or somewhere within it."""
    yield from WRONG[shape.type]
    if depth > 3:
        return
    if shape.type == "structure":
        for name, reference in shape.members.items():
            for value in wrong_values(reference.target, depth + 1):
                yield {name: value}
    elif shape.type == "list":
        for value in wrong_values(shape.element.target, depth + 1):
            yield [value]
    elif shape.type == "map":
        for value in wrong_values(shape.entry[1].target, depth + 1):
            yield {"name": value}


@pytest.fixture(scope="module")
def client(target: RunningServer) -> Iterator[PlainClient]:
    connected = PlainClient(target)
    yield connected
    connected.close()


@pytest.mark.parametrize("operation", served_operations(), ids=lambda operation: operation.name)
def test_no_member_takes_another_type(unharmed: RunningServer, client: PlainClient, operation: OperationModel) -> None:
    members = operation.input.members if operation.input is not None else {}
    tried = 0
    for name, reference in members.items():
        for value in wrong_values(reference.target):
            answer = client.kms(operation.name, {name: value})
            assert (answer.status, answer.code) == (400, "SerializationException"), (name, value, answer)
            assert answer.headers["x-amzn-requestid"]
            tried += 1
    assert tried >= 5


@pytest.mark.parametrize("operation", served_operations(), ids=lambda operation: operation.name)
@pytest.mark.parametrize("body", [b"[]", b'"{}"', b"0", b"true", b"[{}]", b"null"])
def test_a_body_is_an_object(
    unharmed: RunningServer, client: PlainClient, operation: OperationModel, body: bytes
) -> None:
    answer = client.kms(operation.name, body)
    assert (answer.status, answer.code) == (400, "SerializationException")


@pytest.mark.parametrize("operation", served_operations(), ids=lambda operation: operation.name)
def test_what_is_required_must_be_there(
    unharmed: RunningServer, client: PlainClient, operation: OperationModel
) -> None:
    required = operation.input.required if operation.input is not None else ()
    for body in ({}, dict.fromkeys(required)):
        answer = client.kms(operation.name, body)
        if required:
            assert (answer.status, answer.code) == (400, "ValidationException")
            assert "Member must not be null" in answer.json["message"]
        else:
            assert answer.status in (200, 400)
            assert answer.status == 200 or answer.code == "ValidationException"
