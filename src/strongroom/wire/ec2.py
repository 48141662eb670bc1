"""The EC2 variant of the query protocol: names with a capital first letter, lists without wrappers, other envelopes.

Source: Smithy specification, "AWS EC2 query protocol"; what Amazon EC2 answers.
"""

from typing import Any

from strongroom.base.errors import AwsError
from strongroom.model.service import OperationModel, ServiceModel
from strongroom.model.shapes import Reference
from strongroom.wire.http import HttpRequest, HttpResponse
from strongroom.wire.protocol import told_as
from strongroom.wire.query import parameters_of, xml_response
from strongroom.wire.query_values import Read, compile_reader, tree_of
from strongroom.wire.refusals import EC2_REFUSALS
from strongroom.wire.text_values import IN_MILLISECONDS
from strongroom.wire.xml import escaped
from strongroom.wire.xml_values import Write, compile_writer


def parameter_name_of(name: str, reference: Reference) -> str:
    """Return a member's name in a request: the one given for requests, else the one on the wire, capitalised."""
    wire_name = reference.location_name or name
    return reference.query_name or wire_name[:1].upper() + wire_name[1:]


class Ec2Protocol:
    """The EC2 query protocol."""

    name = "ec2"
    refusals = EC2_REFUSALS

    def parse(self, operation: OperationModel, request: HttpRequest, body: bytes) -> dict[str, Any]:
        """Return the params in a request's parameters. Raises AwsError (`MalformedInput`, 400) for anything else."""
        if operation.input is None:
            return {}
        read: Read | None = operation.compiled.get("ec2 read")
        if read is None:
            read = compile_reader(operation.input, parameter_name_of, lists_are_flat=True)
            operation.compiled["ec2 read"] = read
        params: dict[str, Any] = read(tree_of(parameters_of(request, body)))
        return params

    def accept(self, operation: OperationModel, request: HttpRequest, body: bytes) -> dict[str, Any]:
        """Return the params in a request's parameters, validated."""
        params = self.parse(operation, request, body)
        for name in () if operation.input is None else operation.input.required:
            if name not in params:
                parameter = name[:1].lower() + name[1:]
                raise AwsError("MissingParameter", f"The request must contain the parameter {parameter}", 400)
        operation.validate(params)
        return params

    def answer(self, operation: OperationModel, result: dict[str, Any], request_id: str) -> HttpResponse:
        """Return an answer as XML: `<NameResponse>` holds the request's id, then the members."""
        members = ""
        if operation.output is not None:
            write: Write | None = operation.compiled.get("ec2 write")
            if write is None:
                write = operation.compiled["ec2 write"] = compile_writer(operation.output, IN_MILLISECONDS)
            members = write(result, "r").removeprefix("<r>").removesuffix("</r>")
        xml = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<{operation.name}Response '
            f'xmlns="{escaped(operation.service.xml_namespace)}"><requestId>{request_id}</requestId>{members}'
            f"</{operation.name}Response>"
        )
        return xml_response(200, xml, request_id)

    def error(self, error: AwsError, service: ServiceModel | None, request_id: str) -> HttpResponse:
        """Return an error as `<Response><Errors><Error>`: a code and a message, no more."""
        _, code, status = told_as(error, service)
        xml = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>{escaped(code)}</Code>'
            f"<Message>{escaped(error.message)}</Message></Error></Errors><RequestID>{request_id}</RequestID></Response>"
        )
        return xml_response(status, xml, request_id)
