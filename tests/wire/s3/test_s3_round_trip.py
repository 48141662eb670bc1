"""What botocore sends, the wire reads; what the wire answers, botocore reads: for every operation of S3."""

import hashlib
from base64 import b64encode
from datetime import UTC, datetime
from io import BytesIO
from random import Random
from typing import Any

import pytest
from botocore.awsrequest import create_request_object, prepare_request_dict
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from tests.wire.model_values import Values, botocore_operation
from tests.wire.s3.s3_requests import ROUTES, from_host, params_of, request
from tests.wire.wire_requests import http_request

from strongroom.base.errors import AwsError
from strongroom.model.service import OperationModel, service_model
from strongroom.model.shapes import Reference, Shape
from strongroom.wire.http import HttpRequest, HttpResponse
from strongroom.wire.s3.body_checksum import CHECKSUM_REQUIRED
from strongroom.wire.s3.protocol import S3_PROTOCOL
from strongroom.wire.timestamps import to_http_date

# These have end points of their own, are only browsers', or answer with a stream of events.
ELSEWHERE = {"WriteGetObjectResponse", "ListDirectoryBuckets", "PostObject", "OptionsObject", "SelectObjectContent"}
OPERATIONS = [
    operation
    for name in ("s3", "s3control")
    for operation in service_model(name).operations.values()
    if operation.name not in ELSEWHERE and not operation.is_deprecated
]
PLAIN = "abcdefghijklmnopqrstuvwxyz0123456789-"
PRINTABLE = PLAIN + "ABCXYZ !\"#$%&'()*+,./:;<=>?@[]^_`{|}~"
IN_TEXT_DATES = {"Expires", "ResponseExpires"}
SEEDS = 6
# What the wire adds to params: the body of an upload, and what botocore says without being told.
ADDED = {"ContentLength", "ContentType", "AccountId", "Body", "AnnotationPayload"}


class Filled(Values):
    """Values in which no list is empty: XML cannot say that an empty one is there."""

    def _size(self, shape: Shape, depth: int) -> int:
        return max(1, super()._size(shape, depth))


class S3Values:
    """Values of every member, each of a kind that can be where the member is."""

    def __init__(self, seed: object, fullness: float) -> None:
        self._random = Random(repr(seed))
        self._values = Filled(seed, fullness, none_empty=True)
        self._fullness = fullness

    def of(self, shape: Shape) -> dict[str, Any]:
        chosen = [
            name
            for name, reference in shape.members.items()
            if name in shape.required or reference.location == "uri" or self._random.random() < self._fullness
        ]
        return {name: self._member(shape.members[name]) for name in chosen}

    def _member(self, reference: Reference) -> Any:
        target = reference.target
        if target.type == "map" and reference.location == "headers":
            return {self._text(PLAIN): self._text(PRINTABLE).strip() or "v" for _ in range(3)}
        if target.type == "list" and reference.location:
            return [self._scalar(target.element, reference.location) for _ in range(2)]
        if reference.location and target.type == "string":
            return self._scalar(reference, reference.location)
        return self._values.of(target)

    def _scalar(self, reference: Reference, location: str) -> str:
        if reference.target.enum:
            return self._random.choice(reference.target.enum)
        if reference.location_name == "Key":
            return self._text(PRINTABLE + "/\u00e9\u6f22\U0001f600")
        if location == "uri" or reference.host_label:
            return self._text(PLAIN)
        # Spaces around a header's value, and commas in a list, are not part of it.
        return self._text(PRINTABLE).strip().replace(",", "") or "v"

    def _text(self, alphabet: str) -> str:
        return "".join(self._random.choice(alphabet) for _ in range(self._random.randint(3, 12)))


def name_of(operation: OperationModel) -> str:
    return f"{operation.service.name}-{operation.name}"


def with_dates(params: dict[str, Any]) -> dict[str, Any]:
    """Return params as botocore takes them: its Expires is a time."""
    return {
        name: datetime(2031, 5, 4, 3, 2, 1, tzinfo=UTC) if name in IN_TEXT_DATES else value
        for name, value in params.items()
    }


def as_text(params: dict[str, Any]) -> dict[str, Any]:
    return {name: to_http_date(value) if name in IN_TEXT_DATES else value for name, value in params.items()}


def sent_by_botocore(operation: OperationModel, params: dict[str, Any]) -> HttpRequest:
    model = botocore_operation(operation.service.name, operation.name)
    sent = create_serializer("rest-xml", include_validation=False).serialize_to_request(params, model)
    prepare_request_dict(sent, endpoint_url="http://localhost:4566")
    made = http_request(create_request_object(sent))
    headers = [(name, value) for name, value in made.headers if name != b"content-length"]
    length = len(sent["body"]) if isinstance(sent["body"], bytes | str) else 0
    headers.append((b"content-length", b"%d" % length))
    if operation.name in CHECKSUM_REQUIRED and b"content-md5" not in {name.lower() for name, _ in headers}:
        # What a client's checksum handler adds.
        headers.append((b"content-md5", b64encode(hashlib.md5(sent["body"]).digest())))
    if operation.service.name == "s3control":
        headers = [pair for pair in headers if pair[0] != b"x-amz-account-id"]
        headers.append((b"x-amz-account-id", str(params.get("AccountId", "111122223333")).encode()))
    return HttpRequest(made.method, made.raw_path, made.query_string, headers, from_host("localhost:4566"), made.body)


def read_by_botocore(operation: OperationModel, response: HttpResponse) -> dict[str, Any]:
    model = botocore_operation(operation.service.name, operation.name)
    assert isinstance(response.body, bytes)
    raw = {
        "status_code": response.status,
        "headers": {name.decode(): value.decode() for name, value in response.headers},
        "body": BytesIO(response.body) if model.has_streaming_output else response.body,
    }
    parsed: dict[str, Any] = create_parser("rest-xml").parse(raw, model.output_shape)
    for name, value in parsed.items():
        if isinstance(value, BytesIO):
            parsed[name] = value.read()
    metadata = parsed.pop("ResponseMetadata")
    assert metadata["HTTPStatusCode"] == response.status
    return parsed


def params_for(operation: OperationModel, seed: int) -> dict[str, Any]:
    shape = operation.input
    params = {} if shape is None else S3Values((name_of(operation), seed), seed / (SEEDS - 1)).of(shape)
    # How long a body is, and which type botocore gives it, is not for a test to choose.
    return {name: value for name, value in params.items() if name not in {"ContentLength", "ContentType"}}


def pruned(value: Any) -> Any:
    """Leave out what XML cannot say: that something is there and empty."""
    if isinstance(value, dict):
        return {name: kept for name, item in value.items() if (kept := pruned(item)) not in ({}, [], None, "", b"")}
    if isinstance(value, list):
        return [pruned(item) for item in value]
    return value


@pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)
def test_requests(operation: OperationModel) -> None:
    for seed in range(SEEDS):
        params = with_dates(params_for(operation, seed))
        sent = sent_by_botocore(operation, params)
        route = ROUTES.route(sent)
        assert route.operation is operation
        got = params_of(sent, route)
        expected = as_text(params)
        assert pruned({name: got.get(name) for name in expected}) == pruned(expected)
        assert got.keys() - expected.keys() <= {
            "ContentLength",
            "ContentType",
            "AccountId",
            "Body",
            "AnnotationPayload",
            "ContentMD5",
        }


@pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)
def test_answers(operation: OperationModel) -> None:
    for seed in range(SEEDS):
        shape = operation.output
        answer = {} if shape is None else S3Values((name_of(operation), seed), seed / (SEEDS - 1)).of(shape)
        # A range changes the status; keys that are encoded are what `test_listing_keys` is about.
        answer = with_dates(
            {n: value for n, value in answer.items() if n not in {"ContentRange", "ContentLength", "EncodingType"}}
        )
        response = S3_PROTOCOL.answer(operation, as_text(answer), request("GET", "/"))
        assert response.status == operation.http.response_code
        if operation.name == "GetBucketLocation":
            # The answer is the root element itself, which botocore's parser leaves to a handler of its client.
            assert response.body == location_answer(answer.get("LocationConstraint"))
            continue
        got = read_by_botocore(operation, response)
        assert pruned(got) == pruned(answer)


def location_answer(where: str | None) -> bytes:
    root = 'LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    inner = f"<{root}>{where}</LocationConstraint>" if where else f"<{root}/>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{inner}'.encode()


@pytest.mark.parametrize("service", ["s3", "s3control"])
def test_errors(service: str) -> None:
    model = service_model(service)
    operation = model.operations["GetPublicAccessBlock"]
    for shape in {id(shape): shape for shape in model.errors.values()}.values():
        error = AwsError(shape.name, "What <went> wrong & \u00e9", members={"BucketName": "a<b"})
        parsed = read_by_botocore(operation, S3_PROTOCOL.error(error, model, request("GET", "/")))
        assert parsed["Error"]["Code"] == shape.name
        assert parsed["Error"]["Message"] == "What <went> wrong & \u00e9"
        assert parsed["Error"]["BucketName"] == "a<b"
