"""The protocols AWS JSON 1.0 and 1.1: the operation in X-Amz-Target, one JSON object each way.

Source: Smithy specification, "AWS JSON 1.0 protocol" and "AWS JSON 1.1 protocol"; what AWS KMS answers.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from strongroom.base.errors import AwsError
from strongroom.model.annotations import annotation_of
from strongroom.model.service import OperationModel, ServiceModel
from strongroom.model.shapes import Shape
from strongroom.wire.event_stream import CONTENT_TYPE, EventStreamWriter
from strongroom.wire.http import Headers, HttpRequest, HttpResponse
from strongroom.wire.json_values import Convert, compile_reader, compile_writer, serialization_error
from strongroom.wire.protocol import holds_itself, nesting_levels_max, told_as
from strongroom.wire.refusals import JSON_REFUSALS

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_UNDECODED = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)

Decode = Callable[[bytes], dict[str, Any]]

# Errors that no service's model has carry the namespace of AWS's own framework in JSON 1.0.
_FRAMEWORK_NAMESPACE = "com.amazon.coral.service"
_VALIDATION_NAMESPACE = "com.amazon.coral.validate"


class Events(NamedTuple):
    """The member of an answer that holds its events, and what writes them."""

    member: str
    writer: EventStreamWriter


class JsonProtocol:
    """One of the two versions, `1.0` or `1.1`; they differ in their content type, and in how an error names itself."""

    def __init__(self, version: str) -> None:
        self.name = f"json-{version}"
        self.refusals = JSON_REFUSALS
        self._names_whole_types = version == "1.0"
        self._content_type = (b"content-type", f"application/x-amz-json-{version}".encode())

    def parse(self, operation: OperationModel, request: HttpRequest, body: bytes) -> dict[str, Any]:
        """Return the params in a JSON object. Raises AwsError (`SerializationException`, 400) for anything else.

        Of a name that is there twice the last one counts, as with AWS.
        """
        read: Convert | None = operation.compiled.get("json read")
        if read is None:
            read = operation.compiled["json read"] = _compile_body_reader(operation.input)
        try:
            value = _decode(body)
        except _UNDECODED:
            raise serialization_error("The request body is not JSON, or nests too deeply.") from None
        params: dict[str, Any] = read(value)
        return params

    def accept(self, operation: OperationModel, request: HttpRequest, body: bytes) -> dict[str, Any]:
        """Return the params in a JSON object, validated. Raises AwsError as `parse` and `operation.validate` do.

        A body that is as it should be is decoded and validated in one pass. For any other, these two say what is wrong.
        """
        decode: Decode | None = operation.compiled.get("json accept")
        if decode is None:
            decode = operation.compiled["json accept"] = _compile_decoder(operation.input)
        try:
            return decode(body)
        except _UNDECODED:
            params = self.parse(operation, request, body)
            operation.validate(params)
            return params

    def answer(self, operation: OperationModel, result: dict[str, Any], request_id: str) -> HttpResponse:
        """Return an answer as a JSON object, or an empty body for an operation that has none."""
        if operation.output is None:
            return HttpResponse(200, self._headers(request_id), b"")
        if "json events" not in operation.compiled:
            operation.compiled["json events"] = _compile_events(operation.output)
        events: Events | None = operation.compiled["json events"]
        if events is not None:
            headers = [(b"content-type", CONTENT_TYPE), *self._headers(request_id)[1:]]
            return HttpResponse(200, headers, events.writer.body(result[events.member]))
        write: Convert | None = operation.compiled.get("json write")
        if write is None:
            write = operation.compiled["json write"] = compile_writer(operation.output)
        return HttpResponse(200, self._headers(request_id), _encode(write(result)))

    def error(self, error: AwsError, service: ServiceModel | None, request_id: str) -> HttpResponse:
        """Return `{"__type": code, "message": text}`, with the further members that the error's shape has."""
        shape, query_code, status = told_as(error, service)
        code = error.code if shape is None else shape.name
        out: dict[str, Any] = {"__type": self._type(code, shape, service)}
        message_member = "message"
        if shape is not None:
            message_member = next((name for name in shape.members if name.lower() == "message"), "message")
            out.update(_written_members(shape, error))
        if error.message:
            out[message_member] = error.message
        headers = self._headers(request_id)
        if service is not None and service.is_query_compatible:
            # An error of a service that once spoke the query protocol also tells the code that it had there.
            fault = "Sender" if status < 500 else "Receiver"
            headers.append((b"x-amzn-query-error", f"{query_code};{fault}".encode("ascii", "replace")))
        return HttpResponse(status, headers, _encode(out))

    def _type(self, code: str, shape: Shape | None, service: ServiceModel | None) -> str:
        if not self._names_whole_types:
            return code
        if shape is not None and service is not None:
            return f"{service.error_namespace}#{code}"
        namespace = _VALIDATION_NAMESPACE if code == "ValidationException" else _FRAMEWORK_NAMESPACE
        return f"{namespace}#{code}"

    def _headers(self, request_id: str) -> Headers:
        return [self._content_type, (b"x-amzn-requestid", request_id.encode())]


def _compile_events(shape: Shape) -> Events | None:
    """Return what writes an answer that goes on as events, or None for one that does not."""
    for name, reference in shape.members.items():
        if reference.target.eventstream:
            return Events(name, EventStreamWriter(reference.target))
    return None


def _written_members(shape: Shape, error: AwsError) -> dict[str, Any]:
    known = {name: value for name, value in error.members.items() if name in shape.members}
    written: dict[str, Any] = compile_writer(shape)(known) if known else {}
    return written


def _compile_decoder(shape: Shape | None) -> Decode:
    annotation = None if shape is None else annotation_of(shape)
    return _decode_nothing if annotation is None else msgspec.json.Decoder(annotation).decode


def _decode_nothing(body: bytes) -> dict[str, Any]:
    raise msgspec.DecodeError


def _compile_body_reader(shape: Shape | None) -> Convert:
    if shape is None:
        return _ignore_body
    read = compile_reader(shape)
    if not holds_itself(shape):
        return read

    def read_bounded(value: Any) -> Any:
        _check_nesting(value)
        return read(value)

    return read_bounded


def _ignore_body(value: Any) -> Any:
    if type(value) is not dict:
        raise serialization_error("Expected structure or null")
    return {}


def _check_nesting(value: Any) -> None:
    level = [value]
    for _ in range(nesting_levels_max):
        level = [
            item
            for container in level
            if isinstance(container, dict | list)
            for item in (container.values() if isinstance(container, dict) else container)
        ]
        if not level:
            return
    raise serialization_error(f"The request body nests more than {nesting_levels_max} levels deep.")
