"""Message authentication: HMAC-SHA-256 (RFC 2104, FIPS 198-1) and comparison in constant time."""

import hmac

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

_SHA256 = SHA256()


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """Return the 32-byte HMAC-SHA-256 of `message`. For a key used more than once, `HmacSha256` is twice as fast."""
    return hmac.digest(key, message, "sha256")


def equal(a: bytes | str, b: bytes | str) -> bool:
    """Return whether two values of the same type are equal, in a time that does not depend on where they differ.

    Only their lengths may show. Raises TypeError when one is text and the other bytes.
    """
    if isinstance(a, str) and isinstance(b, str):
        # Text that is not ASCII is compared as its UTF-8, because compare_digest takes ASCII text only.
        return hmac.compare_digest(a.encode("utf-8", "surrogatepass"), b.encode("utf-8", "surrogatepass"))
    if isinstance(a, str) or isinstance(b, str):
        raise TypeError("text and bytes cannot be compared")
    return hmac.compare_digest(a, b)


class HmacSha256:
    """HMAC-SHA-256 under one key, whose set-up is done once. Safe to share between threads.

    `prefix` is a beginning that all messages share; `digest(rest)` is then the HMAC of `prefix || rest`.
    """

    __slots__ = ("_keyed",)

    def __init__(self, key: bytes, prefix: bytes = b"") -> None:
        self._keyed = HMAC(key, _SHA256)
        self._keyed.update(prefix)

    def __repr__(self) -> str:
        return "HmacSha256(key hidden)"

    def digest(self, message: bytes) -> bytes:
        """Return the 32-byte HMAC of the prefix followed by `message`."""
        keyed = self._keyed.copy()
        keyed.update(message)
        return keyed.finalize()
