"""What is decoded and validated in one pass is what parsing and validating one after the other gives."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.wire.model_values import Values
from tests.wire.wire_requests import ORIGIN

from strongroom.base.errors import AwsError
from strongroom.model.annotations import annotation_of
from strongroom.model.service import OperationModel, ServiceModel, service_model
from strongroom.wire.http import HttpRequest
from strongroom.wire.protocols import JSON_1_1, QUERY

REQUEST = HttpRequest("POST", b"/", b"", [], ORIGIN)
SERVICES = ("kms", "secretsmanager", "ssm", "logs", "codebuild", "cloudtrail")
OPERATIONS = [operation for name in SERVICES for operation in service_model(name).operations.values()]


def accept(operation: OperationModel, body: bytes) -> dict[str, Any]:
    return JSON_1_1.accept(operation, REQUEST, body)


def parse_and_validate(operation: OperationModel, body: bytes) -> dict[str, Any]:
    params = JSON_1_1.parse(operation, REQUEST, body)
    operation.validate(params)
    return params


def outcome(way: Callable[[OperationModel, bytes], dict[str, Any]], operation: OperationModel, body: bytes) -> Any:
    try:
        params = way(operation, body)
    except AwsError as error:
        return (error.code, error.message, error.status)
    # The order and the types are compared too, and a NaN with a NaN.
    return repr(params)


def in_one_pass(operation: OperationModel, body: bytes) -> bool:
    assert operation.input is not None
    annotation = annotation_of(operation.input)
    try:
        msgspec.json.Decoder(annotation).decode(body)
    except msgspec.ValidationError:
        return False
    return annotation is not None


def as_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.timestamp() if isinstance(value, datetime) else str(value)


def invented(**members: dict[str, Any]) -> OperationModel:
    """An operation whose input has members of these shapes; the first is required."""
    return ServiceModel(
        "invented",
        {
            "metadata": {
                "apiVersion": "2026-11-24",
                "endpointPrefix": "invented",
                "serviceId": "Invented",
                "protocol": "json",
            },
            "operations": {"Do": {"name": "Do", "input": {"shape": "All"}}},
            "shapes": {
                "All": {
                    "type": "structure",
                    "members": {name: {"shape": name} for name in members},
                    "required": [next(iter(members))],
                },
                "Text": {"type": "string"},
                **members,
            },
        },
    ).operations["Do"]


DO = invented(
    Flag={"type": "boolean"},
    Whole={"type": "integer", "min": -1, "max": 100},
    Long={"type": "long"},
    Real={"type": "double", "max": 1e6},
    Blob={"type": "blob", "min": 1, "max": 6},
    Name={"type": "string", "min": 1, "max": 4, "pattern": r"a$|[\w-]+|\p{L}b"},
    Free={"type": "string", "pattern": "[ab]*"},
    Kind={"type": "string", "enum": ["A", "B", "LONGER"], "max": 3},
    Texts={"type": "list", "member": {"shape": "Name"}, "max": 2},
    Map={"type": "map", "key": {"shape": "Kind"}, "value": {"shape": "Name"}, "max": 2},
    Tree={"type": "structure", "members": {"Map": {"shape": "Map"}}, "required": ["Map"]},
    Trees={"type": "list", "member": {"shape": "Tree"}},
)

TEXTS = st.sampled_from(["", "a", "a\n", "ab", "éb", "é", "AAAA", "AA==", "AB==", "A", "A B", "LONGER", "aaaaa", "-"])
NUMBERS = st.integers(-200, 200) | st.sampled_from([2**31, -(2**63), 2**63, 2**63 - 1, 2**53 + 1, 10**30, 1e6, 1e7])
ANY_JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["A", "B", "Map", "Key"]), inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
)


@settings(max_examples=1_000, deadline=None)
@given(st.data())
def test_any_values_of_all_types(data: st.DataObject) -> None:
    assert DO.input is not None
    value = data.draw(st.dictionaries(st.sampled_from([*DO.input.members, "Unknown"]), ANY_JSON, max_size=3))
    if data.draw(st.booleans()):
        value["Flag"] = True
    body = json.dumps(value, ensure_ascii=data.draw(st.booleans())).encode()
    assert outcome(accept, DO, body) == outcome(parse_and_validate, DO, body)


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from(["Whole", "Long", "Real"]), st.from_regex(r"-?[0-9]{1,22}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?\Z")
)
@example("Long", "9007199254740993.0")
@example("Long", "9223372036854775807.0")
@example("Whole", "-0.0")
@example("Whole", "1e2")
def test_any_way_to_write_a_number(member: str, number: str) -> None:
    body = f'{{"Flag":true,"{member}":{number}}}'.encode()
    assert outcome(accept, DO, body) == outcome(parse_and_validate, DO, body)


@settings(max_examples=1_000, deadline=None)
@given(st.text("ABQgw/+=-_ é", max_size=9))
def test_any_base64(text: str) -> None:
    for body in (json.dumps({"Flag": True, "Blob": text}), f'{{"Flag":true,"Blob":"{text}"}}'.replace("/", "\\/")):
        assert outcome(accept, DO, body.encode()) == outcome(parse_and_validate, DO, body.encode())


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(OPERATIONS), st.integers(0, 10**6), st.data())
def test_requests_of_all_operations(operation: OperationModel, seed: int, data: st.DataObject) -> None:
    assert operation.input is not None
    value = Values(seed, 0.3).of(operation.input)
    names = sorted(operation.input.members) or ["None"]
    value.update(data.draw(st.dictionaries(st.sampled_from(names), ANY_JSON, max_size=1)))
    body = json.dumps(value, default=as_json).encode()
    assert outcome(accept, operation, body) == outcome(parse_and_validate, operation, body)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(["Encrypt", "DescribeKey"]))
def test_arbitrary_bytes(body: bytes, name: str) -> None:
    operation = service_model("kms").operations[name]
    for raw in (body, b'{"KeyId":"' + body + b'"}'):
        assert outcome(accept, operation, raw) == outcome(parse_and_validate, operation, raw)


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"[]",
        b"{}",
        b"\xef\xbb\xbf{}",
        b'{"KeyId":"a","KeyId":"b","Plaintext":"AAAA"}',
        b'{"KeyId":null,"KeyId":"b","Plaintext":"AAAA"}',
        b'{"KeyId":"b","KeyId":null,"Plaintext":"AAAA"}',
        b'{"KeyId":1,"KeyId":"b","Plaintext":"AAAA"}',
        b'{"KeyId":"b","Plaintext":"AAAA","DryRun":null}',
        b'{"KeyId":"b","Plaintext":"AAAA","EncryptionContext":{"a":null}}',
        b'{"KeyId":"b","Plaintext":"AAAA","EncryptionContext":{"a":"1","a":"2"}}',
        b'{"KeyId":"b","Plaintext":"AAAA","GrantTokens":[null]}',
        b'{"KeyId":"\\ud800","Plaintext":"AAAA"}',
        b'{"KeyId":"\xff","Plaintext":"AAAA"}',
        b'{"KeyId":"\\u0000","Plaintext":"AAAA"}',
        b'{"keyid":"b","Plaintext":"AAAA"}',
        b'{"KeyId":"b","Plaintext":"AAAA","x":' + b"[" * 500 + b"]" * 500 + b"}",
        b'{"KeyId":"b","Plaintext":"AAAA","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"KeyId":"b","Plaintext":"AAAA"}x',
    ],
)
def test_odd_bodies(body: bytes) -> None:
    operation = service_model("kms").operations["Encrypt"]
    assert outcome(accept, operation, body) == outcome(parse_and_validate, operation, body)


def test_usual_requests_take_one_pass() -> None:
    for name, value in {
        "Encrypt": {"KeyId": "k", "Plaintext": "AAAA", "EncryptionContext": {"a": "b"}, "DryRun": False},
        "Decrypt": {"CiphertextBlob": "AAAA", "GrantTokens": ["t"]},
        "GenerateDataKey": {"KeyId": "k", "KeySpec": "AES_256"},
        "CreateKey": {"Tags": [{"TagKey": "a", "TagValue": "b"}], "Policy": "{}"},
        "ListKeys": {"Limit": 10, "Marker": "m"},
        "CreateAlias": {"AliasName": "alias/a-b_c", "TargetKeyId": "k"},
    }.items():
        operation = service_model("kms").operations[name]
        body = json.dumps(value).encode()
        assert in_one_pass(operation, body)
        assert outcome(accept, operation, body) == outcome(parse_and_validate, operation, body)


def test_a_valid_value_of_each_type_takes_one_pass() -> None:
    value = {
        "Flag": True,
        "Whole": 7,
        "Long": -(2**63),
        "Real": 1,
        "Blob": "AAAA",
        "Name": "éb",
        "Free": "a" * 1_000,
        "Kind": "A",
        "Texts": ["a", "b"],
        "Map": {"A": "a"},
        "Trees": [{"Map": {"B": "a-b"}}],
    }
    body = json.dumps(value).encode()
    assert in_one_pass(DO, body)
    assert accept(DO, body) == parse_and_validate(DO, body)
    assert type(accept(DO, body)["Real"]) is float


def test_most_operations_take_one_pass() -> None:
    without = {
        operation.name
        for operation in service_model("kms").operations.values()
        if operation.input is not None and annotation_of(operation.input) is None
    }
    # It takes a time.
    assert without == {"ImportKeyMaterial"}


def test_a_time_is_a_datetime_when_it_arrives() -> None:
    operation = service_model("kms").operations["ImportKeyMaterial"]
    request = {"KeyId": "k", "ImportToken": "AAAA", "EncryptedKeyMaterial": "AAAA"}
    for sent, microsecond in ((1_795_507_200, 0), (1_795_507_200.25, 250_000), (1.7955072e9, 0)):
        accepted = accept(operation, json.dumps(request | {"ValidTo": sent}).encode())
        assert accepted["ValidTo"] == datetime(2026, 11, 24, 8, 0, 0, microsecond, UTC)
        assert accepted["ImportToken"] == bytes(3)
    assert "ValidTo" not in accept(operation, json.dumps(request | {"ValidTo": None}).encode())
    with pytest.raises(AwsError, match="milliseconds since epoch"):
        accept(operation, json.dumps(request | {"ValidTo": "2026-11-24T08:00:00Z"}).encode())


@pytest.mark.parametrize(
    "shape",
    [
        {"type": "timestamp"},
        {"type": "structure", "members": {}, "document": True},
        {"type": "structure", "members": {"Self": {"shape": "First"}}},
        {"type": "structure", "members": {"Text": {"shape": "Text", "locationName": "text"}}},
        {"type": "list", "member": {"shape": "First"}},
        {"type": "string", "enum": ["LONG"], "max": 1},
        {"type": "string", "pattern": "(?i)abc"},
        {"type": "string", "pattern": "[a&&b]"},
        {"type": "character"},
    ],
)
def test_what_no_type_says_is_left_to_the_long_way(shape: dict[str, Any]) -> None:
    operation = invented(First=shape)
    assert operation.input is not None
    assert annotation_of(operation.input) is None


def test_a_pattern_is_never_run_on_more_than_its_length() -> None:
    operation = invented(First={"type": "string", "pattern": "(a+)+b", "max": 10})
    with pytest.raises(AwsError, match="less than or equal to 10"):
        accept(operation, b'{"First":"' + b"a" * 100 + b'"}')


def test_an_ignored_member_is_skipped_unread() -> None:
    operation = service_model("kms").operations["DescribeKey"]
    for ignored in (b'"\xff"', b"1e999", b"1" * 1_000):
        assert accept(operation, b'{"KeyId":"k","Ignored":' + ignored + b"}") == {"KeyId": "k"}


def test_an_operation_without_input_and_the_query_protocol() -> None:
    operation = service_model("sts").operations["GetAccessKeyInfo"]
    headers = [(b"content-type", b"application/x-www-form-urlencoded")]
    request = HttpRequest("POST", b"/", b"", headers, ORIGIN)
    accepted = QUERY.accept(operation, request, b"Action=GetAccessKeyInfo&AccessKeyId=AKIDEXAMPLEAKIDEXAMPLE")
    assert accepted == {"AccessKeyId": "AKIDEXAMPLEAKIDEXAMPLE"}
    with pytest.raises(AwsError, match="1 validation error detected"):
        QUERY.accept(operation, request, b"Action=GetAccessKeyInfo&AccessKeyId=x")
