"""Requests of a REST service with JSON bodies, of generated values: into path, query, headers and body."""

import json
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from tests.faults.plain_client import Answer, PlainClient, signed_headers

from strongroom.model.service import OperationModel

TEXT_CHARACTERS_MAX = 500
"""Of one value in a path, a query or a header: what is too long for a request line says nothing of the service."""


def _text(value: Any) -> str:
    return (value if isinstance(value, str) else json.dumps(value))[:TEXT_CHARACTERS_MAX]


def _quoted(value: Any) -> str:
    return quote(_text(value).encode("utf-8", "surrogatepass"), safe="")


def ask_rest(client: PlainClient, operation: OperationModel, params: Any) -> Answer:
    """Send one request. What is no object of members goes as the body, whatever it is."""
    assert operation.input is not None
    members = operation.input.members
    given: dict[str, Any] = params if isinstance(params, dict) else {}
    path, _, literal = operation.http.request_uri.partition("?")
    pairs, body, headers = [], {}, {}
    for name, reference in members.items():
        wire_name = reference.location_name or name
        if reference.location == "uri":
            path = path.replace("{" + wire_name + "}", _quoted(given.get(name, "none")) or "%00")
        elif name not in given:
            continue
        elif reference.location == "querystring":
            values = given[name] if isinstance(given[name], list) else [given[name]]
            pairs += [(wire_name, _text(value)) for value in values]
        elif reference.location == "header":
            headers[wire_name] = quote(_text(given[name]).encode("utf-8", "surrogatepass"))
        else:
            body[wire_name] = given[name]
    query = "&".join(part for part in (literal, urlencode(pairs, errors="surrogatepass")) if part)
    target = f"{path}?{query}" if query else path
    content = json.dumps(params if not isinstance(params, dict) else body).encode()
    return send_rest(client, operation.http.method, target, content, headers, operation.service.signing_name)


def send_rest(
    client: PlainClient, method: str, target: str, content: bytes, headers: dict[str, str], service: str
) -> Answer:
    """Send a request of any method and path, signed for a service."""
    where = urlsplit(client.url)
    url = f"{where.scheme}://{where.netloc}{target}"
    signed = signed_headers(
        url, content, {"Content-Type": "application/json", **headers}, method=method, service=service
    )
    return client.send(signed, content, target, method)
