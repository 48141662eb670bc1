from datetime import UTC, datetime
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.wire_requests import ORIGIN

from strongroom.base.errors import AwsError
from strongroom.model.service import service_model
from strongroom.wire.http import HttpRequest
from strongroom.wire.protocols import RPC_CBOR

ID = "0192e4c2-0000-7000-8000-000000000000"
LIST_BUILDS = service_model("codebuild").operations["ListBuilds"]
INVENTED = service_model("codebuild").operations["StartBuild"]


def parse(body: bytes, operation: Any = INVENTED) -> dict[str, Any]:
    return RPC_CBOR.parse(operation, HttpRequest("POST", b"/", b"", [], ORIGIN, body), body)


def refused(body: bytes) -> AwsError:
    with pytest.raises(AwsError) as refusal:
        parse(body)
    assert (refusal.value.code, refusal.value.status) == ("SerializationException", 400)
    return refusal.value


def test_an_empty_body_has_no_params() -> None:
    assert parse(b"") == parse(b"\xa0") == {}


def test_indefinite_lengths_nulls_and_unknown_members() -> None:
    # {_ "projectName": (_ "ab", "c"), "imageOverride": null, "nothing": 1}
    body = b"\xbf" + cbor2.dumps("projectName") + b"\x7f\x62ab\x61c\xff"
    body += cbor2.dumps("imageOverride") + b"\xf6" + cbor2.dumps("nothing") + b"\x01\xff"
    assert parse(body) == {"projectName": "abc"}


@pytest.mark.parametrize(
    "value",
    [
        cbor2.CBORTag(28, ["projectName"]),
        cbor2.CBORTag(35, "(a+)+"),
        cbor2.CBORTag(37, bytes(16)),
        cbor2.CBORTag(258, ["a"]),
        cbor2.CBORTag(55799, "a"),
        cbor2.CBORTag(60000, "a"),
        cbor2.CBORTag(2, b"\x01"),
        cbor2.CBORTag(1, "now"),
        b"projectName",
        1,
        1.5,
        True,
        ["a"],
        {"a": "b"},
    ],
)
def test_what_is_no_text_where_text_belongs(value: Any) -> None:
    refused(cbor2.dumps({"projectName": value}))


def test_values_that_refer_to_themselves() -> None:
    refused(bytes.fromhex("d81c81d81d00"))
    refused(b"\xa1" + cbor2.dumps("environmentVariablesOverride") + bytes.fromhex("d81c81d81d00"))


def test_what_is_no_map_or_too_deep_or_cut_short() -> None:
    for body in (b"\x80", b"\x01", b"\xf6\xf6", b"\xa1\x01\x02", b"\xbf", b"\x81" * 70 + b"\x80", b"\xff", b"\x1c"):
        refused(body)
    twice = b"\xa2" + (cbor2.dumps("projectName") + cbor2.dumps("a")) * 2
    refused(twice)


def test_a_refusal_repeats_nothing_of_the_body() -> None:
    secret = b"a secret in the wrong place"
    for body in (secret, cbor2.dumps({"projectName": secret}), cbor2.dumps(cbor2.CBORTag(99, secret.decode()))):
        assert b"secret" not in refused(body).message.encode()


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    refusal = None
    try:
        assert isinstance(parse(body), dict)
    except AwsError as error:
        refusal = error
    assert refusal is None or refusal.code == "SerializationException"


def test_an_error_names_its_whole_type_and_keeps_its_members() -> None:
    model = service_model("codebuild")
    response = RPC_CBOR.error(AwsError("ResourceNotFoundException", "Gone \u00e9"), model, ID)
    assert response.status == 400
    assert (b"smithy-protocol", b"rpc-v2-cbor") in response.headers
    assert isinstance(response.body, bytes)
    assert cbor2.loads(response.body) == {
        "__type": "com.amazonaws.codebuild#ResourceNotFoundException",
        "message": "Gone \u00e9",
    }


def test_times_are_tagged_seconds() -> None:
    moment = datetime(2026, 11, 30, 8, 0, 0, 250_000, UTC)
    operation = service_model("codebuild").operations["BatchGetBuilds"]
    response = RPC_CBOR.answer(operation, {"builds": [{"startTime": moment}]}, ID)
    assert isinstance(response.body, bytes)
    seconds = cbor2.loads(response.body, semantic_decoders={1: lambda value, immutable: value})
    assert seconds == {"builds": [{"startTime": moment.timestamp()}]}
