"""Key material of a symmetric encryption key: what turns plaintext into a ciphertext blob and back."""

from collections.abc import Mapping
from typing import Self

from strongroom.crypto.aead import AuthenticationFailed, DerivedKeyAead
from strongroom.crypto.random import random_bytes
from strongroom.services.kms import ciphertext
from strongroom.services.kms.errors import invalid_ciphertext

SYMMETRIC_BYTES = 32


class KeyMaterial:
    """256 bits of key material, ready for use.

    Each message is encrypted under a key of its own, derived from the material and 128 random bits, so that the limit
    on random nonces under one AES-GCM key never comes near. Source: AWS KMS Cryptographic Details, "Working with AWS
    KMS keys".
    """

    __slots__ = ("_aead", "_empty_context_data", "_header", "id")

    def __init__(self, key_id: str, key_material_id: str, secret: bytes) -> None:
        self.id = key_material_id
        self._aead = DerivedKeyAead(secret)
        self._header = ciphertext.header_for(key_id, key_material_id)
        self._empty_context_data = ciphertext.authenticated_data(self._header, None)

    def __repr__(self) -> str:
        return f"KeyMaterial({self.id!r})"

    def encrypt(self, plaintext: bytes, context: Mapping[str, str] | None) -> bytes:
        """Return a ciphertext blob that opens only with the same encryption context."""
        data = ciphertext.authenticated_data(self._header, context) if context else self._empty_context_data
        return self._header + self._aead.encrypt(plaintext, data)

    def decrypt(self, blob: ciphertext.CiphertextBlob, context: Mapping[str, str] | None) -> bytes:
        """Return the plaintext. Raises InvalidCiphertextException for any change to the blob or its context."""
        try:
            return self._aead.decrypt(blob.body, ciphertext.authenticated_data(blob.header, context))
        except AuthenticationFailed:
            raise invalid_ciphertext() from None


class NewKeyMaterial:
    """Key material on its way into the database: an id, and the secret to be sealed there."""

    __slots__ = ("id", "secret")

    def __init__(self, key_material_id: str, secret: bytes) -> None:
        self.id = key_material_id
        self.secret = secret

    def __repr__(self) -> str:
        return f"NewKeyMaterial({self.id!r})"

    @classmethod
    def generate(cls) -> Self:
        """Return fresh random material; its id is random too and says nothing about it."""
        return cls(random_bytes(32).hex(), random_bytes(SYMMETRIC_BYTES))
