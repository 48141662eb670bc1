"""A root key that is in this process's memory, whatever it was made from."""

from strongroom.crypto.aead import AuthenticationFailed, DerivedKeyAead
from strongroom.crypto.kdf import derive

WRAP_VERSION = b"\x01"

_WRAP_LABEL = b"strongroom root key: wrap v1"
_FINGERPRINT_LABEL = b"strongroom root key: fingerprint v1"
_FINGERPRINT_BYTES = 16


class LocalRootKey:
    """Wraps as `0x01 || DerivedKeyAead blob`, under a key derived from the root key for that purpose alone.

    Raises ValueError for a key that has not 32 bytes.
    """

    __slots__ = ("_aead",)

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("a root key has 32 bytes")
        self._aead = DerivedKeyAead(derive(key, _WRAP_LABEL, b""))

    def __repr__(self) -> str:
        return "LocalRootKey(key hidden)"

    def wrap(self, plaintext: bytes, aad: bytes) -> bytes:
        """Return the wrapped form, 33 bytes longer than `plaintext`."""
        return WRAP_VERSION + self._aead.encrypt(plaintext, WRAP_VERSION + aad)

    def unwrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """Return the plaintext. Raises AuthenticationFailed."""
        if not wrapped.startswith(WRAP_VERSION):
            raise AuthenticationFailed
        return self._aead.decrypt(wrapped[1:], WRAP_VERSION + aad)


def fingerprint_of(key: bytes) -> str:
    """Return 32 hexadecimal digits that tell 256-bit random keys apart.

    They are derived from the key one way and apart from its use, so they help nobody to find or to use a key that is
    truly random. A key made from a passphrase must not be fingerprinted so: the digits would let guesses be checked.
    """
    return derive(key, _FINGERPRINT_LABEL, b"", _FINGERPRINT_BYTES).hex()
