"""What the REST protocols have in common: params in the path, the query string and headers, and answers in headers.

Each operation's shapes are compiled once into what reads its requests and what writes its answers; the body is the
protocol's own.

Source: Smithy specification, "HTTP binding traits".
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from strongroom.base.errors import AwsError
from strongroom.model.shapes import Reference, Shape
from strongroom.wire.header_text import header_value, metadata_value, text_of_header
from strongroom.wire.http import Headers, HttpRequest
from strongroom.wire.text_values import Parse, Text, parser_of, text_of

# The name of a header or parameter, its value as it was sent, and what is wrong with it, to the protocol's refusal.
Refuse = Callable[[str, str, str], AwsError]
Query = Mapping[str, list[str]]

_QUERY, _HEADER, _HEADERS, _LABEL = "querystring", "header", "headers", "uri"


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
        self._query: list[Binding] = []
        self._headers: list[tuple[bytes, Binding]] = []
        self._header_maps: list[tuple[str, bytes]] = []
        self._query_maps: list[str] = []
        for name, reference in (shape.members if shape is not None else {}).items():
            self._bind(name, reference)

    def _bind(self, name: str, reference: Reference) -> None:
        wire_name = reference.location_name or name
        if reference.location == _LABEL:
            self._labels.append(_binding(name, wire_name, reference, "iso8601"))
        elif reference.location == _QUERY:
            if reference.target.type == "map":
                self._query_maps.append(name)
            else:
                self._query.append(_binding(name, wire_name, reference, "iso8601"))
        elif reference.location == _HEADER:
            self._headers.append((wire_name.lower().encode(), _binding(name, wire_name, reference, "rfc822")))
        elif reference.location == _HEADERS:
            self._header_maps.append((name, reference.location_name.lower().encode()))

    def params(self, request: HttpRequest, labels: Mapping[str, str], query: Query) -> dict[str, Any]:
        """Return the params. Raises AwsError for a value that is not of the type that the model names."""
        params: dict[str, Any] = {}
        for binding in self._labels:
            text = labels.get(binding.wire_name)
            if text is not None:
                params[binding.name] = self._parsed(binding, text)
        if query:
            for binding in self._query:
                texts = query.get(binding.wire_name)
                if texts:
                    params[binding.name] = (
                        [self._parsed(binding, text) for text in texts]
                        if binding.is_list
                        else self._parsed(binding, texts[0])
                    )
            for name in self._query_maps:
                taken = {binding.wire_name for binding in self._query}
                params[name] = {key: texts[0] for key, texts in query.items() if key not in taken}
        fields = request.fields
        for header, binding in self._headers:
            value = fields.get(header)
            if value is not None:
                params[binding.name] = self._of_header(binding, text_of_header(value))
        for name, prefix in self._header_maps:
            found = {
                text_of_header(header[len(prefix) :]): text_of_header(value)
                for header, value in fields.items()
                if header.startswith(prefix)
            }
            if found:
                params[name] = found
        return params

    def _of_header(self, binding: Binding, text: str) -> Any:
        if binding.is_list:
            return [self._parsed(binding, part.strip()) for part in text.split(",") if part.strip()]
        return self._parsed(binding, text)

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
        self._headers: list[tuple[str, bytes, Text]] = []
        self._header_maps: list[tuple[str, bytes]] = []
        self.status_member = ""
        for name, reference in (shape.members if shape is not None else {}).items():
            wire_name = (reference.location_name or name).encode()
            if reference.location == _HEADER:
                self._headers.append((name, wire_name, _header_text(reference, timestamp_texts)))
            elif reference.location == _HEADERS:
                self._header_maps.append((name, wire_name))
            elif reference.location == "statusCode":
                self.status_member = name
        self.elsewhere = frozenset(
            [name for name, _, _ in self._headers] + [name for name, _ in self._header_maps] + [self.status_member]
        )
        """The members that are not in the body."""

    def headers(self, answer: Mapping[str, Any]) -> Headers:
        """Return the headers that an answer's members are written into."""
        headers: Headers = []
        for name, wire_name, text in self._headers:
            value = answer.get(name)
            if value is not None:
                headers.append((wire_name, header_value(text(value))))
        for name, prefix in self._header_maps:
            for key, value in (answer.get(name) or {}).items():
                headers.append((prefix + header_value(key), metadata_value(value)))
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
