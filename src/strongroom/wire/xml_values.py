"""XML to plain values and back, one compiled converter per shape.

Source: Smithy specification, "XML binding traits".
"""

from collections.abc import Callable, Mapping
from typing import Any

from strongroom.model.shapes import Reference, Shape
from strongroom.wire.text_values import Parse, Text, parser_of, text_of
from strongroom.wire.xml import escaped, escaped_attribute
from strongroom.wire.xml_reader import Element


def is_flattened(shape: Shape, reference: Reference | None) -> bool:
    """Return whether a list or map stands without a wrapper of its own."""
    return shape.flattened or (reference is not None and reference.flattened)


def wire_name_of(name: str, reference: Reference) -> str:
    """Return a member's name on the wire. A flattened list goes by the name of its elements, if they have one."""
    target = reference.target
    if target.type == "list" and is_flattened(target, reference) and target.element.location_name:
        return target.element.location_name
    return reference.location_name or name


def _timestamp_format(shape: Shape, reference: Reference | None) -> str:
    return (reference.timestamp_format if reference is not None else "") or shape.timestamp_format or "iso8601"


# Reading.

Read = Callable[[Element], Any]
ReadAll = Callable[[list[Element]], Any]


def compile_reader(shape: Shape) -> Read:
    """Return a function from an element to the plain value of a structure. It raises ValueError for any other one.

    As with a schema, what the shape does not name is refused, and so is what lacks a required member or has a value
    that is not one of an enumeration. Lengths and patterns are not looked at: each service has its own words for them.
    Members with a location of their own (header, query string, path) are not among an element's children.
    """
    return _Readers().structure(shape)


class _Readers:
    def __init__(self) -> None:
        self._structures: dict[str, Read] = {}

    def structure(self, shape: Shape) -> Read:
        known = self._structures.get(shape.name)
        if known is not None:
            return known
        members: dict[str, tuple[str, ReadAll]] = {}
        attributes: dict[str, tuple[str, Parse]] = {}
        required = frozenset(name for name in shape.required if not shape.members[name].location)

        def read_structure(element: Element) -> Any:
            found: dict[str, list[Element]] = {}
            for child in element.children:
                found.setdefault(child.name, []).append(child)
            if found and element.text.strip():
                raise ValueError("text where a structure was expected")
            params = {}
            for wire_name, children in found.items():
                member = members.get(wire_name)
                if member is None:
                    raise ValueError("an element that the schema does not have")
                params[member[0]] = member[1](children)
            for wire_name, (name, parse) in attributes.items():
                if wire_name in element.attributes:
                    params[name] = parse(element.attributes[wire_name])
            if not required <= params.keys():
                raise ValueError("an element lacks one that it has to have")
            return params

        self._structures[shape.name] = read_structure
        for name, reference in shape.members.items():
            wire_name = wire_name_of(name, reference)
            if reference.xml_attribute:
                attributes[wire_name.rpartition(":")[2]] = (name, _parser(reference.target, reference))
            elif not reference.location:
                members[wire_name] = (name, self._member(reference.target, reference))
        return read_structure

    def _member(self, shape: Shape, reference: Reference) -> ReadAll:
        if shape.type == "list":
            return self._list(shape, reference)
        if shape.type == "map":
            return self._map(shape, reference)
        read = self._value(shape, reference)
        return lambda elements: read(_only(elements))

    def _value(self, shape: Shape, reference: Reference) -> Read:
        if shape.type == "structure":
            return self.structure(shape)
        if shape.type in {"list", "map"}:
            read_all = self._member(shape, reference)
            return lambda element: read_all([element])
        parse = _parser(shape, reference)

        def read_scalar(element: Element) -> Any:
            if element.children:
                raise ValueError("an element where text was expected")
            return parse(element.text)

        return read_scalar

    def _list(self, shape: Shape, reference: Reference) -> ReadAll:
        element = shape.element
        read_element = self._value(element.target, element)
        if is_flattened(shape, reference):
            return lambda elements: [read_element(item) for item in elements]
        entry_name = element.location_name or "member"
        return lambda elements: [read_element(item) for item in _entries(_only(elements), entry_name)]

    def _map(self, shape: Shape, reference: Reference) -> ReadAll:
        key, value = shape.entry
        key_name, value_name = key.location_name or "key", value.location_name or "value"
        read_key, read_value = self._value(key.target, key), self._value(value.target, value)
        is_flat = is_flattened(shape, reference)

        def read_map(elements: list[Element]) -> Any:
            entries = elements if is_flat else _entries(_only(elements), "entry")
            found = {}
            for entry in entries:
                inner = {child.name: child for child in entry.children}
                if len(inner) != len(entry.children) or inner.keys() != {key_name, value_name}:
                    raise ValueError("a map's entry lacks its key or its value")
                found[read_key(inner[key_name])] = read_value(inner[value_name])
            return found

        return read_map


def _parser(shape: Shape, reference: Reference) -> Parse:
    if not shape.enum:
        return parser_of(shape, _timestamp_format(shape, reference))
    allowed = frozenset(shape.enum)

    def parse_one_of(text: str) -> Any:
        if text not in allowed:
            raise ValueError("a value that the schema does not have")
        return text

    return parse_one_of


def _only(elements: list[Element]) -> Element:
    if len(elements) != 1:
        raise ValueError("an element is there twice")
    return elements[0]


def _entries(element: Element, name: str) -> list[Element]:
    if element.text.strip() or any(child.name != name for child in element.children):
        raise ValueError("something else where the entries of a list were expected")
    return element.children


# Writing.

# A value and the tag that it goes into, to XML.
Write = Callable[[Any, str], str]


def compile_writer(shape: Shape, timestamp_texts: Mapping[str, Text]) -> Write:
    """Return a function from a plain value of `shape` and a tag to XML. It raises KeyError for an unknown member.

    `timestamp_texts` says how times are written, by their format.
    """
    return _Writers(timestamp_texts).of(shape)


class _Writers:
    def __init__(self, timestamp_texts: Mapping[str, Text]) -> None:
        self._timestamp_texts = timestamp_texts
        self._structures: dict[str, Write] = {}

    def of(self, shape: Shape, reference: Reference | None = None) -> Write:
        if shape.type == "structure":
            return self._structure(shape)
        if shape.type == "list":
            return self._list(shape, reference)
        if shape.type == "map":
            return self._map(shape, reference)
        if shape.type in {"string", "character"}:
            return lambda value, tag: f"<{tag}>{escaped(value)}</{tag}>"
        text = text_of(shape, self._timestamp_texts, _timestamp_format(shape, reference))
        return lambda value, tag: f"<{tag}>{text(value)}</{tag}>"

    def _structure(self, shape: Shape) -> Write:
        known = self._structures.get(shape.name)
        if known is not None:
            return known
        members: dict[str, tuple[str, Write]] = {}
        # A structure may hold itself, so that it is known before its members are.
        write = _structure_writer(members)
        attributes = [name for name, reference in shape.members.items() if reference.xml_attribute]
        if attributes or shape.xml_namespace:
            write = _with_attributes(shape, frozenset(attributes), write)
        self._structures[shape.name] = write
        for name, reference in shape.members.items():
            if name not in attributes:
                members[name] = (wire_name_of(name, reference), self.of(reference.target, reference))
        return write

    def _list(self, shape: Shape, reference: Reference | None) -> Write:
        element = shape.element
        write_element = self.of(element.target, element)
        if is_flattened(shape, reference):
            return lambda value, tag: "".join([write_element(item, tag) for item in value])
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


def _structure_writer(members: dict[str, tuple[str, Write]]) -> Write:
    def write_structure(value: Any, tag: str) -> str:
        parts = [f"<{tag}>"]
        for name, item in value.items():
            if item is not None:
                wire_name, write = members[name]
                parts.append(write(item, wire_name))
        parts.append(f"</{tag}>")
        return "".join(parts)

    return write_structure


def _with_attributes(shape: Shape, names: frozenset[str], write_members: Write) -> Write:
    """Return a writer of a structure some of whose members are attributes of its own element."""
    namespace = ""
    if shape.xml_namespace:
        prefix = shape.xml_namespace.get("prefix", "")
        uri = escaped_attribute(shape.xml_namespace["uri"])
        namespace = f' xmlns:{prefix}="{uri}"' if prefix else f' xmlns="{uri}"'

    def write_structure(value: Any, tag: str) -> str:
        opening = f"<{tag}{namespace}"
        for name in names:
            if value.get(name) is not None:
                opening += f' {wire_name_of(name, shape.members[name])}="{escaped_attribute(value[name])}"'
        inner = write_members({name: item for name, item in value.items() if name not in names}, tag)
        return f"{opening}>{inner[len(tag) + 2 :]}"

    return write_structure
