"""An external key: AES-256-GCM as the proxy API wants it, whatever keeps the key.

The ways to keep one differ in the initialization vector, and in a byte of ciphertext metadata that is authenticated:
0x01 for a key in a file (which has a key of its own for every message), 0x02 for a key in a PKCS#11 token. See
docs/formats.md, "External key".
"""

from collections.abc import Callable
from typing import Protocol

from strongroom.crypto.aead import AuthenticationFailed
from strongroom.services.kms.key_stores.xks_protocol import SealedByProxy, tag_bytes

IN_FILE = b"\x01"
IN_TOKEN = b"\x02"


class Cipher(Protocol):
    """A key that makes `iv || ciphertext || tag` of a plaintext, and opens it again."""

    def encrypt(self, plaintext: bytes, aad: bytes) -> bytes:
        """Return the plaintext sealed."""

    def decrypt(self, blob: bytes, aad: bytes) -> bytes:
        """Return the plaintext. Raises AuthenticationFailed."""


class ExternalKey:
    """One key that the proxy serves. Its methods raise AwsError, in the proxy API's words, when its keeper fails."""

    __slots__ = ("_cipher", "_iv_bytes", "_metadata", "must_exist")

    def __init__(
        self, cipher: Cipher, metadata: bytes, iv_bytes: int, must_exist: Callable[[], object] = lambda: None
    ) -> None:
        self._cipher = cipher
        self._metadata = metadata
        self._iv_bytes = iv_bytes
        self.must_exist = must_exist
        """Raises AwsError when the key is there no more."""

    def __repr__(self) -> str:
        return "ExternalKey(key hidden)"

    def seal(self, plaintext: bytes, aad: bytes) -> SealedByProxy:
        """Return the plaintext encrypted."""
        blob = self._cipher.encrypt(plaintext, full_aad(aad, self._metadata))
        return SealedByProxy(
            ciphertext=blob[self._iv_bytes : -tag_bytes],
            metadata=self._metadata,
            iv=blob[: self._iv_bytes],
            tag=blob[-tag_bytes:],
        )

    def open(self, sealed: SealedByProxy, aad: bytes) -> bytes:
        """Return the plaintext. Raises AuthenticationFailed."""
        if sealed.metadata != self._metadata or len(sealed.iv) != self._iv_bytes or len(sealed.tag) != tag_bytes:
            raise AuthenticationFailed
        return self._cipher.decrypt(sealed.iv + sealed.ciphertext + sealed.tag, full_aad(aad, sealed.metadata))


def full_aad(aad: bytes, metadata: bytes) -> bytes:
    """Return what is authenticated: with the lengths, so that one cannot pass for a part of the other."""
    return len(aad).to_bytes(2) + aad + len(metadata).to_bytes(1) + metadata
