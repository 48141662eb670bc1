"""A 256-bit key as one line of text, with a checksum that finds a digit which was copied wrongly.

<kind>:v1:<64 hexadecimal digits of the key>:<8 hexadecimal digits of a checksum>
"""

import hashlib
import re

from strongroom.crypto.mac import equal

_LINE = re.compile(rb"([a-z-]+):v([0-9]{1,4}):(?:([0-9a-f]{64}):([0-9a-f]{8}))?.*", re.DOTALL)


def encode_key(kind: str, key: bytes) -> bytes:
    """Return the line, with its line break, for `key` (32 bytes). `kind` says what the key is for."""
    start = _start(kind)
    return start + key.hex().encode() + b":" + _checksum(start, key) + b"\n"


def decode_key(kind: str, content: bytes) -> bytes:
    """Return the key in a line of this kind. Raises ValueError, whose message never repeats the content."""
    match = _LINE.fullmatch(content.strip())
    if match is None or match[1] != kind.encode():
        raise ValueError(f"it does not hold a line {kind}:v1:...")
    _, version, digits, checksum = match.groups()
    if version != b"1":
        raise ValueError(f"it has version {int(version)}, and only version 1 is known")
    if digits is None or match.end(4) != match.end():
        raise ValueError("its line is cut off, or longer than it should be")
    key = bytes.fromhex(digits.decode())
    if not equal(checksum, _checksum(_start(kind), key)):
        raise ValueError("its checksum does not agree: a digit is wrong")
    return key


def _start(kind: str) -> bytes:
    return f"{kind}:v1:".encode()


def _checksum(start: bytes, key: bytes) -> bytes:
    """Return eight digits that find a mistyped key. They are as secret as the key, and never stored apart from it."""
    return hashlib.sha256(start + key).hexdigest()[:8].encode()
