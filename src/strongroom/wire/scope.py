"""What a signature says of itself: who signs, for which day, Region and service, and which headers it covers."""

import re
from collections.abc import Callable
from operator import itemgetter
from typing import Any

from strongroom.wire.refusals import Refusals, fingerprint, quoted

ALGORITHM = b"AWS4-HMAC-SHA256"
ASYMMETRIC_ALGORITHM = b"AWS4-ECDSA-P256-SHA256"
TERMINATOR = b"aws4_request"

access_key_id_bytes_max = 128
authorization_bytes_max = 16_384

_REGION = re.compile(rb"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_ACCESS_KEY_ID = re.compile(rb"[!-.0-~]+")
_HEADER_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")


class SignedScope:
    """The credential scope and the signed headers of a request; the same for all requests that a client signs alike.

    `text` is the scope as it is signed (`20261124/us-east-1/kms/aws4_request`). `header_values` takes the values of the
    signed headers out of a request's fields, and `header_lines % values` is their canonical form. `amz_headers` is how
    many of them are AWS's own (`x-amz-...`).
    """

    __slots__ = (
        "access_key_id",
        "amz_headers",
        "date",
        "header_lines",
        "header_names",
        "header_values",
        "ordered_names",
        "region",
        "service",
        "terminator",
        "text",
    )

    def __init__(self, credential: bytes, signed_headers: bytes, refusals: Refusals) -> None:
        """Raises AwsError for a credential or a list of headers that cannot be one."""
        parts = credential.split(b"/")
        if len(parts) != 5 or not _ACCESS_KEY_ID.fullmatch(parts[0]) or len(parts[0]) > access_key_id_bytes_max:
            raise refusals.incomplete_signature(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
                f"got '{quoted(credential)}'"
            )
        access_key_id, self.date, region, service, self.terminator = parts
        if not _REGION.fullmatch(region):
            raise refusals.wrong_signature("Credential should be scoped to a valid region.")
        self.access_key_id = access_key_id.decode("ascii")
        self.region = region.decode("ascii")
        self.service = quoted(service)
        self.text = b"/".join(parts[1:])
        names = signed_headers.split(b";")
        if names != sorted(set(names)) or not all(_HEADER_NAME.fullmatch(name) for name in names):
            raise refusals.wrong_signature("SignedHeaders must name each signed header once, in lower case, sorted.")
        if b"host" not in names:
            raise refusals.wrong_signature("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
        self.ordered_names = names
        self.header_names = frozenset(names)
        self.amz_headers = sum(name.startswith(b"x-amz-") for name in names)
        self.header_values: Callable[[Any], Any] = itemgetter(*names)
        lines = b"".join(name.replace(b"%", b"%%") + b":%b\n" for name in names)
        self.header_lines = b"%b\n%b\n" % (lines, signed_headers.replace(b"%", b"%%"))


def read_authorization(header: bytes, refusals: Refusals) -> tuple[SignedScope, bytes]:
    """Return what an Authorization header says, and its signature (hexadecimal). Raises AwsError for a bad one."""
    if header.startswith(b"AWS "):
        raise refusals.incomplete_signature("Signature Version 2 is not supported. Use AWS Signature Version 4.")
    algorithm, _, rest = header.partition(b" ")
    check_algorithm(algorithm, refusals)
    parts: dict[bytes, bytes] = {}
    for part in rest.split(b","):
        name, _, value = part.strip().partition(b"=")
        if name in parts:
            raise refusals.incomplete_signature(f"Authorization header has '{quoted(name)}' more than once.")
        parts[name] = value
    absent = [name for name in (b"Credential", b"Signature", b"SignedHeaders") if not parts.get(name)]
    if absent or len(header) > authorization_bytes_max:
        lacks = " ".join(f"Authorization header requires '{name.decode()}' parameter." for name in absent)
        raise refusals.incomplete_signature(
            f"{lacks or 'Authorization header is too long.'} (Hashed with SHA-256 and encoded with Base64) "
            f"Authorization={fingerprint(header)}"
        )
    return SignedScope(parts[b"Credential"], parts[b"SignedHeaders"], refusals), parts[b"Signature"]


def check_algorithm(algorithm: bytes, refusals: Refusals) -> None:
    """Raise AwsError unless `algorithm` is the one that is verified here."""
    if algorithm == ALGORITHM:
        return
    if algorithm == ASYMMETRIC_ALGORITHM:
        raise refusals.incomplete_signature(
            "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256' (SigV4A). Sign with AWS4-HMAC-SHA256."
        )
    if algorithm.startswith(b"AWS4"):
        raise refusals.incomplete_signature(f"Unsupported AWS 'algorithm': '{quoted(algorithm)}'.")
    raise refusals.no_signature()
