"""The shapes of S3's operations, compiled once into what reads their requests and writes their answers."""

from typing import NamedTuple, cast

from strongroom.base.errors import AwsError
from strongroom.model.service import OperationModel
from strongroom.model.shapes import Reference, Shape
from strongroom.wire.rest import AnswerWriter, RequestReader
from strongroom.wire.s3 import refusals
from strongroom.wire.text_values import IN_MILLISECONDS
from strongroom.wire.xml_values import Read, Write, compile_reader, compile_writer

STREAM, TEXT, XML, NONE = "stream", "text", "xml", ""
"""What a body can be."""


class Compiled(NamedTuple):
    """What an operation's shapes were compiled into.

    `payload` names the member that is the body of a request, if one is, and `kind` says what a body is;
    `answer_payload` and `answer_kind` say it of the answer. `root` is the name of a body's root element. `read` and
    `write` are there for bodies of XML.
    """

    reader: RequestReader
    payload: str
    kind: str
    read: Read | None
    root: str
    required: tuple[tuple[str, Reference], ...]
    writer: AnswerWriter
    answer_payload: str
    answer_kind: str
    write: Write | None


def compiled_of(operation: OperationModel) -> Compiled:
    """Return what an operation was compiled into, at its first use."""
    compiled = operation.compiled.get("rest-xml")
    if compiled is None:
        compiled = operation.compiled["rest-xml"] = _compile(operation)
    return cast(Compiled, compiled)


def _compile(operation: OperationModel) -> Compiled:
    given, answered = operation.input, operation.output
    payload, kind, read, root = "", NONE, None, ""
    required: tuple[tuple[str, Reference], ...] = ()
    if given is not None:
        payload, kind = given.payload, _kind_of(given)
        required = tuple((name, given.members[name]) for name in given.required)
        if kind == XML:
            shape = given.members[payload].target if payload else given
            read = compile_reader(shape)
            root = (given.members[payload].location_name if payload else operation.input_location_name) or ""
    answer_payload, answer_kind, write = "", NONE, None
    if answered is not None:
        answer_payload, answer_kind = answered.payload, _kind_of(answered)
        if answer_kind == XML:
            shape = answered.members[answer_payload].target if answer_payload else answered
            write = compile_writer(shape, IN_MILLISECONDS)
    return Compiled(
        RequestReader(given, _refuse),
        payload,
        kind,
        read,
        root,
        required,
        AnswerWriter(answered, IN_MILLISECONDS),
        answer_payload,
        answer_kind,
        write,
    )


def _kind_of(shape: Shape) -> str:
    if not shape.payload:
        return XML if any(not reference.location for reference in shape.members.values()) else NONE
    target = shape.members[shape.payload].target
    if target.type == "blob" or target.eventstream:
        return STREAM
    return XML if target.type == "structure" else TEXT


def _refuse(wire_name: str, value: str, problem: str) -> AwsError:
    if problem.endswith(("Integer", "Long")):
        text = f"Provided {wire_name} not an integer or within integer range"
    elif problem.endswith("Timestamp") and wire_name.lower() == "x-amz-object-lock-retain-until-date":
        text = "The retain until date must be provided in ISO 8601 format"
    else:
        text = f"Invalid value for {wire_name}"
    return refusals.invalid_argument(text, wire_name, value[:256])
