"""The ciphertext blob of symmetric KMS keys, and how an encryption context becomes additional authenticated data.

The layout is documented, with test vectors, in docs/formats.md ("KMS ciphertext blob").
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from strongroom.services.kms.errors import invalid_ciphertext

Context = Mapping[str, str] | None
"""An encryption context."""

FORMAT_VERSION = 1
AES_256_GCM_DERIVED_KEY = 1
EXTERNAL_KEY_STORE = 2
CLOUDHSM_KEY_STORE = 3
_ALGORITHMS = (AES_256_GCM_DERIVED_KEY, EXTERNAL_KEY_STORE, CLOUDHSM_KEY_STORE)
_MULTI_REGION_FLAG = 0x80
_KEY_ID_BYTES = 16
_MATERIAL_ID_BYTES = 32
HEADER_BYTES = 2 + _KEY_ID_BYTES + _MATERIAL_ID_BYTES
_SHORTEST_BODY_BYTES = 12 + 16
HEADERS_REMEMBERED_MAX = 1_024
NO_KEY_MATERIAL = bytes(_MATERIAL_ID_BYTES).hex()
"""In the place of a key material id, for a key that has its material elsewhere."""


class CiphertextBlob(NamedTuple):
    """The parts of a blob: which key, which of its materials, the authenticated header, and the sealed body.

    `algorithm` is one of this module's: it says what the body is.
    """

    key_id: str
    key_material_id: str
    header: bytes
    body: bytes
    algorithm: int = AES_256_GCM_DERIVED_KEY


def header_for(key_id: str, key_material_id: str, algorithm: int = AES_256_GCM_DERIVED_KEY) -> bytes:
    """Return the 50 bytes that begin every ciphertext under this key material.

    `key_id` is a UUID, or `mrk-` and 32 hexadecimal digits; `key_material_id` is 64 hexadecimal digits.
    """
    digits = key_id.replace("-", "")
    if key_id.startswith("mrk-"):
        algorithm |= _MULTI_REGION_FLAG
        digits = key_id[4:]
    return bytes((FORMAT_VERSION, algorithm)) + bytes.fromhex(digits) + bytes.fromhex(key_material_id)


def parse(blob: bytes) -> CiphertextBlob:
    """Return the parts of `blob`. Raises InvalidCiphertextException for what was never one of ours."""
    if len(blob) < HEADER_BYTES + _SHORTEST_BODY_BYTES:
        raise invalid_ciphertext()
    header = blob[:HEADER_BYTES]
    key_id, key_material_id, algorithm = _read_header(header)
    return CiphertextBlob(key_id, key_material_id, header, blob[HEADER_BYTES:], algorithm)


@lru_cache(maxsize=HEADERS_REMEMBERED_MAX)
def _read_header(header: bytes) -> tuple[str, str, int]:
    """Return key id, key material id and algorithm. All that one key material encrypts begins with the same header."""
    algorithm = header[1] & ~_MULTI_REGION_FLAG
    if header[0] != FORMAT_VERSION or algorithm not in _ALGORITHMS:
        raise invalid_ciphertext()
    digits = header[2 : 2 + _KEY_ID_BYTES].hex()
    if header[1] & _MULTI_REGION_FLAG:
        key_id = f"mrk-{digits}"
    else:
        key_id = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    return key_id, header[2 + _KEY_ID_BYTES :].hex(), algorithm


def authenticated_data(header: bytes, context: Context) -> bytes:
    """Return the additional authenticated data for a message: the header, then the encryption context.

    The context is written as a count, then each name and value in the order of the names' UTF-8 bytes, each preceded by
    its length in bytes as four big-endian bytes. The lengths keep different contexts from ever meeting in the same
    bytes: {"a": "bc"} and {"ab": "c"} differ.
    """
    if not context:
        return header + b"\x00\x00\x00\x00"
    parts = [header, len(context).to_bytes(4)]
    # A lone surrogate cannot come over the wire as UTF-8, but JSON can escape one: surrogatepass keeps it distinct.
    # Text sorts by code point, which is the order of its UTF-8 bytes too.
    for text in sorted(context):
        name = text.encode("utf-8", "surrogatepass")
        value = context[text].encode("utf-8", "surrogatepass")
        parts += (len(name).to_bytes(4), name, len(value).to_bytes(4), value)
    return b"".join(parts)
