"""The canonical form of a request, of which AWS Signature Version 4 is a signature.

Source: AWS IAM User Guide, "Create a signed AWS API request", steps 1 and 2.
"""

import re
from urllib.parse import quote_from_bytes, unquote_to_bytes

from strongroom.base.errors import AwsError

# Of a query string, and of a form.
query_parameters_max = 2_000

_LITERAL = re.compile(rb"[/A-Za-z0-9._~-]+")

Pairs = list[tuple[bytes, bytes]]


def query_pairs(query_string: bytes) -> Pairs:
    """Return the parameters of a query string or a form, decoded, in order.

    `+` is a space, here and therefore in the canonical form: what is signed must be what is read. Raises AwsError
    (`MalformedQueryString`, 400) for too many parameters.
    """
    if not query_string:
        return []
    if query_string.count(b"&") >= query_parameters_max:
        raise AwsError("MalformedQueryString", f"The request has more than {query_parameters_max} parameters.", 400)
    pairs = []
    for part in query_string.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            pairs.append((_decoded(name), _decoded(value)))
    return pairs


def canonical_query(pairs: Pairs) -> bytes:
    """Return parameters as they are signed: encoded anew, sorted by name and then by value."""
    return b"&".join(
        b"%b=%b" % (name, value) for name, value in sorted((_encoded(name), _encoded(value)) for name, value in pairs)
    )


def normalised_path(raw_path: bytes) -> bytes:
    """Return a path as all services but S3 sign it: dots and empty segments resolved, then encoded a second time."""
    if raw_path in {b"/", b""}:
        return b"/"
    segments: list[bytes] = []
    for segment in raw_path.split(b"/"):
        if segment == b"..":
            if segments:
                segments.pop()
        elif segment not in {b"", b"."}:
            segments.append(segment)
    path = b"/" + b"/".join(segments)
    if segments and raw_path.endswith((b"/", b"/.", b"/..")):
        path += b"/"
    return quote_from_bytes(path, safe="/-_.~").encode()


def literal_path(raw_path: bytes) -> bytes:
    """Return a path as S3 signs it: encoded once, and else as it came, for a key may hold dots and empty segments."""
    if _LITERAL.fullmatch(raw_path):
        return raw_path
    return quote_from_bytes(unquote_to_bytes(raw_path), safe="/-_.~").encode() or b"/"


def folded(value: bytes) -> bytes:
    """Return a header value as it is signed: trimmed, and with runs of white space made one space."""
    return b" ".join(value.split())


def _decoded(part: bytes) -> bytes:
    if b"+" in part:
        part = part.replace(b"+", b" ")
    return unquote_to_bytes(part) if b"%" in part else part


def _encoded(part: bytes) -> bytes:
    return quote_from_bytes(part, safe="-_.~").encode()
