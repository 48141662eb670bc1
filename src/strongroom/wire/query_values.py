"""Form parameters to plain values, and plain values to XML, one compiled converter per shape.

`Tags.member.1.Key=a` is a tree written in its parameters' names; it is built first, then read as the shape says.

Source: Smithy specification, "AWS query protocol".
"""

import base64
import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.model.shapes import Reference, Shape
from strongroom.wire.blobs import from_base64
from strongroom.wire.canonical import Pairs
from strongroom.wire.timestamps import (
    from_epoch,
    from_http_date,
    from_iso_8601,
    to_epoch,
    to_http_date,
    to_iso_8601,
)
from strongroom.wire.xml import escaped

_NUMBER = re.compile(r"[+-]?\d{1,400}(?:\.\d{0,400})?(?:[eE][+-]?\d{1,4})?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,20}", re.ASCII)
_POSITION = re.compile(r"[1-9]\d{0,5}", re.ASCII)
_NOT_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def malformed(text: str) -> AwsError:
    """Return AWS's refusal of parameters that do not say what the model says they should."""
    return AwsError("MalformedInput", text, 400)


# A name may have this many parts between dots; that also ends shapes that hold themselves.
name_parts_max = 32


class Node:
    """One place in the tree of parameters: its own value, if it has one, and what is below it by name."""

    __slots__ = ("below", "value")

    def __init__(self) -> None:
        self.value: str | None = None
        self.below: dict[str, Node] = {}


def tree_of(pairs: Pairs) -> Node:
    """Return parameters as a tree. Of a name that is there twice the first one counts, as with AWS.

    Raises AwsError (`MalformedInput`, 400) for text that is not UTF-8, and for names with too many parts.
    """
    root = Node()
    for name, value in pairs:
        try:
            path, text = name.decode(), value.decode()
        except UnicodeDecodeError:
            raise malformed("A parameter is not UTF-8 text.") from None
        if path.count(".") >= name_parts_max:
            raise malformed(f"A parameter's name has more than {name_parts_max} parts.")
        node = root
        for part in path.split("."):
            below = node.below.get(part)
            if below is None:
                below = node.below[part] = Node()
            node = below
        if node.value is None:
            node.value = text
    return root


# Reading.

Read = Callable[[Node], Any]


def compile_reader(shape: Shape) -> Read:
    """Return a function from a tree of parameters to the plain value of `shape`. It raises AwsError for others."""
    return _Readers().of(shape)


class _Readers:
    def __init__(self) -> None:
        self._structures: dict[str, Read] = {}

    def of(self, shape: Shape, reference: Reference | None = None) -> Read:
        if shape.type == "structure":
            return self._structure(shape)
        if shape.type == "list":
            return self._list(shape, reference)
        if shape.type == "map":
            return self._map(shape, reference)
        given = reference.timestamp_format if reference is not None else ""
        return _scalar(shape, given or shape.timestamp_format)

    def _structure(self, shape: Shape) -> Read:
        known = self._structures.get(shape.name)
        if known is not None:
            return known
        members: list[tuple[str, str, Read]] = []

        def read_structure(node: Node) -> Any:
            if not node.below and node.value:
                raise malformed("Unexpected value found where a structure was expected")
            below = node.below
            params = {}
            for name, wire_name, read in members:
                inner = below.get(wire_name)
                if inner is not None:
                    params[name] = read(inner)
            return params

        self._structures[shape.name] = read_structure
        for name, reference in shape.members.items():
            read = self.of(reference.target, reference)
            members.append((name, wire_name_of(name, reference), read))
        return read_structure

    def _list(self, shape: Shape, reference: Reference | None) -> Read:
        element = shape.element
        read_element = self.of(element.target, element)
        entries = "" if is_flattened(shape, reference) else element.location_name or "member"

        def read_list(node: Node) -> Any:
            return [read_element(item) for item in _entries(node, entries)]

        return read_list

    def _map(self, shape: Shape, reference: Reference | None) -> Read:
        key, value = shape.entry
        key_name, value_name = key.location_name or "key", value.location_name or "value"
        read_key, read_value = self.of(key.target, key), self.of(value.target, value)
        entries = "" if is_flattened(shape, reference) else "entry"

        def read_map(node: Node) -> Any:
            found = {}
            for item in _entries(node, entries):
                if key_name not in item.below or value_name not in item.below:
                    raise malformed("A map's entry lacks its key or its value")
                name = read_key(item.below[key_name])
                if name in found:
                    raise malformed("A map has the same key twice")
                found[name] = read_value(item.below[value_name])
            return found

        return read_map


def is_flattened(shape: Shape, reference: Reference | None) -> bool:
    """Return whether a list or map stands without a wrapper of its own."""
    return shape.flattened or (reference is not None and reference.flattened)


def wire_name_of(name: str, reference: Reference) -> str:
    """Return a member's name on the wire. A flattened list goes by the name of its elements, if they have one."""
    target = reference.target
    if target.type == "list" and is_flattened(target, reference) and target.element.location_name:
        return target.element.location_name
    return reference.location_name or name


def _entries(node: Node, wrapper: str) -> list[Node]:
    """Return the entries of a list or map in the order of their numbers; numbers may be left out, as with AWS."""
    if wrapper:
        inner = node.below.get(wrapper)
        if inner is None:
            if node.below or node.value:
                raise malformed("Unexpected value found where a list was expected")
            return []
        node = inner
    if node.value:
        raise malformed("Unexpected value found where a list was expected")
    numbered = []
    for number, item in node.below.items():
        if not _POSITION.fullmatch(number):
            raise malformed("An entry of a list is not numbered")
        numbered.append((int(number), item))
    numbered.sort(key=lambda entry: entry[0])
    return [item for _, item in numbered]


def _scalar(shape: Shape, timestamp_format: str) -> Read:
    parse = _timestamp_parser(timestamp_format) if shape.type == "timestamp" else _PARSERS[shape.type]

    def read_scalar(node: Node) -> Any:
        if node.below:
            raise malformed("Start of structure or list found where not expected")
        return parse(node.value or "")

    return read_scalar


def _parse_boolean(text: str) -> bool:
    lowered = text.lower()
    if lowered not in {"true", "false"}:
        raise malformed("STRING_VALUE can not be converted to Boolean")
    return lowered == "true"


def _integer_parser(bits: int, wanted: str) -> Callable[[str], Any]:
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    def parse_integer(text: str) -> int:
        if _INTEGER.fullmatch(text):
            number = int(text)
            if low <= number <= high:
                return number
        raise malformed(f"STRING_VALUE can not be converted to {wanted}")

    return parse_integer


def _parse_float(text: str) -> float:
    if text in _NOT_NUMBERS:
        return _NOT_NUMBERS[text]
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    if not math.isfinite(number):
        raise malformed("STRING_VALUE can not be converted to a Double")
    return number


def _parse_blob(text: str) -> bytes:
    try:
        return from_base64(text)
    except ValueError:
        raise malformed("STRING_VALUE can not be converted to a Blob: it is not Base64") from None


def _timestamp_parser(timestamp_format: str) -> Callable[[str], Any]:
    def parse_timestamp(text: str) -> Any:
        try:
            if timestamp_format == "rfc822":
                return from_http_date(text)
            if timestamp_format == "unixTimestamp" or _NUMBER.fullmatch(text):
                return from_epoch(_parse_float(text))
            return from_iso_8601(text)
        except ValueError:
            raise malformed("STRING_VALUE can not be converted to a Timestamp") from None

    return parse_timestamp


def _parse_string(text: str) -> str:
    return text


_PARSERS: dict[str, Callable[[str], Any]] = {
    "string": _parse_string,
    "character": _parse_string,
    "boolean": _parse_boolean,
    "integer": _integer_parser(32, "an Integer"),
    "long": _integer_parser(64, "a Long"),
    "float": _parse_float,
    "double": _parse_float,
    "blob": _parse_blob,
}


# Writing.

# A value and the tag that it goes into, to XML.
Write = Callable[[Any, str], str]


def compile_writer(shape: Shape) -> Write:
    """Return a function from a plain value of `shape` and a tag to XML. It raises KeyError for an unknown member."""
    return _Writers().of(shape)


class _Writers:
    def __init__(self) -> None:
        self._structures: dict[str, Write] = {}

    def of(self, shape: Shape, reference: Reference | None = None) -> Write:
        if shape.type == "structure":
            return self._structure(shape)
        if shape.type == "list":
            return self._list(shape, reference)
        if shape.type == "map":
            return self._map(shape, reference)
        given = reference.timestamp_format if reference is not None else ""
        if shape.type == "timestamp":
            text_of = _TIMESTAMP_TEXTS[given or shape.timestamp_format or "iso8601"]
        else:
            text_of = _TEXTS[shape.type]
        return lambda value, tag: f"<{tag}>{text_of(value)}</{tag}>"

    def _structure(self, shape: Shape) -> Write:
        known = self._structures.get(shape.name)
        if known is not None:
            return known
        members: dict[str, tuple[str, Write]] = {}

        def write_structure(value: Any, tag: str) -> str:
            parts = [f"<{tag}>"]
            for name, item in value.items():
                if item is not None:
                    wire_name, write = members[name]
                    parts.append(write(item, wire_name))
            parts.append(f"</{tag}>")
            return "".join(parts)

        self._structures[shape.name] = write_structure
        for name, reference in shape.members.items():
            members[name] = (wire_name_of(name, reference), self.of(reference.target, reference))
        return write_structure

    def _list(self, shape: Shape, reference: Reference | None) -> Write:
        element = shape.element
        write_element = self.of(element.target, element)
        if is_flattened(shape, reference):
            return lambda value, tag: "".join(write_element(item, tag) for item in value)
        element_tag = element.location_name or "member"

        def write_list(value: Any, tag: str) -> str:
            return f"<{tag}>{''.join([write_element(item, element_tag) for item in value])}</{tag}>"

        return write_list

    def _map(self, shape: Shape, reference: Reference | None) -> Write:
        key, item = shape.entry
        key_tag, value_tag = key.location_name or "key", item.location_name or "value"
        write_key, write_value = self.of(key.target, key), self.of(item.target, item)
        flat = is_flattened(shape, reference)

        def write_map(value: Any, tag: str) -> str:
            entry_tag = tag if flat else "entry"
            entries = "".join(
                f"<{entry_tag}>{write_key(name, key_tag)}{write_value(entry, value_tag)}</{entry_tag}>"
                for name, entry in value.items()
            )
            return entries if flat else f"<{tag}>{entries}</{tag}>"

        return write_map


def _boolean_text(value: Any) -> str:
    return "true" if value else "false"


def _float_text(value: Any) -> str:
    if math.isfinite(value):
        return str(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _integer_text(value: Any) -> str:
    return str(int(value))


def _blob_text(value: Any) -> str:
    return base64.b64encode(value).decode()


_TEXTS: dict[str, Callable[[Any], str]] = {
    "string": escaped,
    "character": escaped,
    "boolean": _boolean_text,
    "integer": _integer_text,
    "long": _integer_text,
    "float": _float_text,
    "double": _float_text,
    "blob": _blob_text,
}


def _to_seconds(moment: datetime) -> str:
    """Services that speak this protocol (IAM, STS) answer times in whole seconds."""
    return to_iso_8601(moment.replace(microsecond=0))


_TIMESTAMP_TEXTS: dict[str, Callable[[Any], str]] = {
    "unixTimestamp": lambda moment: str(to_epoch(moment)),
    "iso8601": _to_seconds,
    "rfc822": to_http_date,
}
