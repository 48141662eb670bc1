"""The external key store proxy API: its limits, its errors, and what both sides of it compute.

Source: AWS KMS External Key Store Proxy API Specification, version 1 ("API operations", "Error codes", appendices A and
C).
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

SIGNING_NAME = "kms-xks-proxy"
ENCRYPTION_ALGORITHM = "AES_GCM"
CDIV_ALGORITHM = "SHA_256"
KEY_SPEC = "AES_256"
KEY_USAGES = ("ENCRYPT", "DECRYPT")
ENABLED = "ENABLED"
HEALTH_STATUSES = ("ACTIVE", "DEGRADED", "UNAVAILABLE")

plaintext_bytes_max = 4_300
aad_bytes_max = 8_192
metadata_bytes_max = 20
iv_bytes = (12, 16)
tag_bytes = 16
key_usages_max = 10
fleet_details_max = 10
arn_characters_max = 2_048

ERROR_STATUSES: Mapping[str, int] = {
    "ValidationException": 400,
    "InvalidStateException": 400,
    "InvalidCiphertextException": 400,
    "InvalidKeyUsageException": 400,
    "AuthenticationFailedException": 401,
    "AccessDeniedException": 403,
    "KeyNotFoundException": 404,
    "InvalidUriPathException": 404,
    "ThrottlingException": 429,
    "InternalException": 500,
    "UnsupportedOperationException": 501,
    "DependencyTimeoutException": 503,
}
"""The errors that a proxy answers with, and the HTTP status of each."""

# The characters of an external key id allow names that a URL would read as a way up.
_KEY_ID = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}")


class SealedByProxy(NamedTuple):
    """What a proxy makes of a plaintext, and needs to open it again. `metadata` is the proxy's own, often empty."""

    ciphertext: bytes
    metadata: bytes
    iv: bytes
    tag: bytes


def is_key_id(text: str) -> bool:
    """Return whether text can be an external key id, and stands for itself in a URL's path."""
    return _KEY_ID.fullmatch(text) is not None


def integrity_value(aad: bytes, sealed: SealedByProxy) -> bytes:
    """Return the ciphertext data integrity value, 32 bytes. It finds bits that flipped, and vouches for nothing."""
    return hashlib.sha256(aad + sealed.metadata + sealed.iv + sealed.ciphertext + sealed.tag).digest()


def encode(value: bytes) -> str:
    """Return bytes as they are written in JSON."""
    return base64.b64encode(value).decode()


def decode(text: Any) -> bytes:
    """Return the bytes of a Base64 text. Raises ValueError for what is not exactly that."""
    if not isinstance(text, str):
        raise ValueError("not a text")
    try:
        value = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("not Base64") from None
    if encode(value) != text:
        raise ValueError("not the Base64 of anything")
    return value


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body. Raises ValueError, also for a name that is there twice."""
    try:
        found = json.loads(body, object_pairs_hook=_without_repetition, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _refuse_constant(_: str) -> Any:
    raise ValueError("not a number of JSON")
