"""The protocol rest-json, with AWS Lambda's operations: botocore sends and the wire reads, and the other way round."""

import io
import json
from random import Random
from typing import Any

import pytest
from botocore.awsrequest import create_request_object, prepare_request_dict
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from tests.wire.model_values import Values, botocore_operation
from tests.wire.wire_requests import ORIGIN, body_of, http_request

from strongroom.base.errors import AwsError
from strongroom.model.service import OperationModel, service_model
from strongroom.model.shapes import Shape
from strongroom.wire.http import HttpRequest, HttpResponse
from strongroom.wire.protocols import JSON_1_1, REST_JSON
from strongroom.wire.route import Router

ROUTER = Router([service_model(name) for name in ("kms", "sts", "lambda")])
ID = "0192e4c2-0000-7000-8000-000000000000"
SCOPE = b"AWS4-HMAC-SHA256 Credential=A/20261124/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0"
PLAIN = "abcdefghijklmnopqrstuvwxyzABC0123456789-_:. /%+"
OPERATIONS = [
    operation
    for operation in service_model("lambda").operations.values()
    if operation.name != "InvokeWithResponseStream" and not operation.is_deprecated
]


def values_of(operation: OperationModel, shape: Shape | None, seed: int) -> dict[str, Any]:
    if shape is None:
        return {}
    values, random = Values((operation.name, seed), seed / 4), Random(seed)
    made: dict[str, Any] = values.of(shape)
    for name, reference in shape.members.items():
        is_text = reference.location in {"header", "uri", "querystring"} and reference.target.type == "string"
        if name in made and is_text and not reference.target.enum:
            made[name] = "".join(random.choice(PLAIN) for _ in range(9)).strip() or "x"
    return made


def sent_by_botocore(operation: OperationModel, params: dict[str, Any]) -> HttpRequest:
    serializer = create_serializer("rest-json", include_validation=False)
    sent = serializer.serialize_to_request(params, botocore_operation("lambda", operation.name))
    prepare_request_dict(sent, endpoint_url="http://localhost:4566")
    made = http_request(create_request_object(sent))
    headers = [*made.headers, (b"authorization", SCOPE)]
    return HttpRequest(made.method, made.raw_path, made.query_string, headers, ORIGIN, made.body)


def read_by_botocore(operation: OperationModel, response: HttpResponse) -> dict[str, Any]:
    model = botocore_operation("lambda", operation.name)
    assert isinstance(response.body, bytes)
    raw = {
        "status_code": response.status,
        "headers": {name.decode(): value.decode() for name, value in response.headers},
        "body": io.BytesIO(response.body) if model.has_streaming_output else response.body,
    }
    parsed: dict[str, Any] = create_parser("rest-json").parse(raw, model.output_shape)
    assert parsed.pop("ResponseMetadata")["RequestId"] == ID
    return {name: value.read() if isinstance(value, io.BytesIO) else value for name, value in parsed.items()}


def pruned(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: pruned(item) for name, item in value.items() if item not in ({}, [], None, b"", "")}
    return value


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: str(operation.name))
def test_requests(operation: OperationModel) -> None:
    for seed in range(5):
        params = values_of(operation, operation.input, seed)
        sent = sent_by_botocore(operation, params)
        route = ROUTER.route(sent, body_of(sent))
        assert (route.operation, route.protocol) == (operation, REST_JSON)
        got = REST_JSON.parse(operation, sent, body_of(sent))
        assert pruned(got) == pruned(params)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: str(operation.name))
def test_answers(operation: OperationModel) -> None:
    for seed in range(5):
        answer = values_of(operation, operation.output, seed)
        if operation.output is not None and "StatusCode" in operation.output.members:
            # botocore reads it whether it was answered or not: it is the status.
            answer["StatusCode"] = 202
        response = REST_JSON.answer(operation, answer, ID)
        assert response.status in {operation.http.response_code, 202}
        if response.status != 204:
            assert pruned(read_by_botocore(operation, response)) == pruned(answer)


def test_errors() -> None:
    model = service_model("lambda")
    operation = model.operations["GetFunction"]
    for shape in {id(shape): shape for shape in model.errors.values()}.values():
        response = REST_JSON.error(AwsError(shape.name, "What went <wrong>", members={"unknown": 1}), model, ID)
        assert shape.error is None or response.status == (shape.error.http_status_code or 400)
        parsed = read_by_botocore(operation, response)
        assert parsed["Error"]["Code"] == shape.name
        assert parsed["Error"]["Message"] == "What went <wrong>"
    response = REST_JSON.error(AwsError("ResourceNotFoundException", "x", 404), model, ID)
    assert json.loads(response.body) == {"Type": "User", "Message": "x"}  # type: ignore[arg-type]


class TestRouting:
    def request(self, method: str, path: str, headers: list[tuple[bytes, bytes]] | None = None) -> HttpRequest:
        return HttpRequest(method, path.encode(), b"", headers or [(b"authorization", SCOPE)], ORIGIN)

    def test_a_member_in_the_path_is_not_taken_from_the_body(self) -> None:
        operation = service_model("lambda").operations["UpdateFunctionConfiguration"]
        sent = self.request("PUT", "/2015-03-31/functions/mine/configuration")
        params = REST_JSON.parse(operation, sent, b'{"FunctionName": "another", "Description": "d"}')
        assert params == {"FunctionName": "mine", "Description": "d"}

    @pytest.mark.parametrize(
        ("method", "path"),
        [("GET", "/"), ("GET", "/2015-03-31/functions/a/nothing"), ("PATCH", "/2015-03-31/functions/a")],
    )
    def test_what_is_not_there(self, method: str, path: str) -> None:
        sent = self.request(method, path)
        with pytest.raises(AwsError) as refusal:
            ROUTER.route(sent, b"")
        assert (refusal.value.code, refusal.value.status) == ("UnknownOperationException", 404)
        assert ROUTER.protocol_of(sent) is REST_JSON

    @pytest.mark.parametrize("body", [b"{", b"[]", b"nonsense", b"\xff", b"[" * 100_000])
    def test_bodies_that_are_no_object(self, body: bytes) -> None:
        operation = service_model("lambda").operations["CreateAlias"]
        with pytest.raises(AwsError) as refusal:
            REST_JSON.accept(operation, self.request("POST", "/2015-03-31/functions/a/aliases"), body)
        assert refusal.value.code == "SerializationException"

    def test_only_by_its_scope(self) -> None:
        sent = self.request("GET", "/2015-03-31/functions/", [(b"content-type", b"application/json")])
        with pytest.raises(AwsError):
            ROUTER.route(sent, b"")
        assert ROUTER.protocol_of(sent) is JSON_1_1
