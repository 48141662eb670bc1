"""The protocol smithy-rpc-v2-cbor: service and operation in the path, one CBOR map each way.

Of CBOR, what the protocol has is read: every other tag is refused, so that no value can refer to itself, and nothing is
made of text but text.

Source: Smithy specification, "Smithy RPC v2 CBOR protocol"; RFC 8949, Concise Binary Object Representation.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import cbor2

from strongroom.base.errors import AwsError
from strongroom.model.service import OperationModel, ServiceModel
from strongroom.wire.http import Headers, HttpRequest, HttpResponse
from strongroom.wire.json_values import Convert, compile_reader, compile_writer, serialization_error, unexpected
from strongroom.wire.protocol import nesting_levels_max, told_as
from strongroom.wire.refusals import JSON_REFUSALS
from strongroom.wire.timestamps import from_epoch, to_epoch

HEADER = b"smithy-protocol"
NAME_IN_HEADER = b"rpc-v2-cbor"
PATH = re.compile(rb"/service/(?P<service>[A-Za-z_][A-Za-z0-9_]*)/operation/(?P<operation>[A-Za-z_][A-Za-z0-9_]*)")

_EPOCH_TAG = 1

_CONTENT_TYPE = (b"content-type", b"application/cbor")


class RpcCborProtocol:
    """The protocol smithy-rpc-v2-cbor."""

    name = "smithy-rpc-v2-cbor"
    refusals = JSON_REFUSALS

    def parse(self, operation: OperationModel, request: HttpRequest, body: bytes) -> dict[str, Any]:
        """Return the params in a CBOR map. Raises AwsError (`SerializationException`, 400) for anything else."""
        if operation.input is None or not body:
            return {}
        read: Convert | None = operation.compiled.get("cbor read")
        if read is None:
            read = operation.compiled["cbor read"] = compile_reader(operation.input, _READERS)
        params: dict[str, Any] = read(_decoded(body))
        return params

    def accept(self, operation: OperationModel, request: HttpRequest, body: bytes) -> dict[str, Any]:
        """Return the params in a CBOR map, validated."""
        params = self.parse(operation, request, body)
        operation.validate(params)
        return params

    def answer(self, operation: OperationModel, result: dict[str, Any], request_id: str) -> HttpResponse:
        """Return an answer as a CBOR map, or an empty body for an operation that has none."""
        if operation.output is None:
            return HttpResponse(200, _headers(request_id), b"")
        write: Convert | None = operation.compiled.get("cbor write")
        if write is None:
            write = operation.compiled["cbor write"] = compile_writer(operation.output, _WRITERS)
        return HttpResponse(200, [*_headers(request_id), _CONTENT_TYPE], cbor2.dumps(write(result)))

    def error(self, error: AwsError, service: ServiceModel | None, request_id: str) -> HttpResponse:
        """Return a map of `__type` and the message, with the further members that the error's shape has."""
        shape, query_code, status = told_as(error, service)
        code = error.code if shape is None else shape.name
        namespace = "com.amazon.coral.service" if service is None else service.error_namespace
        out: dict[str, Any] = {"__type": f"{namespace}#{code}"}
        message_member = "message"
        if shape is not None:
            message_member = next((name for name in shape.members if name.lower() == "message"), "message")
            known = {name: value for name, value in error.members.items() if name in shape.members}
            out.update(compile_writer(shape, _WRITERS)(known) if known else {})
        if error.message:
            out[message_member] = error.message
        headers = [*_headers(request_id), _CONTENT_TYPE]
        if service is not None and service.is_query_compatible:
            fault = "Sender" if status < 500 else "Receiver"
            headers.append((b"x-amzn-query-error", f"{query_code};{fault}".encode("ascii", "replace")))
        return HttpResponse(status, headers, cbor2.dumps(out))


def _headers(request_id: str) -> Headers:
    return [(HEADER, NAME_IN_HEADER), (b"x-amzn-requestid", request_id.encode())]


# Reading.


class _Tags(dict[int, Callable[[Any, bool], Any]]):
    """What is done with a tagged value, by tag: there is none but a time."""

    def __missing__(self, tag: int) -> Callable[[Any, bool], Any]:
        return _refuse_tag


def _refuse_tag(value: Any, immutable: bool) -> Any:
    raise ValueError("a tag that the protocol does not have")


def _time(value: Any, immutable: bool) -> Any:
    if type(value) is not int and type(value) is not float:
        raise ValueError("a time that is no number")
    return from_epoch(value)


_TAGS = _Tags({_EPOCH_TAG: _time})


def _decoded(body: bytes) -> Any:
    try:
        value = cbor2.loads(
            body,
            semantic_decoders=_TAGS,
            max_depth=nesting_levels_max,
            allow_duplicate_keys=False,
            strict_hashable_types=True,
        )
    except (cbor2.CBORError, ValueError, OverflowError, RecursionError):
        # What the decoder met may be a secret in the wrong place: it is not told on.
        raise serialization_error("The request body is not CBOR of this protocol, or nests too deeply.") from None
    return value


def _read_float(value: Any) -> Any:
    if type(value) is float or type(value) is int:
        return float(value)
    raise unexpected(value, "a Double")


def _read_blob(value: Any) -> Any:
    if type(value) is bytes:
        return value
    raise unexpected(value, "a Blob")


def _read_time(value: Any) -> Any:
    if type(value) is datetime:
        return value
    raise unexpected(value, "a Timestamp")


_READERS: Mapping[str, Convert] = {
    "float": _read_float,
    "double": _read_float,
    "blob": _read_blob,
    "timestamp": _read_time,
}


# Writing.


def _write_time(value: Any) -> Any:
    return cbor2.CBORTag(_EPOCH_TAG, to_epoch(value))


_WRITERS: Mapping[str, Convert | None] = {"float": None, "double": None, "timestamp": _write_time}
