import base64
import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.wire_requests import ORIGIN, code_of

from strongroom.base.errors import AwsError
from strongroom.model.service import OperationModel, ServiceModel, service_model
from strongroom.wire.http import HttpRequest, HttpResponse
from strongroom.wire.protocol import internal_failure, nesting_levels_max
from strongroom.wire.protocols import JSON_1_0, JSON_1_1

REQUEST = HttpRequest("POST", b"/", b"", [], ORIGIN)
ID = "0192e4c2-0000-7000-8000-000000000000"


def kms(operation: str) -> OperationModel:
    return service_model("kms").operations[operation]


def parse(operation: OperationModel, body: bytes | str) -> dict[str, Any]:
    return JSON_1_1.parse(operation, REQUEST, body if isinstance(body, bytes) else body.encode())


def refused(operation: OperationModel, body: bytes | str) -> str:
    with pytest.raises(AwsError) as refusal:
        parse(operation, body)
    assert (refusal.value.code, refusal.value.status) == ("SerializationException", 400)
    return refusal.value.message


def body_of(response: HttpResponse) -> Any:
    assert isinstance(response.body, bytes)
    return json.loads(response.body)


def invented(json_version: str = "1.1", **metadata: Any) -> ServiceModel:
    members = {
        "Text": {"shape": "Text"},
        "Whole": {"shape": "Whole"},
        "Long": {"shape": "Long"},
        "Real": {"shape": "Real"},
        "Flag": {"shape": "Flag"},
        "Blob": {"shape": "Blob"},
        "Epoch": {"shape": "Epoch"},
        "Iso": {"shape": "Epoch", "timestampFormat": "iso8601"},
        "Web": {"shape": "Web"},
        "Texts": {"shape": "Texts"},
        "Reals": {"shape": "Reals"},
        "Tree": {"shape": "Tree"},
        "Free": {"shape": "Free"},
        "Renamed": {"shape": "Text", "locationName": "renamed-on-wire"},
    }
    return ServiceModel(
        "invented",
        {
            "metadata": {
                "apiVersion": "2026-11-24",
                "endpointPrefix": "invented",
                "serviceId": "Invented",
                "protocol": "json",
                "jsonVersion": json_version,
                "targetPrefix": "Invented",
                **metadata,
            },
            "operations": {"Do": {"name": "Do", "input": {"shape": "All"}, "output": {"shape": "All"}}},
            "shapes": {
                "All": {"type": "structure", "members": members},
                "Text": {"type": "string"},
                "Whole": {"type": "integer"},
                "Long": {"type": "long"},
                "Real": {"type": "double"},
                "Flag": {"type": "boolean"},
                "Blob": {"type": "blob"},
                "Epoch": {"type": "timestamp"},
                "Web": {"type": "timestamp", "timestampFormat": "rfc822"},
                "Texts": {"type": "list", "member": {"shape": "Text"}},
                "Reals": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Real"}},
                "Tree": {"type": "structure", "members": {"Below": {"shape": "Tree"}, "Name": {"shape": "Text"}}},
                "Free": {"type": "structure", "members": {}, "document": True},
                "Broken": {
                    "type": "structure",
                    "members": {"Message": {"shape": "Text"}, "Reason": {"shape": "Text"}, "At": {"shape": "Epoch"}},
                    "exception": True,
                    "error": {"code": "Invented.Broken", "httpStatusCode": 409, "senderFault": True},
                },
            },
        },
    )


DO = invented().operations["Do"]


class TestReading:
    def test_all_types(self) -> None:
        body = json.dumps(
            {
                "Text": "é",
                "Whole": 7,
                "Long": 2**40,
                "Real": 1,
                "Flag": True,
                "Blob": "AAEC",
                "Epoch": 1795507200.25,
                "Iso": "2026-11-24T08:00:00.5+01:00",
                "Web": "Tue, 24 Nov 2026 08:00:00 GMT",
                "Texts": ["a", "b"],
                "Reals": {"a": 0.5, "b": "NaN"},
                "Free": {"any": [1, None]},
                "renamed-on-wire": "r",
                "Renamed": "not this one",
            }
        )
        params = parse(DO, body)
        assert math.isnan(params["Reals"].pop("b"))
        assert params == {
            "Text": "é",
            "Whole": 7,
            "Long": 2**40,
            "Real": 1.0,
            "Flag": True,
            "Blob": b"\x00\x01\x02",
            "Epoch": datetime(2026, 11, 24, 8, 0, 0, 250_000, UTC),
            "Iso": datetime(2026, 11, 24, 7, 0, 0, 500_000, UTC),
            "Web": datetime(2026, 11, 24, 8, 0, 0, 0, UTC),
            "Texts": ["a", "b"],
            "Reals": {"a": 0.5},
            "Free": {"any": [1, None]},
            "Renamed": "r",
        }

    def test_unknown_members_are_ignored_and_null_ones_absent(self) -> None:
        assert parse(kms("Encrypt"), '{"KeyId":"k","Unknown":{"a":[1]},"Plaintext":null,"keyid":"x"}') == {"KeyId": "k"}

    def test_of_two_members_of_a_name_the_last_counts(self) -> None:
        assert parse(kms("DescribeKey"), '{"KeyId":"a","KeyId":"b"}') == {"KeyId": "b"}

    def test_nulls_within_lists_and_maps_stay_for_validation(self) -> None:
        assert parse(DO, '{"Texts":["a",null],"Reals":{"a":null}}') == {"Texts": ["a", None], "Reals": {"a": None}}

    def test_an_operation_without_members(self) -> None:
        assert parse(kms("ListKeys"), "{}") == {}

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"x",
            b"{",
            b"{} {}",
            b"\xff\xfe",
            b'{"KeyId":"\xff"}',
            b'{"KeyId":NaN}',
            b'{"KeyId":1e999}',
            b'{"KeyId":"\\ud800"}',
            b"\xef\xbb\xbf{}",
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b"<xml/>",
            b"Action=ListKeys",
            b"1" * 10_000,
        ],
    )
    def test_what_is_not_json(self, body: bytes) -> None:
        assert refused(kms("DescribeKey"), body) == "The request body is not JSON, or nests too deeply."

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ("[]", "Start of list found where not expected"),
            ('"x"', "Expected structure or null"),
            ("null", "Expected structure or null"),
            ("1", "Expected structure or null"),
            ('{"Text":1}', "NUMBER_VALUE can not be converted to a String"),
            ('{"Text":true}', "TRUE_VALUE can not be converted to a String"),
            ('{"Text":["a"]}', "Start of list found where not expected"),
            ('{"Text":{}}', "Start of structure or map found where not expected."),
            ('{"Whole":"1"}', "STRING_VALUE can not be converted to an Integer"),
            ('{"Whole":1.5}', "NUMBER_VALUE can not be converted to an Integer"),
            ('{"Whole":2147483648}', "NUMBER_VALUE can not be converted to an Integer"),
            ('{"Whole":true}', "TRUE_VALUE can not be converted to an Integer"),
            ('{"Long":9223372036854775808}', "NUMBER_VALUE can not be converted to a Long"),
            ('{"Real":"1.5"}', "STRING_VALUE can not be converted to a Double"),
            ('{"Real":' + "9" * 400 + "}", "NUMBER_VALUE can not be converted to a Double"),
            ('{"Flag":"true"}', "STRING_VALUE can not be converted to Boolean"),
            ('{"Flag":0}', "NUMBER_VALUE can not be converted to Boolean"),
            ('{"Blob":1}', "NUMBER_VALUE can not be converted to a Blob"),
            ('{"Epoch":"2026-11-24T08:00:00Z"}', "STRING_VALUE can not be converted to milliseconds since epoch"),
            ('{"Epoch":1e300}', "NUMBER_VALUE can not be converted to milliseconds since epoch"),
            ('{"Epoch":false}', "FALSE_VALUE can not be converted to milliseconds since epoch"),
            ('{"Iso":1}', "NUMBER_VALUE can not be converted to a Timestamp"),
            ('{"Iso":"2026-02-30T08:00:00Z"}', "STRING_VALUE can not be converted to a Timestamp"),
            ('{"Iso":"0001-01-01T00:00:00+23:59"}', "STRING_VALUE can not be converted to a Timestamp"),
            ('{"Web":"yesterday"}', "STRING_VALUE can not be converted to a Timestamp"),
            ('{"Texts":"a"}', "Expected list or null"),
            ('{"Texts":{"a":1}}', "Start of structure or map found where not expected."),
            ('{"Texts":[1]}', "NUMBER_VALUE can not be converted to a String"),
            ('{"Reals":[]}', "Start of list found where not expected"),
            ('{"Reals":1}', "Expected map or null"),
            ('{"Tree":{"Below":"a"}}', "Expected structure or null"),
        ],
    )
    def test_wrong_types(self, body: str, message: str) -> None:
        text = refused(DO, body)
        assert text == message or (text.startswith("The request body is not JSON") and "9" * 100 in body)

    @pytest.mark.parametrize(
        "text", ["A", "AA", "AA=", "A===", "AAAA=", "AAAA====", "AA==AA==", "AA\\n==", "-_==", "AAA\\u00e9", " AAA="]
    )
    def test_bad_base64_is_refused_without_an_echo(self, text: str) -> None:
        assert text not in refused(kms("Encrypt"), f'{{"Plaintext":"{text}"}}').replace("STRING_VALUE", "")

    def test_whole_numbers_may_be_written_as_floats(self) -> None:
        params = parse(DO, '{"Whole":10.0,"Epoch":-1}')
        assert params == {"Whole": 10, "Epoch": datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)}
        assert type(params["Whole"]) is int

    def test_shapes_that_hold_themselves_nest_to_a_limit(self) -> None:
        deep = '{"Below":' * (nesting_levels_max - 3) + "{}" + "}" * (nesting_levels_max - 3)
        assert "Tree" in parse(DO, f'{{"Tree":{deep}}}')
        for levels in (nesting_levels_max, 400):
            deep = '{"Below":' * levels + "{}" + "}" * levels
            assert "levels deep" in refused(DO, f'{{"Tree":{deep}}}')
            assert "levels deep" in refused(DO, f'{{"Free":{deep}}}')

    def test_deep_unknown_members_do_no_harm(self) -> None:
        assert parse(kms("DescribeKey"), '{"KeyId":"k","x":' + "[" * 500 + "]" * 500 + "}") == {"KeyId": "k"}


class TestAnswering:
    def test_all_types(self) -> None:
        answer = {
            "Text": "é\u2028",
            "Blob": b"\x00\x01\x02",
            "Epoch": datetime(2026, 11, 24, 8, 0, 0, 123_456, UTC),
            "Iso": datetime(2026, 11, 24, 8, 0, 0, 0, UTC),
            "Web": datetime(2026, 11, 24, 8, 0, 0, 0, UTC),
            "Reals": {"a": math.inf, "b": math.nan, "c": -math.inf, "d": 1.5},
            "Renamed": "r",
            "Whole": None,
            "Tree": {"Below": {"Name": None}},
        }
        response = JSON_1_1.answer(DO, answer, ID)
        assert body_of(response) == {
            "Text": "é\u2028",
            "Blob": "AAEC",
            "Epoch": 1795507200.123,
            "Iso": "2026-11-24T08:00:00Z",
            "Web": "Tue, 24 Nov 2026 08:00:00 GMT",
            "Reals": {"a": "Infinity", "b": "NaN", "c": "-Infinity", "d": 1.5},
            "renamed-on-wire": "r",
            "Tree": {"Below": {}},
        }
        assert response.headers == [
            (b"content-type", b"application/x-amz-json-1.1"),
            (b"x-amzn-requestid", ID.encode()),
        ]

    def test_an_operation_without_an_answer_has_an_empty_body(self) -> None:
        assert JSON_1_1.answer(kms("CreateAlias"), {}, ID).body == b""

    def test_a_member_that_the_model_does_not_know_is_a_fault_of_ours(self) -> None:
        with pytest.raises(KeyError):
            JSON_1_1.answer(kms("Encrypt"), {"Ciphertext": b""}, ID)

    def test_a_time_without_a_zone_is_a_fault_of_ours(self) -> None:
        with pytest.raises(ValueError, match="time zone"):
            JSON_1_1.answer(DO, {"Epoch": datetime(2026, 1, 1)}, ID)  # noqa: DTZ001


class TestErrors:
    def test_as_kms_shapes_them(self) -> None:
        error = AwsError("NotFoundException", "Key 'x' does not exist")
        response = JSON_1_1.error(error, service_model("kms"), ID)
        assert response.status == 400
        assert body_of(response) == {"__type": "NotFoundException", "message": "Key 'x' does not exist"}
        assert (b"x-amzn-requestid", ID.encode()) in response.headers
        empty = JSON_1_1.error(AwsError("InvalidCiphertextException"), service_model("kms"), ID)
        assert body_of(empty) == {"__type": "InvalidCiphertextException"}

    def test_an_error_that_no_model_has(self) -> None:
        response = JSON_1_1.error(AwsError("UnknownOperationException", "", 404), None, ID)
        assert (response.status, body_of(response)) == (404, {"__type": "UnknownOperationException"})

    def test_further_members_and_the_models_status(self) -> None:
        members = {"Reason": "why", "At": datetime(2026, 11, 24, 8, tzinfo=UTC), "Unknown": "dropped"}
        response = JSON_1_1.error(AwsError("Broken", "text", members=members), invented(), ID)
        assert response.status == 409
        assert body_of(response) == {"__type": "Broken", "Message": "text", "Reason": "why", "At": 1795507200.0}

    def test_json_1_0_names_whole_types(self) -> None:
        model = invented("1.0")
        assert body_of(JSON_1_0.error(AwsError("Broken"), model, ID))["__type"] == "com.amazonaws.invented#Broken"
        unknown = body_of(JSON_1_0.error(AwsError("SerializationException"), model, ID))
        assert unknown["__type"] == "com.amazon.coral.service#SerializationException"
        patched = invented("1.0", errorNamespace="com.amazonaws.other")
        assert body_of(JSON_1_0.error(AwsError("Broken"), patched, ID))["__type"] == "com.amazonaws.other#Broken"

    def test_a_query_compatible_service_also_tells_its_old_code(self) -> None:
        model = invented("1.0", awsQueryCompatible={})
        response = JSON_1_0.error(AwsError("Broken", "text"), model, ID)
        assert (b"x-amzn-query-error", b"Invented.Broken;Sender") in response.headers

    def test_an_internal_failure_tells_nothing(self) -> None:
        response = JSON_1_1.error(internal_failure(), service_model("kms"), ID)
        assert response.status == 500
        assert body_of(response) == {
            "__type": "InternalFailure",
            "message": "The request processing has failed because of an unknown error, exception or failure.",
        }


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(sorted(service_model("kms").operations)))
def test_arbitrary_bytes_raise_nothing_else(body: bytes, name: str) -> None:
    with pytest.raises(AwsError):
        parse(kms(name), b"\x80" + body)
    assert code_of(lambda: parse(kms(name), body)) in {None, "SerializationException"}


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_arbitrary_values_of_known_members_raise_nothing_else(data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from([DO, *service_model("kms").operations.values()]))
    assert operation.input is not None
    names = sorted(operation.input.members) or ["None"]
    body = json.dumps(data.draw(st.dictionaries(st.sampled_from(names), ANY_JSON, max_size=5))).encode()

    def receive() -> None:
        params = parse(operation, body)
        operation.redacted(params)
        operation.validate(params)

    assert code_of(receive) in {None, "SerializationException", "ValidationException"}


@given(st.binary(max_size=100))
def test_blobs_survive(blob: bytes) -> None:
    body = json.dumps({"Plaintext": base64.b64encode(blob).decode()})
    assert parse(kms("Encrypt"), body) == {"Plaintext": blob}
