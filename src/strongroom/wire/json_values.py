"""JSON values to plain values and back, one compiled converter per shape.

Base64 becomes bytes, numbers of seconds become aware datetimes, and the other way round. What JSON gives in another
type than the model names is refused; nothing is coerced but a whole number written as a float.

Source: Smithy specification, "AWS JSON 1.1 protocol", "Shape serialization"; the texts are those that AWS answers.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.model.shapes import Reference, Shape
from strongroom.wire.blobs import from_base64
from strongroom.wire.timestamps import (
    from_epoch,
    from_http_date,
    from_iso_8601,
    to_epoch,
    to_http_date,
    to_iso_8601,
)

Convert = Callable[[Any], Any]

_LIST_UNEXPECTED = "Start of list found where not expected"
_STRUCTURE_UNEXPECTED = "Start of structure or map found where not expected."
_NOT_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def serialization_error(text: str) -> AwsError:
    """Return AWS's refusal of a body that does not say what the model says it should."""
    return AwsError("SerializationException", text, 400)


def unexpected(value: Any, wanted: str) -> AwsError:
    """Return AWS's refusal of a value that is of another type than the one that is `wanted` (`a String`)."""
    if isinstance(value, list):
        return serialization_error(_LIST_UNEXPECTED)
    if isinstance(value, dict):
        return serialization_error(_STRUCTURE_UNEXPECTED)
    if isinstance(value, bytes):
        kind = "BLOB_VALUE"
    elif isinstance(value, bool):
        kind = "TRUE_VALUE" if value else "FALSE_VALUE"
    else:
        kind = "STRING_VALUE" if isinstance(value, str) else "NUMBER_VALUE"
    return serialization_error(f"{kind} can not be converted to {wanted}")


# Reading.


def compile_reader(shape: Shape, scalars: Mapping[str, Convert] | None = None) -> Convert:
    """Return a function from a decoded JSON value to the plain value of `shape`. It raises AwsError for others.

    `scalars` tells by type how values are read that another encoding of the same structures has of its own.
    """
    return _Readers(scalars or {}).of(shape)


class _Readers:
    def __init__(self, scalars: Mapping[str, Convert]) -> None:
        self._structures: dict[str, Convert] = {}
        self._scalars = scalars

    def of(self, shape: Shape, timestamp_format: str = "") -> Convert:
        if shape.type == "structure":
            return _read_document if shape.document else self._structure(shape)
        if shape.type == "list":
            return self._list(shape)
        if shape.type == "map":
            return self._map(shape)
        own = self._scalars.get(shape.type)
        if own is not None:
            return own
        if shape.type == "timestamp":
            return _timestamp_reader(timestamp_format or shape.timestamp_format)
        return _READERS[shape.type]

    def _structure(self, shape: Shape) -> Convert:
        known = self._structures.get(shape.name)
        if known is not None:
            return known
        members: dict[str, tuple[str, Convert]] = {}
        find = members.get

        def read_structure(value: Any) -> Any:
            if type(value) is not dict:
                raise _expected("structure", value)
            params = {}
            for wire_name, item in value.items():
                if item is not None:
                    member = find(wire_name)
                    if member is not None:
                        params[member[0]] = member[1](item)
            return params

        self._structures[shape.name] = read_structure
        for name, reference in shape.members.items():
            # What has a place of its own (a header, the path) is not taken from the body.
            if not reference.location:
                members[_wire_name(name, reference)] = (name, self.of(reference.target, reference.timestamp_format))
        return read_structure

    def _list(self, shape: Shape) -> Convert:
        read_element = self.of(shape.element.target, shape.element.timestamp_format)

        def read_list(value: Any) -> Any:
            if type(value) is not list:
                raise _expected("list", value)
            return [None if item is None else read_element(item) for item in value]

        return read_list

    def _map(self, shape: Shape) -> Convert:
        reference = shape.entry[1]
        read_value = self.of(reference.target, reference.timestamp_format)

        def read_map(value: Any) -> Any:
            if type(value) is not dict:
                raise _expected("map", value)
            return {name: None if item is None else read_value(item) for name, item in value.items()}

        return read_map


def _expected(wanted: str, value: Any) -> AwsError:
    if isinstance(value, list):
        return serialization_error(_LIST_UNEXPECTED)
    if isinstance(value, dict):
        return serialization_error(_STRUCTURE_UNEXPECTED)
    return serialization_error(f"Expected {wanted} or null")


def _wire_name(name: str, reference: Reference) -> str:
    return reference.location_name or name


def _read_document(value: Any) -> Any:
    return value


def _read_string(value: Any) -> Any:
    if type(value) is str:
        return value
    raise unexpected(value, "a String")


def _read_boolean(value: Any) -> Any:
    if type(value) is bool:
        return value
    raise unexpected(value, "Boolean")


def _integer_reader(bits: int, wanted: str) -> Convert:
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    def read_integer(value: Any) -> Any:
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is int and low <= value <= high:
            return value
        raise unexpected(value, wanted)

    return read_integer


def _read_float(value: Any) -> Any:
    if type(value) is float or type(value) is int:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    elif type(value) is str and value in _NOT_NUMBERS:
        return _NOT_NUMBERS[value]
    raise unexpected(value, "a Double")


def _read_blob(value: Any) -> Any:
    if type(value) is not str:
        raise unexpected(value, "a Blob")
    try:
        return from_base64(value)
    except ValueError:
        # What it is must not show in a message: it may be plaintext.
        raise serialization_error("STRING_VALUE can not be converted to a Blob: it is not Base64") from None


def _timestamp_reader(timestamp_format: str) -> Convert:
    if timestamp_format == "iso8601":
        return _text_timestamp_reader(from_iso_8601)
    if timestamp_format == "rfc822":
        return _text_timestamp_reader(from_http_date)

    def read_timestamp(value: Any) -> Any:
        if type(value) is float or type(value) is int:
            try:
                return from_epoch(value)
            except (ValueError, OverflowError):
                pass
        raise unexpected(value, "milliseconds since epoch")

    return read_timestamp


def _text_timestamp_reader(parse: Callable[[str], Any]) -> Convert:
    def read_timestamp(value: Any) -> Any:
        if type(value) is str:
            try:
                return parse(value)
            except ValueError:
                pass
        raise unexpected(value, "a Timestamp")

    return read_timestamp


_READERS: dict[str, Convert] = {
    "string": _read_string,
    "character": _read_string,
    "boolean": _read_boolean,
    "integer": _integer_reader(32, "an Integer"),
    "long": _integer_reader(64, "a Long"),
    "float": _read_float,
    "double": _read_float,
    "blob": _read_blob,
}


# Writing.


def compile_writer(shape: Shape, scalars: Mapping[str, Convert | None] | None = None) -> Convert:
    """Return a function from a plain value of `shape` to what the JSON encoder takes: it encodes bytes itself.

    `scalars` tells by type how values are written where another encoding has them otherwise, None for as they are. The
    function raises KeyError for a member that the model does not know.
    """
    return _Writers(scalars or {}).of(shape) or _unchanged


def _unchanged(value: Any) -> Any:
    return value


class _Writers:
    def __init__(self, scalars: Mapping[str, Convert | None]) -> None:
        self._structures: dict[str, Convert] = {}
        self._scalars = scalars

    def of(self, shape: Shape, timestamp_format: str = "") -> Convert | None:
        """Return how a value is written, or None when it is written as it is."""
        if shape.type == "structure":
            return None if shape.document else self._structure(shape)
        if shape.type == "list":
            write_element = self.of(shape.element.target, shape.element.timestamp_format)
            return None if write_element is None else _list_writer(write_element)
        if shape.type == "map":
            write_value = self.of(shape.entry[1].target, shape.entry[1].timestamp_format)
            return None if write_value is None else _map_writer(write_value)
        if shape.type in self._scalars:
            return self._scalars[shape.type]
        if shape.type == "timestamp":
            return _TIMESTAMP_WRITERS[timestamp_format or shape.timestamp_format or "unixTimestamp"]
        return _write_float if shape.type in {"float", "double"} else None

    def _structure(self, shape: Shape) -> Convert:
        known = self._structures.get(shape.name)
        if known is not None:
            return known
        members: dict[str, tuple[str, Convert | None]] = {}

        def write_structure(value: Any) -> Any:
            out = {}
            for name, item in value.items():
                if item is not None:
                    wire_name, write = members[name]
                    out[wire_name] = item if write is None else write(item)
            return out

        self._structures[shape.name] = write_structure
        for name, reference in shape.members.items():
            members[name] = (_wire_name(name, reference), self.of(reference.target, reference.timestamp_format))
        return write_structure


def _list_writer(write_element: Convert) -> Convert:
    return lambda value: [None if item is None else write_element(item) for item in value]


def _map_writer(write_value: Convert) -> Convert:
    return lambda value: {name: None if item is None else write_value(item) for name, item in value.items()}


def _write_float(value: Any) -> Any:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


_TIMESTAMP_WRITERS: dict[str, Convert] = {
    "unixTimestamp": to_epoch,
    "iso8601": to_iso_8601,
    "rfc822": to_http_date,
}
