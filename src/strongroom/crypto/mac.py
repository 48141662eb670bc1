"""Message authentication: HMAC (RFC 2104, FIPS 198-1) and comparison in constant time."""

import hmac

from cryptography.hazmat.primitives.hmac import HMAC

from strongroom.crypto.hashes import HASHES, ByHashName

_HASHES = ByHashName({name: HASHES[name] for name in ("sha224", "sha256", "sha384", "sha512")})


class InvalidMac(Exception):  # noqa: N818 (it says what happened)
    """The code was not made over this message with this key. It never says where it differs."""

    def __init__(self) -> None:
        super().__init__("the message authentication code is not valid")


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


class Hmac:
    """HMAC under one key, whose set-up is done once. Safe to share between threads.

    `prefix` is a beginning that all messages share; `digest(rest)` is then the HMAC of `prefix || rest`. The hash
    function is "sha224", "sha256", "sha384" or "sha512"; raises ValueError for another.
    """

    __slots__ = ("_keyed",)

    def __init__(self, key: bytes, hash_name: str, prefix: bytes = b"") -> None:
        self._keyed = HMAC(key, _HASHES[hash_name])
        self._keyed.update(prefix)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(key hidden)"

    def digest(self, message: bytes) -> bytes:
        """Return the HMAC of the prefix followed by `message`, as long as the hash function's digests."""
        keyed = self._keyed.copy()
        keyed.update(message)
        return keyed.finalize()

    def verify(self, mac: bytes, message: bytes) -> None:
        """Return when `mac` is the whole HMAC of the prefix followed by `message`, or raise InvalidMac.

        Takes a time that does not depend on where the two differ.
        """
        if not hmac.compare_digest(mac, self.digest(message)):
            raise InvalidMac


class HmacSha256(Hmac):
    """HMAC-SHA-256 under one key: `Hmac` for most of what is authenticated here, 32 bytes long."""

    __slots__ = ()

    def __init__(self, key: bytes, prefix: bytes = b"") -> None:
        super().__init__(key, "sha256", prefix)
