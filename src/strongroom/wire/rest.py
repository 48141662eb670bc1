"""What the REST protocols have in common: params in the path, the query string and headers, and answers in headers.

Each operation's shapes are compiled once into what reads its requests and what writes its answers; the body is the
protocol's own.

Source: Smithy specification, "HTTP binding traits".
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from strongroom.base.errors import AwsError
from strongroom.model.shapes import Reference, Shape
from strongroom.wire.header_text import header_value, metadata_value, text_of_header
from strongroom.wire.http import Headers, HttpRequest
from strongroom.wire.text_values import Parse, Text, parser_of, text_of

# The name of a header or parameter, its value as it was sent, and what is wrong with it, to the protocol's refusal.
Refuse = Callable[[str, str, str], AwsError]
Query = Mapping[str, list[str]]

_CONDITIONS_OF_TIME = frozenset({b"if-modified-since", b"if-unmodified-since"})


class Binding(NamedTuple):
    """A member that is found under a name of its own. `wire_name` is in lower case where that makes no difference."""

    name: str
    wire_name: str
    parse: Parse
    is_list: bool


class RequestReader:
    """Reads what of an operation's params is not in the body."""

    def __init__(self, shape: Shape | None, refuse: Refuse) -> None:
        self._refuse = refuse
        self._labels: list[Binding] = []
        self._query: dict[str, Binding] = {}
        self._query_map = ""
        self._headers: dict[bytes, Binding] = {}
        self._header_map: tuple[str, bytes] | None = None
        for name, reference in (shape.members if shape is not None else {}).items():
            self._bind(name, reference)

    def _bind(self, name: str, reference: Reference) -> None:
        wire_name = reference.location_name or name
        if reference.location == "uri":
            self._labels.append(_binding(name, wire_name, reference, "iso8601"))
        elif reference.location == "querystring":
            if reference.target.type == "map":
                self._query_map = name
            else:
                self._query[wire_name] = _binding(name, wire_name, reference, "iso8601")
        elif reference.location == "header":
            self._headers[wire_name.lower().encode()] = _binding(name, wire_name, reference, "rfc822")
        elif reference.location == "headers":
            self._header_map = (name, wire_name.lower().encode())

    def unbound(self, fields: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        """Return the headers that are none of the operation's members."""
        return {header: value for header, value in fields.items() if header not in self._headers}

    def params(self, request: HttpRequest, labels: Mapping[str, str], query: Query) -> dict[str, Any]:
        """Return the params. Raises AwsError for a value that is not of the type that the model names.

        A condition of time that is no time is left out, as HTTP wants it. Source: RFC 9110, sections 13.1.3 and 13.1.4.
        """
        params: dict[str, Any] = {}
        for binding in self._labels:
            text = labels.get(binding.wire_name)
            if text is not None:
                params[binding.name] = self._parsed(binding, text)
        if query:
            self._read_query(query, params)
        found: dict[str, str] = {}
        bound, header_map = self._headers, self._header_map
        for header, value in request.fields.items():
            known = bound.get(header)
            if known is not None:
                self._read_header(header, known, text_of_header(value), params)
            elif header_map is not None and header.startswith(header_map[1]):
                found[text_of_header(header[len(header_map[1]) :])] = text_of_header(value)
        if found and header_map is not None:
            params[header_map[0]] = found
        return params

    def _read_query(self, query: Query, params: dict[str, Any]) -> None:
        others = {}
        for wire_name, texts in query.items():
            binding = self._query.get(wire_name)
            if binding is None:
                others[wire_name] = texts[0]
            elif binding.is_list:
                params[binding.name] = [self._parsed(binding, text) for text in texts]
            else:
                params[binding.name] = self._parsed(binding, texts[0])
        if self._query_map:
            params[self._query_map] = others

    def _read_header(self, header: bytes, binding: Binding, text: str, params: dict[str, Any]) -> None:
        if binding.is_list:
            params[binding.name] = [self._parsed(binding, part.strip()) for part in text.split(",") if part.strip()]
        elif header in _CONDITIONS_OF_TIME:
            with suppress(ValueError):
                params[binding.name] = binding.parse(text)
        else:
            params[binding.name] = self._parsed(binding, text)

    def _parsed(self, binding: Binding, text: str) -> Any:
        try:
            return binding.parse(text)
        except ValueError as problem:
            raise self._refuse(binding.wire_name, text, str(problem)) from None


def _binding(name: str, wire_name: str, reference: Reference, timestamp_format: str) -> Binding:
    is_list = reference.target.type == "list"
    inner = reference.target.element if is_list else reference
    chosen = inner.timestamp_format or inner.target.timestamp_format or timestamp_format
    return Binding(name, wire_name, parser_of(inner.target, chosen), is_list)


class AnswerWriter:
    """Writes what of an answer is not in its body."""

    def __init__(self, shape: Shape | None, timestamp_texts: Mapping[str, Text]) -> None:
        self._headers: dict[str, tuple[bytes, Text]] = {}
        self._header_maps: dict[str, bytes] = {}
        self.status_member = ""
        for name, reference in (shape.members if shape is not None else {}).items():
            wire_name = (reference.location_name or name).encode()
            if reference.location == "header":
                self._headers[name] = (wire_name, _header_text(reference, timestamp_texts))
            elif reference.location == "headers":
                self._header_maps[name] = wire_name
            elif reference.location == "statusCode":
                self.status_member = name
        self.elsewhere = frozenset({*self._headers, *self._header_maps, self.status_member})
        """The members that are not in the body."""

    def headers(self, answer: Mapping[str, Any]) -> Headers:
        """Return the headers that an answer's members are written into."""
        headers: Headers = []
        for name, value in answer.items():
            bound = self._headers.get(name)
            if bound is not None:
                if value is not None:
                    headers.append((bound[0], header_value(bound[1](value))))
            elif name in self._header_maps:
                prefix = self._header_maps[name]
                headers += [(prefix + header_value(key), metadata_value(item)) for key, item in (value or {}).items()]
        return headers


def _header_text(reference: Reference, timestamp_texts: Mapping[str, Text]) -> Text:
    target = reference.target
    if target.type == "list":
        inner = _header_text(target.element, timestamp_texts)
        return lambda values: ",".join([inner(value) for value in values])
    return text_of(target, timestamp_texts, reference.timestamp_format or target.timestamp_format or "rfc822")


def query_of(pairs: list[tuple[bytes, bytes]]) -> dict[str, list[str]]:
    """Return the parameters of a query string as text, each with its values in order.

    Raises ValueError for what is not UTF-8.
    """
    query: dict[str, list[str]] = {}
    for name, value in pairs:
        query.setdefault(name.decode(), []).append(value.decode())
    return query
