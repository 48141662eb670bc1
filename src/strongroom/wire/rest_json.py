"""The protocol rest-json: operations in method and path, as with S3, and JSON in the bodies.

Source: Smithy specification, "AWS restJson1 protocol"; what AWS Lambda answers.
"""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple, cast

import msgspec

from strongroom.base.errors import AwsError
from strongroom.model.service import OperationModel, ServiceModel
from strongroom.wire.canonical import query_pairs
from strongroom.wire.http import Headers, HttpRequest, HttpResponse
from strongroom.wire.json_values import Convert, compile_reader, compile_writer, serialization_error
from strongroom.wire.protocol import told_as
from strongroom.wire.refusals import REST_JSON_REFUSALS
from strongroom.wire.rest import AnswerWriter, RequestReader, query_of
from strongroom.wire.rest_route import labels_in, path_pattern
from strongroom.wire.text_values import IN_WHOLE_SECONDS

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode

_JSON = (b"content-type", b"application/json")


class _Compiled(NamedTuple):
    """What an operation's shapes were compiled into. A payload that is a blob is read and written as it is."""

    path: Any
    reader: RequestReader
    payload: str
    read: Convert | None
    writer: AnswerWriter
    answer_payload: str
    write: Convert | None


class RestJsonProtocol:
    """The protocol rest-json."""

    name = "rest-json"
    refusals = REST_JSON_REFUSALS

    def parse(self, operation: OperationModel, request: HttpRequest, body: bytes) -> dict[str, Any]:
        """Return the params in a request's path, query string, headers and body.

        Raises AwsError (`SerializationException`, 400) for anything that is not what the model says.
        """
        compiled = _compiled(operation)
        try:
            labels = {name: value.decode() for name, value in labels_in(compiled.path, request.raw_path).items()}
            query = query_of(query_pairs(request.query_string))
        except UnicodeDecodeError:
            raise serialization_error("The path or the query string is not UTF-8 text.") from None
        params = compiled.reader.params(request, labels, query)
        if compiled.read is None:
            if compiled.payload and body:
                params[compiled.payload] = body
            return params
        if body:
            value = compiled.read(_decoded(body))
            if compiled.payload:
                params[compiled.payload] = value
            else:
                params.update(value)
        return params

    def accept(self, operation: OperationModel, request: HttpRequest, body: bytes) -> dict[str, Any]:
        """Return the params of a request, validated."""
        params = self.parse(operation, request, body)
        operation.validate(params)
        return params

    def answer(self, operation: OperationModel, result: dict[str, Any], request_id: str) -> HttpResponse:
        """Return an answer: members in headers and in a JSON object, or one member as the whole body."""
        compiled = _compiled(operation)
        headers = [*_own_headers(request_id), *compiled.writer.headers(result)]
        status = int(result.get(compiled.writer.status_member) or operation.http.response_code)
        if status == 204:
            return HttpResponse(status, headers)
        if compiled.write is None:
            body: bytes | AsyncIterator[bytes] = result.get(compiled.answer_payload) or b""
            return HttpResponse(status, headers, body)
        if compiled.answer_payload:
            value = result.get(compiled.answer_payload) or {}
        else:
            value = {name: item for name, item in result.items() if name not in compiled.writer.elsewhere}
        return HttpResponse(status, [*headers, _JSON], _encode(compiled.write(value)))

    def error(self, error: AwsError, service: ServiceModel | None, request_id: str) -> HttpResponse:
        """Return an error: its code in a header, its message and the further members of its shape in a JSON object."""
        shape, _, status = told_as(error, service)
        code = error.code if shape is None else shape.name
        out: dict[str, Any] = {}
        message_member = "message"
        if shape is not None:
            message_member = next((name for name in shape.members if name.lower() == "message"), "message")
            known = {name: value for name, value in error.members.items() if name in shape.members}
            out = compile_writer(shape)(known) if known else {}
            if "Type" in shape.members:
                out.setdefault("Type", "User" if status < 500 else "Service")
        out[message_member] = error.message
        headers = [*_own_headers(request_id), (b"x-amzn-errortype", code.encode("ascii", "replace")), _JSON]
        return HttpResponse(status, headers, _encode(out))


def _own_headers(request_id: str) -> Headers:
    return [(b"x-amzn-requestid", request_id.encode())]


def _decoded(body: bytes) -> Any:
    try:
        return _decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise serialization_error("The request body is not JSON, or nests too deeply.") from None


def _refuse(wire_name: str, value: str, problem: str) -> AwsError:
    return serialization_error(problem)


def _compiled(operation: OperationModel) -> _Compiled:
    compiled = operation.compiled.get("rest-json")
    if compiled is None:
        compiled = operation.compiled["rest-json"] = _compile(operation)
    return cast(_Compiled, compiled)


def _compile(operation: OperationModel) -> _Compiled:
    given, answered = operation.input, operation.output
    payload = given.payload if given is not None else ""
    read = write = None
    if given is not None:
        target = given.members[payload].target if payload else given
        read = compile_reader(target) if target.type == "structure" else None
    answer_payload = answered.payload if answered is not None else ""
    if answered is not None:
        target = answered.members[answer_payload].target if answer_payload else answered
        write = compile_writer(target) if target.type == "structure" and not target.eventstream else None
    return _Compiled(
        path_pattern(operation.http.request_uri.partition("?")[0]),
        RequestReader(given, _refuse),
        payload,
        read,
        AnswerWriter(answered, IN_WHOLE_SECONDS),
        answer_payload,
        write,
    )
