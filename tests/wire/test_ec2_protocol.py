from typing import Any

import pytest
from tests.wire.wire_requests import ORIGIN

from strongroom.base.errors import AwsError
from strongroom.model.service import service_model
from strongroom.wire.http import HttpRequest
from strongroom.wire.protocols import EC2
from strongroom.wire.route import Router

FORM = [(b"content-type", b"application/x-www-form-urlencoded; charset=utf-8")]
ID = "0192e4c2-0000-7000-8000-000000000000"
MODEL = service_model("ec2")


def request(body: bytes, *headers: tuple[bytes, bytes]) -> HttpRequest:
    return HttpRequest("POST", b"/", b"", [*FORM, *headers], ORIGIN, body)


def parse(name: str, body: bytes) -> dict[str, Any]:
    return EC2.parse(MODEL.operations[name], request(body), body)


def test_names_begin_with_a_capital_and_lists_have_no_wrapper() -> None:
    body = b"DryRun=false&VpcId.1=vpc-1&VpcId.2=vpc-2&Filter.1.Name=tag%3Aa&Filter.1.Value.1=b&Filter.1.Value.2=c"
    assert parse("DescribeVpcs", body) == {
        "DryRun": False,
        "VpcIds": ["vpc-1", "vpc-2"],
        "Filters": [{"Name": "tag:a", "Values": ["b", "c"]}],
    }


def test_an_answer_has_the_request_id_first_and_items_in_its_lists() -> None:
    answer = {"Vpcs": [{"VpcId": "vpc-1", "Tags": [{"Key": "a", "Value": "<b>"}]}]}
    response = EC2.answer(MODEL.operations["DescribeVpcs"], answer, ID)
    assert isinstance(response.body, bytes)
    assert response.body.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<DescribeVpcsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15"><requestId>{ID}</requestId><vpcSet>'
        "<item><vpcId>vpc-1</vpcId><tagSet><item><key>a</key><value>&lt;b&gt;</value></item></tagSet></item></vpcSet>"
        "</DescribeVpcsResponse>"
    )


def test_an_error() -> None:
    response = EC2.error(AwsError("InvalidVpcID.NotFound", "The vpc ID 'vpc-<1>' does not exist"), MODEL, ID)
    assert response.status == 400
    assert isinstance(response.body, bytes)
    assert response.body.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>'
        f"The vpc ID 'vpc-&lt;1&gt;' does not exist</Message></Error></Errors><RequestID>{ID}</RequestID></Response>"
    )


@pytest.mark.parametrize("body", [b"VpcId=vpc-1", b"VpcId.a=vpc-1", b"Filter.1=a", b"DryRun=perhaps"])
def test_what_is_not_as_the_model_says(body: bytes) -> None:
    with pytest.raises(AwsError) as refusal:
        parse("DescribeVpcs", body)
    assert (refusal.value.code, refusal.value.status) == ("MalformedInput", 400)


def test_its_operations_are_found_by_action_and_refused_in_its_own_words() -> None:
    router = Router([MODEL])
    scope = b"AWS4-HMAC-SHA256 Credential=AKIA/20261130/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=0"
    body = b"Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0%2F16"
    sent = request(body, (b"authorization", scope))
    route = router.route(sent, body)
    assert (route.operation.name, route.protocol) == ("CreateVpc", EC2)
    assert router.protocol_of(sent) is EC2
    assert route.signing.refusals.unknown_token().code == "AuthFailure"
