"""Form parameters to plain values, one compiled converter per shape. The answers are XML (`xml_values`).

`Tags.member.1.Key=a` is a tree written in its parameters' names; it is built first, then read as the shape says.

Source: Smithy specification, "AWS query protocol".
"""

import re
from collections.abc import Callable
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.model.shapes import Reference, Shape
from strongroom.wire.canonical import Pairs
from strongroom.wire.text_values import parser_of
from strongroom.wire.xml_values import is_flattened, wire_name_of

_POSITION = re.compile(r"[1-9]\d{0,5}", re.ASCII)


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
NameOf = Callable[[str, Reference], str]


def compile_reader(shape: Shape, name_of: NameOf = wire_name_of, *, lists_are_flat: bool = False) -> Read:
    """Return a function from a tree of parameters to the plain value of `shape`. It raises AwsError for others.

    `name_of` tells a member's name in a request; with `lists_are_flat` no list has a wrapper, whatever the model says.
    """
    return _Readers(name_of, lists_are_flat).of(shape)


class _Readers:
    def __init__(self, name_of: NameOf, lists_are_flat: bool) -> None:
        self._structures: dict[str, Read] = {}
        self._name_of = name_of
        self._lists_are_flat = lists_are_flat

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
            members.append((name, self._name_of(name, reference), read))
        return read_structure

    def _list(self, shape: Shape, reference: Reference | None) -> Read:
        element = shape.element
        read_element = self.of(element.target, element)
        is_flat = self._lists_are_flat or is_flattened(shape, reference)
        entries = "" if is_flat else element.location_name or "member"

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
    parse = parser_of(shape, timestamp_format)

    def read_scalar(node: Node) -> Any:
        if node.below:
            raise malformed("Start of structure or list found where not expected")
        try:
            return parse(node.value or "")
        except ValueError as problem:
            raise malformed(str(problem)) from None

    return read_scalar
