"""The rest-xml protocol as S3 speaks it: params out of requests, answers and errors into status, headers and body.

Source: Smithy specification, "AWS REST XML protocol"; Amazon S3 API Reference; answers of AWS.
"""

from collections.abc import AsyncIterator, Mapping
from secrets import token_bytes
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.model.constraints import NOT_NULL
from strongroom.model.service import OperationModel, ServiceModel
from strongroom.model.shapes import Reference
from strongroom.wire.blobs import to_base64
from strongroom.wire.http import Headers, HttpRequest, HttpResponse
from strongroom.wire.protocol import told_as
from strongroom.wire.rest_route import RestRoute
from strongroom.wire.s3 import refusals
from strongroom.wire.s3.body_checksum import check_body, require_checksum
from strongroom.wire.s3.compiled import STREAM, TEXT, XML, Compiled, compiled_of
from strongroom.wire.s3.error_codes import as_s3_tells
from strongroom.wire.s3.listing_keys import with_encoded_keys
from strongroom.wire.s3.payload import Payload
from strongroom.wire.s3.roots import NAMESPACES, root_of
from strongroom.wire.xml import escaped
from strongroom.wire.xml_reader import read_xml

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

BODY_BYTES_MAX = 1024 * 1024
BODY_BYTES_MAX_OF: Mapping[str, int] = {
    "DeleteObjects": 2 * 1024 * 1024,
    # 10,000 parts, each with its ETag and a checksum.
    "CompleteMultipartUpload": 4 * 1024 * 1024,
}
"""How large a body may be that is read whole, in bytes."""

# It names who answered, like the host that S3 names here: this process.
_HOST_ID = to_base64(token_bytes(48))
_XML = (b"content-type", b"application/xml")
_JSON = (b"content-type", b"application/json")

_LENGTHS = frozenset({b"content-length", b"x-amz-decoded-content-length"})


class S3Protocol:
    """The protocol of S3 and of S3 Control, which wraps its errors once more."""

    name = "rest-xml"

    async def body_of(self, route: RestRoute, request: HttpRequest, payload: Payload) -> bytes | Payload:
        """Return what `accept` takes of a body: the payload as it arrives, or all of it, checked.

        Raises AwsError for a body that is too long, is not what was signed or declared, or has no length that anybody
        said though it is an upload (`MissingContentLength`).
        """
        compiled = compiled_of(route.operation)
        if compiled.kind == STREAM:
            if payload.length is None or _LENGTHS.isdisjoint(request.fields):
                raise refusals.missing_length()
            return payload
        body = await payload.read(BODY_BYTES_MAX_OF.get(route.operation.name, BODY_BYTES_MAX))
        # A checksum that is a member of the operation is of an object, not of this body.
        if route.service.name == "s3":
            require_checksum(route.operation.name, request.fields, payload.trailers)
        check_body(body, compiled.reader.unbound(request.fields), payload.trailers)
        return body

    def accept(self, route: RestRoute, request: HttpRequest, body: bytes | Payload) -> dict[str, Any]:
        """Return the params of a request, validated as far as the wire can: the rest has a code of its own each time.

        A streamed body is handed over as it is. Raises AwsError for what is not what the model says: `MalformedXML`,
        `InvalidArgument`, `InvalidRequest`, `MissingRequestBodyError`, `MissingSecurityHeader`.
        """
        compiled = compiled_of(route.operation)
        params = compiled.reader.params(request, route.labels, route.query)
        if isinstance(body, Payload):
            params[compiled.payload] = body
            _tell_decoded(params, body)
        elif body and compiled.kind:
            _take_body(compiled, params, body)
        for name, reference in compiled.required:
            if name not in params:
                raise _missing(name, reference)
        return params

    def answer(self, operation: OperationModel, result: dict[str, Any], request: HttpRequest) -> HttpResponse:
        """Return an answer. Members that are None are left out; one of bytes, or of an iterator, is the body as it is.

        Raises LookupError, TypeError or ValueError for an answer that the model does not know: a fault of ours.
        """
        compiled = compiled_of(operation)
        headers = _own_headers(request.origin.request_id)
        headers += compiled.writer.headers(result)
        status = operation.http.response_code
        if result.get("ContentRange") is not None:
            status = 206
        if request.method == "HEAD" or status == 204:
            return HttpResponse(status, headers)
        if compiled.answer_kind == STREAM:
            return _streamed(status, headers, result.get(compiled.answer_payload))
        if compiled.answer_kind == TEXT:
            text = result.get(compiled.answer_payload) or ""
            return HttpResponse(status, [*headers, _JSON], text.encode())
        xml = xml_of(operation, result)
        if not xml:
            return HttpResponse(status, headers)
        return HttpResponse(status, [*headers, _XML], (DECLARATION + xml).encode())

    def headers_of(self, operation: OperationModel, members: Mapping[str, Any]) -> Headers:
        """Return the headers that members of an operation's answer are told in."""
        return compiled_of(operation).writer.headers(members)

    def late_answer(self, body: AsyncIterator[bytes], request: HttpRequest) -> HttpResponse:
        """Return an answer that begins before it is known what it says: success, as far as its status tells.

        `body` yields white space while the client waits, then `late_body` or `late_error`.
        """

        async def declared() -> AsyncIterator[bytes]:
            yield DECLARATION.encode()
            async for part in body:
                yield part

        return HttpResponse(200, [*_own_headers(request.origin.request_id), _XML], declared())

    def late_body(self, operation: OperationModel, result: dict[str, Any]) -> bytes:
        """Return the end of the body of a late answer."""
        return xml_of(operation, result).encode()

    def late_error(self, error: AwsError, request: HttpRequest) -> bytes:
        """Return an error as the end of the body of a late answer: where the status cannot tell it any more."""
        told = as_s3_tells(error)
        return error_xml(told, told.code, request.origin.request_id).encode()

    def error(
        self,
        error: AwsError,
        service: ServiceModel | None,
        request: HttpRequest,
        operation: OperationModel | None = None,
    ) -> HttpResponse:
        """Return an error: `<Error>` with code, message and its further members; to HEAD, and as 304, a bare status."""
        request_id = request.origin.request_id
        told = as_s3_tells(error)
        _, code, status = told_as(told, service)
        headers = _own_headers(request_id)
        if told.answer and operation is not None:
            headers += compiled_of(operation).writer.headers(told.answer)
        if request.method == "HEAD" or status == 304:
            return HttpResponse(status, headers if status == 304 else [*headers, _XML])
        xml = error_xml(told, code, request_id)
        if service is not None and service.name == "s3control":
            xml = f"<ErrorResponse>{xml}<RequestId>{request_id}</RequestId></ErrorResponse>"
        return HttpResponse(status, [*headers, _XML], (DECLARATION + xml).encode())


S3_PROTOCOL = S3Protocol()


def error_xml(error: AwsError, code: str, request_id: str) -> str:
    """Return an error as an XML element."""
    members = "".join(f"<{name}>{escaped(_told(value))}</{name}>" for name, value in error.members.items())
    return (
        f"<Error><Code>{escaped(code)}</Code><Message>{escaped(error.message)}</Message>{members}"
        f"<RequestId>{request_id}</RequestId><HostId>{_HOST_ID}</HostId></Error>"
    )


def _told(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def xml_of(operation: OperationModel, result: dict[str, Any]) -> str:
    """Return the XML of an answer, without a declaration; empty for an answer that has none."""
    compiled = compiled_of(operation)
    if compiled.answer_kind != XML or compiled.write is None:
        return ""
    result = with_encoded_keys(operation.name, result)
    namespace = NAMESPACES.get(operation.service.name, "")
    if operation.name == "GetBucketLocation":
        # What every other operation answers within an element, this one answers as the root.
        where = result.get("LocationConstraint")
        inner = f">{escaped(where)}</LocationConstraint>" if where else "/>"
        return f'<LocationConstraint xmlns="{namespace}"{inner}'
    if compiled.answer_payload:
        value = result.get(compiled.answer_payload)
        if value is None:
            return ""
    else:
        elsewhere = compiled.writer.elsewhere
        value = {name: item for name, item in result.items() if name not in elsewhere}
    root = root_of(operation)
    xml = compiled.write(value, root)
    return f'<{root} xmlns="{namespace}">{xml[len(root) + 2 :]}'


def _streamed(status: int, headers: Headers, body: bytes | AsyncIterator[bytes] | None) -> HttpResponse:
    """Return an answer whose body is an object. The server tells the length of bytes, and must not tell it twice."""
    if body is not None and not isinstance(body, bytes):
        return HttpResponse(status, headers, body)
    whole = body or b""
    if any(name == b"Content-Length" and int(value) != len(whole) for name, value in headers):
        raise ValueError("the answer has another length than it says")
    return HttpResponse(status, [pair for pair in headers if pair[0] != b"Content-Length"], whole)


def _own_headers(request_id: str) -> Headers:
    return [(b"x-amz-id-2", _HOST_ID.encode()), (b"x-amz-request-id", request_id.encode())]


def _take_body(compiled: Compiled, params: dict[str, Any], body: bytes) -> None:
    if compiled.kind == TEXT:
        try:
            params[compiled.payload] = body.decode()
        except UnicodeDecodeError:
            raise refusals.invalid_argument("The request body is not UTF-8 text.", compiled.payload, None) from None
        return
    if compiled.read is None:
        return
    try:
        element = read_xml(body)
        if compiled.root and element.name != compiled.root:
            raise ValueError("another root element")
        value = compiled.read(element)
    except ValueError:
        raise refusals.malformed_xml(is_acl=compiled.root == "AccessControlPolicy") from None
    if compiled.payload:
        params[compiled.payload] = value
    else:
        params.update(value)


def _tell_decoded(params: dict[str, Any], body: Payload) -> None:
    """Say of the body what is true of what was signed, not of how it was sent."""
    if body.length is not None and "ContentLength" in params:
        params["ContentLength"] = body.length
    encoding = params.get("ContentEncoding")
    if encoding is not None and "aws-chunked" in encoding:
        kept = [part.strip() for part in encoding.split(",") if part.strip() != "aws-chunked"]
        if kept:
            params["ContentEncoding"] = ",".join(kept)
        else:
            del params["ContentEncoding"]


def _missing(name: str, reference: Reference) -> AwsError:
    if reference.location == "header":
        return refusals.missing_header(reference.location_name)
    if reference.location == "querystring":
        return refusals.invalid_request(f"Missing required query parameter: {reference.location_name}")
    if reference.location:
        return refusals.invalid_request(f"{name}: {NOT_NULL}")
    return refusals.missing_body()
