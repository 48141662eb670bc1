"""The query protocol: a form with Action and Version, answered in XML.

Source: Smithy specification, "AWS query protocol"; what AWS STS answers.
"""

from typing import Any

from strongroom.base.errors import AwsError
from strongroom.model.service import OperationModel, ServiceModel
from strongroom.wire.canonical import Pairs, query_pairs
from strongroom.wire.http import HttpRequest, HttpResponse
from strongroom.wire.protocol import told_as
from strongroom.wire.query_values import Read, compile_reader, tree_of
from strongroom.wire.refusals import QUERY_REFUSALS
from strongroom.wire.text_values import IN_WHOLE_SECONDS
from strongroom.wire.xml import escaped
from strongroom.wire.xml_values import Write, compile_writer

FORM = b"application/x-www-form-urlencoded"

# The namespace of errors that belong to no service.
_FAULT_NAMESPACE = "http://webservices.amazon.com/AWSFault/2005-15-09"


def parameters_of(request: HttpRequest, body: bytes) -> Pairs:
    """Return the parameters of a request: those of its query string, then those of a form in its body.

    A signature in the query string is not among them. Raises AwsError (`MalformedQueryString`, 400) for too many.
    """
    pairs = [pair for pair in query_pairs(request.query_string) if not pair[0].startswith(b"X-Amz-")]
    if body and is_form(request):
        pairs.extend(query_pairs(body))
    return pairs


def is_form(request: HttpRequest) -> bool:
    """Return whether the request says that its body is a form."""
    content_type = request.fields.get(b"content-type", b"")
    return content_type.partition(b";")[0].strip().lower() == FORM


class QueryProtocol:
    """The query protocol."""

    name = "query"
    refusals = QUERY_REFUSALS

    def parse(self, operation: OperationModel, request: HttpRequest, body: bytes) -> dict[str, Any]:
        """Return the params in a request's parameters. Raises AwsError (`MalformedInput`, 400) for anything else."""
        if operation.input is None:
            return {}
        read: Read | None = operation.compiled.get("query read")
        if read is None:
            read = operation.compiled["query read"] = compile_reader(operation.input)
        params: dict[str, Any] = read(tree_of(parameters_of(request, body)))
        return params

    def accept(self, operation: OperationModel, request: HttpRequest, body: bytes) -> dict[str, Any]:
        """Return the params in a request's parameters, validated."""
        params = self.parse(operation, request, body)
        operation.validate(params)
        return params

    def answer(self, operation: OperationModel, result: dict[str, Any], request_id: str) -> HttpResponse:
        """Return an answer as XML, within `<NameResponse><NameResult>`."""
        inside = ""
        if operation.output is not None:
            write: Write | None = operation.compiled.get("query write")
            if write is None:
                write = operation.compiled["query write"] = compile_writer(operation.output, IN_WHOLE_SECONDS)
            inside = write(result, operation.result_wrapper or f"{operation.name}Result")
        xml = (
            f'<{operation.name}Response xmlns="{escaped(operation.service.xml_namespace)}">{inside}'
            f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation.name}Response>"
        )
        return xml_response(200, xml, request_id)

    def error(self, error: AwsError, service: ServiceModel | None, request_id: str) -> HttpResponse:
        """Return an error as `<ErrorResponse><Error>`, with the further members that the error's shape has."""
        shape, code, status = told_as(error, service)
        members = ""
        if shape is not None and error.members:
            write = compile_writer(shape, IN_WHOLE_SECONDS)
            known = {name: value for name, value in error.members.items() if name in shape.members}
            members = write(known, "Error").removeprefix("<Error>").removesuffix("</Error>")
        namespace = _FAULT_NAMESPACE if service is None else service.xml_namespace
        fault = "Sender" if status < 500 else "Receiver"
        message = f"<Message>{escaped(error.message)}</Message>" if error.message else "<Message/>"
        xml = (
            f'<ErrorResponse xmlns="{escaped(namespace)}"><Error><Type>{fault}</Type><Code>{escaped(code)}</Code>'
            f"{message}{members}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return xml_response(status, xml, request_id)


def xml_response(status: int, xml: str, request_id: str) -> HttpResponse:
    """Return an answer or an error, as XML."""
    return HttpResponse(
        status, [(b"content-type", b"text/xml"), (b"x-amzn-requestid", request_id.encode())], xml.encode()
    )
