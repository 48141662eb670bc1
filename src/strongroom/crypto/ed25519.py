"""Ed25519 signatures, over messages and, as Ed25519ph, over SHA-512 digests (RFC 8032, FIPS 186-5).

The two forms never accept each other's signatures. A key object parses its key once: make it once and keep it. It is
safe to share between threads.
"""

from typing import TYPE_CHECKING

from cryptography import exceptions
from cryptography.hazmat.primitives.asymmetric import ed25519

from strongroom.crypto.key_encoding import load_private_key, load_public_key, private_key_bytes, public_key_bytes
from strongroom.crypto.signature import InvalidSignature

if TYPE_CHECKING:
    from strongroom.crypto.ed25519_prehashed import PrehashedSigner, PrehashedVerifier

DIGEST_BYTES = 64

_ED25519 = "1.3.101.112"


def generate_ed25519_private_key() -> bytes:
    """Return a fresh private key as PKCS#8 DER (RFC 8410)."""
    return private_key_bytes(ed25519.Ed25519PrivateKey.generate())


class Ed25519PublicKey:
    """What everybody may do with an Ed25519 key, from its SubjectPublicKeyInfo DER. Raises ValueError for others."""

    __slots__ = ("_prehashed_verifier", "_public", "public_key")

    def __init__(self, spki: bytes) -> None:
        self._public: ed25519.Ed25519PublicKey = load_public_key(spki, _ED25519, ed25519.Ed25519PublicKey)
        self.public_key: bytes = spki
        self._prehashed_verifier: PrehashedVerifier | None = None

    def __repr__(self) -> str:
        return "Ed25519PublicKey()"

    def verify(self, signature: bytes, message: bytes) -> None:
        """Return when the 64-byte Ed25519 signature of `message` holds, or raise InvalidSignature."""
        try:
            self._public.verify(signature, message)
        except exceptions.InvalidSignature:
            raise InvalidSignature from None

    def verify_prehashed(self, signature: bytes, digest: bytes) -> None:
        """Return when the Ed25519ph signature holds (64-byte SHA-512 digest, empty context), or raise InvalidSignature.

        Raises ValueError for a digest of another length.
        """
        if self._prehashed_verifier is None:
            from strongroom.crypto.ed25519_prehashed import PrehashedVerifier

            self._prehashed_verifier = PrehashedVerifier(self._public.public_bytes_raw())
        _check_digest(digest)
        self._prehashed_verifier.verify(signature, digest)


class Ed25519PrivateKey(Ed25519PublicKey):
    """An Ed25519 private key, from its PKCS#8 DER. Raises ValueError for other keys."""

    __slots__ = ("_prehashed_signer", "_private")

    def __init__(self, pkcs8: bytes) -> None:
        self._private: ed25519.Ed25519PrivateKey = load_private_key(pkcs8, _ED25519, ed25519.Ed25519PrivateKey)
        self._prehashed_signer: PrehashedSigner | None = None
        super().__init__(public_key_bytes(self._private.public_key()))

    def __repr__(self) -> str:
        return "Ed25519PrivateKey(hidden)"

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature of `message`."""
        return self._private.sign(message)

    def sign_prehashed(self, digest: bytes) -> bytes:
        """Return the 64-byte Ed25519ph signature of a SHA-512 digest, with an empty context.

        Raises ValueError for a digest that has not 64 bytes.
        """
        if self._prehashed_signer is None:
            from strongroom.crypto.ed25519_prehashed import PrehashedSigner

            self._prehashed_signer = PrehashedSigner(self._private.private_bytes_raw())
        _check_digest(digest)
        return self._prehashed_signer.sign(digest)


def _check_digest(digest: bytes) -> None:
    if len(digest) != DIGEST_BYTES:
        raise ValueError("a SHA-512 digest has 64 bytes")
