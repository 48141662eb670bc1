"""A call of the AWS API as the aws CLI command that a person would type for it.

Sources: AWS CLI User Guide, "Specify parameter values for the AWS CLI", "Using shorthand syntax with the AWS CLI".
"""

import base64
import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from botocore import xform_name
from botocore.model import OperationModel, Shape, StructureShape

COLUMNS_MAX = 110
_TEXT_CHARACTERS_MAX = 4_000
_BINARY_CHARACTERS_MAX = 400
_CONTINUED = " \\\n    "
_COMMANDS = {"s3": "s3api"}
_READ_AS_FILE = ("file://", "fileb://", "http://", "https://")
# What needs no quotes of the CLI's shorthand syntax: no comma, no bracket, no equals sign, no space.
_SHORTHAND_VALUE = re.compile(r"[A-Za-z0-9_./:@+-]+")
_SCALARS = ("string", "integer", "long", "float", "double", "boolean", "timestamp")


class File(NamedTuple):
    """A parameter's value that is given to the CLI as a file: what is binary, or long."""

    name: str
    content: bytes

    @classmethod
    def of_json(cls, name: str, document: object) -> "File":
        """Return a JSON document as a file."""
        return cls(name, f"{json.dumps(document, indent=2)}\n".encode())


@dataclass(frozen=True, slots=True)
class Display:
    """How a command is shown besides its parameters.

    `prefix` stands before it, `options` are the CLI's own, `query` is a JMESPath expression for its answer, which goes
    to the file `save` if that is named: decoded from Base64 if `is_binary`. `outfile` is where a streamed answer goes.
    """

    prefix: str = ""
    options: tuple[str, ...] = ()
    query: str = ""
    is_text: bool = False
    save: str = ""
    is_binary: bool = False
    outfile: str = ""


def plain(value: Any, shape: Shape | None) -> Any:
    """Return a parameter as botocore takes it: files become their content, bytes, text or JSON as the shape says."""
    if isinstance(value, File):
        kind = shape.type_name if shape is not None else "string"
        if kind == "blob":
            return value.content
        return json.loads(value.content) if kind in ("structure", "map", "list") else value.content.decode()
    if isinstance(value, Mapping):
        members = shape.members if isinstance(shape, StructureShape) else {}
        return {name: plain(each, members.get(name)) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each, getattr(shape, "member", None)) for each in value]
    return value


def files_of(value: Any) -> list[File]:
    """Return the files that are in parameters, in order."""
    if isinstance(value, File):
        return [value]
    if isinstance(value, Mapping):
        return [file for each in value.values() for file in files_of(each)]
    if isinstance(value, list | tuple):
        return [file for each in value for file in files_of(each)]
    return []


def command_line(service: str, operation: OperationModel, params: Mapping[str, Any], display: Display) -> str:
    """Return the command, on several lines where it is long; each can be pasted into a shell.

    Raises ValueError for what the CLI has no way to say: bytes that are in no file, or in the midst of a structure.
    """
    words = [*([display.prefix] if display.prefix else []), "aws", *display.options]
    words += [_COMMANDS.get(service, service), xform_name(operation.name, "-")]
    members = operation.input_shape.members if operation.input_shape is not None else {}
    unsayable = {name: value for name, value in params.items() if _is_read_as_file(value)}
    parts = [" ".join(words)]
    for name, value in params.items():
        if name not in unsayable:
            parts += _option(operation, name, value, members[name])
    if unsayable:
        parts.append(f"--cli-input-json {_quoted_json(unsayable)}")
    if display.outfile:
        parts.append(shlex.quote(display.outfile))
    if display.query:
        parts.append(f"--query {shlex.quote(display.query)}")
    if display.is_text or display.save:
        parts.append("--output text")
    if display.save:
        decode = "| base64 -d " if display.is_binary else ""
        parts.append(f"{decode}> {shlex.quote(display.save)}")
    return laid_out(parts)


def laid_out(parts: Sequence[str]) -> str:
    """Return the parts of a command on one line, or on several when they do not fit."""
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + 1 + len(part) <= COLUMNS_MAX:
            lines[-1] += f" {part}"
        else:
            lines.append(part)
    return _CONTINUED.join(lines)


def making(file: File) -> str | None:
    """Return the command that makes a file, or None for one that is too long to be shown."""
    name = shlex.quote(file.name)
    try:
        text = file.content.decode()
    except UnicodeDecodeError:
        encoded = base64.b64encode(file.content).decode()
        return f"printf %s {encoded} | base64 -d > {name}" if len(encoded) <= _BINARY_CHARACTERS_MAX else None
    if len(text) > _TEXT_CHARACTERS_MAX or not all(each.isprintable() or each == "\n" for each in text):
        return None
    if text.endswith("\n"):
        return f"cat > {name} <<'END'\n{text}END"
    return f"printf %s {shlex.quote(text)} > {name}"


def _option(operation: OperationModel, name: str, value: Any, shape: Shape) -> list[str]:
    # Lambda's code is the one blob within a structure that the CLI has an option of its own for.
    if (operation.service_model.service_name, name) == ("lambda", "Code") and "ZipFile" in value:
        rest = {key: each for key, each in value.items() if key != "ZipFile"}
        option = f"--zip-file fileb://{shlex.quote(value['ZipFile'].name)}"
        return [option, *(_option(operation, name, rest, shape) if rest else [])]
    flag = xform_name(name, "-")
    if shape.type_name == "boolean":
        return [f"--{flag}" if value else f"--no-{flag}"]
    said = _said(value, shape, is_body=_is_body(operation, name))
    # Else it would be taken for an option.
    is_dashed = shape.type_name in _SCALARS and str(value).startswith("-")
    return [f"--{flag}={said}" if is_dashed else f"--{flag} {said}"]


def _is_body(operation: OperationModel, name: str) -> bool:
    return bool(operation.has_streaming_input) and operation.input_shape.serialization.get("payload") == name


def _said(value: Any, shape: Shape, *, is_body: bool) -> str:
    if isinstance(value, File):
        scheme = "" if is_body else "fileb://" if shape.type_name == "blob" else "file://"
        return scheme + shlex.quote(value.name)
    if isinstance(value, bytes) or files_of(value):
        raise ValueError(f"the CLI cannot say the bytes of {shape.name} here")
    if isinstance(value, datetime):
        return value.isoformat()
    if shape.type_name == "list":
        return _said_list(value, shape)
    if shape.type_name in ("structure", "map"):
        return _shorthand(value, shape) or _quoted_json(value)
    return shlex.quote(str(value))


def _said_list(values: Sequence[Any], shape: Any) -> str:
    if shape.member.type_name in _SCALARS:
        texts = [str(value) for value in values]
        if texts and not any(text.startswith(("-", "[", *_READ_AS_FILE)) or not text for text in texts):
            return " ".join(map(shlex.quote, texts))
        return _quoted_json(values)
    entries = [_shorthand(value, shape.member) for value in values]
    return " ".join(entries) if entries and all(entries) else _quoted_json(values)


def _shorthand(value: Any, shape: Any) -> str:
    """Return `Key=value,Key=value` for what is flat and simple, else nothing."""
    if not isinstance(value, Mapping) or not value:
        return ""
    texts = []
    for name, each in value.items():
        member = shape.members.get(name) if shape.type_name == "structure" else shape.value
        text = str(each).lower() if isinstance(each, bool) else str(each)
        if member is None or member.type_name not in _SCALARS or isinstance(each, datetime):
            return ""
        if not _SHORTHAND_VALUE.fullmatch(str(name)) or not _SHORTHAND_VALUE.fullmatch(text):
            return ""
        texts.append(f"{name}={text}")
    return ",".join(texts)


def _quoted_json(value: Any) -> str:
    return shlex.quote(json.dumps(value, default=str))


def _is_read_as_file(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(_READ_AS_FILE)


def shell_words(words: Iterable[str]) -> str:
    """Return another command's words, quoted, on as many lines as it takes."""
    quoted = [shlex.quote(word) for word in words]
    parts: list[str] = []
    for word in quoted:
        # An option and its value stay together.
        if parts and not word.startswith("-") and parts[-1].startswith("-") and " " not in parts[-1]:
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    return laid_out(parts)
