"""Text in headers: what clients send there, and what can be answered there without breaking the head apart.

Source: RFC 9110, section 5.5; RFC 2047; Amazon S3 User Guide, "Working with object metadata"; answers of AWS.
"""

import re
from base64 import b64encode
from urllib.parse import quote

_UNSAFE = re.compile("[^\t\x20-\x7e]")
_NOT_LATIN = re.compile("[^\t\x20-\x7e\xa0-\xff]")
_NOT_QUOTED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/.%")
_CONTROL = re.compile("[\x00-\x1f\x7f]")


def text_of_header(value: bytes) -> str:
    """Return a header's value, or a part of its name, as text: UTF-8 if it can be, else ISO 8859-1."""
    try:
        return value.strip().decode()
    except UnicodeDecodeError:
        return value.strip().decode("latin-1")


def header_value(text: str) -> bytes:
    """Return `text` as a header's value. What ISO 8859-1 does not have, and control characters, is percent-encoded."""
    if _UNSAFE.search(text) is None:
        return text.encode("ascii")
    return _NOT_LATIN.sub(lambda match: quote(match[0], safe="", errors="replace"), text).encode("latin-1")


def metadata_value(text: str) -> bytes:
    """Return a value of user-defined metadata: as it is if it is ASCII, else as a word of RFC 2047, as S3 does."""
    if _UNSAFE.search(text) is None:
        return text.encode("ascii")
    encoded = text.encode("utf-8", "replace")
    if _CONTROL.search(text) is not None:
        return b"=?UTF-8?B?%b?=" % b64encode(encoded)
    quoted = "".join(chr(byte) if byte in _NOT_QUOTED else "_" if byte == 0x20 else f"={byte:02X}" for byte in encoded)
    return f"=?UTF-8?Q?{quoted}?=".encode("ascii")
