import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.wire_requests import ORIGIN, code_of

from strongroom.base.errors import AwsError
from strongroom.model.service import OperationModel, ServiceModel, service_model
from strongroom.wire.http import HttpRequest, HttpResponse
from strongroom.wire.protocol import internal_failure
from strongroom.wire.protocols import QUERY
from strongroom.wire.xml import escaped

FORM = [(b"content-type", b"application/x-www-form-urlencoded; charset=utf-8")]
ID = "0192e4c2-0000-7000-8000-000000000000"
STS_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


def sts(operation: str) -> OperationModel:
    return service_model("sts").operations[operation]


def parse(operation: OperationModel, body: bytes | str, query: bytes = b"") -> dict[str, Any]:
    raw = body if isinstance(body, bytes) else body.encode()
    return QUERY.parse(operation, HttpRequest("POST", b"/", query, FORM, ORIGIN, raw), raw)


def refused(operation: OperationModel, body: bytes | str) -> AwsError:
    with pytest.raises(AwsError) as refusal:
        parse(operation, body)
    assert refusal.value.status == 400
    return refusal.value


def text_of(response: HttpResponse) -> str:
    assert isinstance(response.body, bytes)
    return response.body.decode()


def invented() -> ServiceModel:
    members = {
        "Text": {"shape": "Text"},
        "Whole": {"shape": "Whole"},
        "Real": {"shape": "Real"},
        "Flag": {"shape": "Flag"},
        "Blob": {"shape": "Blob"},
        "At": {"shape": "At"},
        "Epoch": {"shape": "At", "timestampFormat": "unixTimestamp"},
        "Web": {"shape": "At", "timestampFormat": "rfc822"},
        "Flat": {"shape": "Flat"},
        "FlatNamed": {"shape": "FlatNamed"},
        "Named": {"shape": "Named"},
        "Map": {"shape": "Map"},
        "FlatMap": {"shape": "FlatMap"},
        "Tree": {"shape": "Tree"},
        "Renamed": {"shape": "Text", "locationName": "onTheWire"},
    }
    text_map = {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Text"}}
    return ServiceModel(
        "invented",
        {
            "metadata": {
                "apiVersion": "2026-11-24",
                "endpointPrefix": "invented",
                "serviceId": "Invented",
                "protocol": "query",
                "xmlNamespace": "https://invented/?a&b",
            },
            "operations": {"Do": {"name": "Do", "input": {"shape": "All"}, "output": {"shape": "All"}}},
            "shapes": {
                "All": {"type": "structure", "members": members},
                "Text": {"type": "string"},
                "Whole": {"type": "integer"},
                "Real": {"type": "double"},
                "Flag": {"type": "boolean"},
                "Blob": {"type": "blob"},
                "At": {"type": "timestamp"},
                "Flat": {"type": "list", "member": {"shape": "Text"}, "flattened": True},
                "FlatNamed": {"type": "list", "member": {"shape": "Text", "locationName": "item"}, "flattened": True},
                "Named": {"type": "list", "member": {"shape": "Text", "locationName": "entry"}},
                "Map": text_map,
                "FlatMap": {
                    **text_map,
                    "key": {"shape": "Text", "locationName": "k"},
                    "value": {"shape": "Text", "locationName": "v"},
                    "flattened": True,
                },
                "Tree": {"type": "structure", "members": {"Below": {"shape": "Tree"}, "Name": {"shape": "Text"}}},
                "Broken": {
                    "type": "structure",
                    "members": {"message": {"shape": "Text"}, "Reason": {"shape": "Text"}},
                    "exception": True,
                    "error": {"code": "ItBroke", "httpStatusCode": 409, "senderFault": True},
                },
                "Fault": {"type": "structure", "members": {}, "exception": True, "fault": True},
            },
        },
    )


DO = invented().operations["Do"]


class TestReading:
    def test_all_types(self) -> None:
        form = {
            "Action": "Do",
            "Text": "a b&c=é",
            "Whole": "7",
            "Real": "1e3",
            "Flag": "true",
            "Blob": "AAEC",
            "At": "2026-11-24T08:00:00.25Z",
            "Epoch": "1795507200",
            "Web": "Tue, 24 Nov 2026 08:00:00 GMT",
            "Flat.1": "a",
            "Flat.2": "b",
            "item.1": "c",
            "Named.entry.1": "d",
            "Map.entry.1.key": "k",
            "Map.entry.1.value": "v",
            "FlatMap.1.k": "x",
            "FlatMap.1.v": "y",
            "Tree.Below.Below.Name": "n",
            "onTheWire": "r",
            "Renamed": "not this one",
            "Unknown.member.1": "ignored",
        }
        eight = datetime(2026, 11, 24, 8, tzinfo=UTC)
        assert parse(DO, urlencode(form)) == {
            "Text": "a b&c=é",
            "Whole": 7,
            "Real": 1000.0,
            "Flag": True,
            "Blob": b"\x00\x01\x02",
            "At": eight.replace(microsecond=250_000),
            "Epoch": eight,
            "Web": eight,
            "Flat": ["a", "b"],
            "FlatNamed": ["c"],
            "Named": ["d"],
            "Map": {"k": "v"},
            "FlatMap": {"x": "y"},
            "Tree": {"Below": {"Below": {"Name": "n"}}},
            "Renamed": "r",
        }

    def test_entries_come_in_the_order_of_their_numbers(self) -> None:
        body = "&".join(f"Tags.member.{number}.Key=k{number}" for number in (10, 2, 9, 400))
        tags = parse(sts("AssumeRole"), body)["Tags"]
        assert [tag["Key"] for tag in tags] == ["k2", "k9", "k10", "k400"]

    def test_an_empty_list_and_an_empty_text(self) -> None:
        assert parse(sts("AssumeRole"), "Tags=&Policy=&RoleArn") == {"Tags": [], "Policy": "", "RoleArn": ""}

    def test_of_two_parameters_of_a_name_the_first_counts(self) -> None:
        assert parse(sts("AssumeRole"), "DurationSeconds=900&DurationSeconds=x") == {"DurationSeconds": 900}

    def test_the_query_string_comes_before_the_form(self) -> None:
        assert parse(sts("AssumeRole"), "RoleArn=b&Policy=p", b"RoleArn=a") == {"RoleArn": "a", "Policy": "p"}

    def test_a_body_that_is_not_a_form_is_not_read(self) -> None:
        request = HttpRequest("POST", b"/", b"RoleArn=a", [(b"content-type", b"text/plain")], ORIGIN, b"Policy=p")
        assert QUERY.parse(sts("AssumeRole"), request, b"Policy=p") == {"RoleArn": "a"}

    @pytest.mark.parametrize(
        "body",
        [
            "DurationSeconds=abc",
            "DurationSeconds=1.5",
            "DurationSeconds=",
            "DurationSeconds=99999999999",
            "DurationSeconds=%D9%A3",
            "DurationSeconds.member.1=1",
            "RoleArn.member=1",
            "Tags=x",
            "Tags.member=x",
            "Tags.1.Key=x",
            "Tags.member.0.Key=x",
            "Tags.member.-1.Key=x",
            "Tags.member.01.Key=x",
            "Tags.member.x.Key=x",
            "Tags.member.9999999.Key=x",
            "Tags.member.1=x",
            "TransitiveTagKeys.member.1.x=y",
            "RoleArn=%ff",
            "%ff=1",
            "a" + ".a" * 40 + "=1",
        ],
    )
    def test_malformed_parameters(self, body: str) -> None:
        assert refused(sts("AssumeRole"), body).code == "MalformedInput"

    @pytest.mark.parametrize(
        "body",
        [
            "Flag=yes",
            "Flag=1",
            "Real=x",
            "Real=1e999",
            "Real=0x10",
            "Blob=A",
            "At=now",
            "At=99999999999999999999",
            "Epoch=NaN",
            "Epoch=2026-11-24T08:00:00Z",
            "Web=2026",
            "Map.entry.1.key=k",
            "Map.entry.1.value=v",
            "Map.entry.1.key=k&Map.entry.1.value=v&Map.entry.2.key=k&Map.entry.2.value=w",
            "Map=x",
            "Tree=x",
            "Tree" + ".Below" * 40 + ".Name=x",
        ],
    )
    def test_malformed_values(self, body: str) -> None:
        error = refused(DO, body)
        assert error.code == "MalformedInput"

    def test_there_is_a_limit_to_parameters(self) -> None:
        assert refused(DO, "a=1&" * 2_001).code == "MalformedQueryString"


class TestAnswering:
    def test_the_answer_of_get_caller_identity(self) -> None:
        answer = {"UserId": "AIDA", "Account": "000000000000", "Arn": "arn:aws:iam::000000000000:user/a"}
        response = QUERY.answer(sts("GetCallerIdentity"), answer, ID)
        assert response.status == 200
        assert response.headers == [(b"content-type", b"text/xml"), (b"x-amzn-requestid", ID.encode())]
        assert text_of(response) == (
            f'<GetCallerIdentityResponse xmlns="{STS_NAMESPACE}"><GetCallerIdentityResult><UserId>AIDA</UserId>'
            "<Account>000000000000</Account><Arn>arn:aws:iam::000000000000:user/a</Arn></GetCallerIdentityResult>"
            f"<ResponseMetadata><RequestId>{ID}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
        )

    def test_all_types(self) -> None:
        eight = datetime(2026, 11, 24, 8, tzinfo=UTC)
        answer = {
            "Text": "a<b>&c\r\n",
            "Whole": 7,
            "Real": 0.5,
            "Flag": False,
            "Blob": b"\x00\x01\x02",
            "At": eight,
            "Epoch": eight.replace(microsecond=5_000),
            "Web": eight,
            "Flat": ["a", "b"],
            "FlatNamed": ["c"],
            "Named": ["d"],
            "Map": {"k": "v"},
            "FlatMap": {"x": "y"},
            "Tree": {"Below": {}, "Name": None},
            "Renamed": None,
        }
        xml = text_of(QUERY.answer(DO, answer, ID))
        assert xml == (
            '<DoResponse xmlns="https://invented/?a&amp;b"><DoResult><Text>a&lt;b&gt;&amp;c&#xD;\n</Text>'
            "<Whole>7</Whole><Real>0.5</Real><Flag>false</Flag><Blob>AAEC</Blob><At>2026-11-24T08:00:00Z</At>"
            "<Epoch>1795507200.005</Epoch><Web>Tue, 24 Nov 2026 08:00:00 GMT</Web><Flat>a</Flat><Flat>b</Flat>"
            "<item>c</item><Named><entry>d</entry></Named><Map><entry><key>k</key><value>v</value></entry></Map>"
            "<FlatMap><k>x</k><v>y</v></FlatMap><Tree><Below></Below></Tree></DoResult>"
            f"<ResponseMetadata><RequestId>{ID}</RequestId></ResponseMetadata></DoResponse>"
        )
        ElementTree.fromstring(xml)

    def test_a_member_that_the_model_does_not_know_is_a_fault_of_ours(self) -> None:
        with pytest.raises(KeyError):
            QUERY.answer(sts("GetCallerIdentity"), {"Name": "x"}, ID)


class TestErrors:
    def test_as_sts_shapes_them(self) -> None:
        error = AwsError("AccessDenied", "User: <x> is not authorized", 403)
        response = QUERY.error(error, service_model("sts"), ID)
        assert response.status == 403
        assert text_of(response) == (
            f'<ErrorResponse xmlns="{STS_NAMESPACE}"><Error><Type>Sender</Type><Code>AccessDenied</Code>'
            "<Message>User: &lt;x&gt; is not authorized</Message></Error>"
            f"<RequestId>{ID}</RequestId></ErrorResponse>"
        )

    def test_the_models_code_status_and_members(self) -> None:
        error = AwsError("Broken", "text", members={"Reason": "a&b", "Unknown": "dropped"})
        response = QUERY.error(error, invented(), ID)
        assert response.status == 409
        assert "<Code>ItBroke</Code><Message>text</Message><Reason>a&amp;b</Reason></Error>" in text_of(response)

    def test_an_internal_failure_is_the_receivers(self) -> None:
        response = QUERY.error(internal_failure(), None, ID)
        assert response.status == 500
        assert "<Type>Receiver</Type><Code>InternalFailure</Code>" in text_of(response)

    def test_an_error_without_a_message(self) -> None:
        assert "<Message/>" in text_of(QUERY.error(AwsError("Fault"), invented(), ID))


class TestXml:
    @given(st.text(st.characters(), max_size=60))
    def test_any_text_makes_well_formed_xml(self, text: str) -> None:
        read = ElementTree.fromstring(f"<a>{escaped(text)}</a>".encode()).text or ""
        assert len(read) == len(text)
        assert all(got in {sent, "\ufffd"} for got, sent in zip(read, text, strict=True))

    def test_what_xml_carries_is_kept(self) -> None:
        text = "\t\n\r <>&\"' é漢😀\ufffd\ue000\ud7ff"
        assert ElementTree.fromstring(f"<a>{escaped(text)}</a>".encode()).text == text

    def test_what_xml_cannot_carry_is_replaced(self) -> None:
        assert escaped("a\x00b\x0b\x1f\ufffe\uffff\ud800") == "a\ufffdb\ufffd\ufffd\ufffd\ufffd\ufffd"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(sorted(service_model("sts").operations)))
def test_arbitrary_bytes_raise_nothing_else(body: bytes, name: str) -> None:
    assert code_of(lambda: parse(sts(name), body)) in {None, "MalformedInput", "MalformedQueryString"}


PARTS = ["Tags", "member", "1", "2", "0", "Key", "Value", "PolicyArns", "arn", "Map", "entry", "key", "value", "Flat"]


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from([*PARTS, "Whole", "At", "Tree", "Below", "Text", "Flag", ""]), max_size=5),
            st.sampled_from(["", "1", "x", "true", "AAAA", "\x00", "é"]),
        ),
        max_size=8,
    ),
    st.sampled_from([DO, *service_model("sts").operations.values()]),
)
def test_arbitrary_trees_raise_nothing_else(pairs: list[tuple[list[str], str]], operation: OperationModel) -> None:
    body = "&".join(f"{quote('.'.join(name))}={quote(value)}" for name, value in pairs)

    def receive() -> None:
        params = parse(operation, body)
        operation.redacted(params)
        operation.validate(params)

    assert code_of(receive) in {None, "MalformedInput", "ValidationError"}
