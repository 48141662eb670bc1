"""Ed25519ph, which the `cryptography` library lacks, by PyCryptodome (RFC 8032, section 5.1; empty context).

Imported on first use: few keys need it. The algorithm is PyCryptodome's, down to the arithmetic in C.
"""

from Crypto.Hash.SHA512 import SHA512Hash
from Crypto.Signature import eddsa

from strongroom.crypto.signature import InvalidSignature


class _ComputedDigest(SHA512Hash):
    """A SHA-512 that was computed elsewhere, as the hash object that PyCryptodome takes."""

    def __init__(self, digest: bytes) -> None:
        super().__init__(None, None)
        self._computed = digest

    def digest(self) -> bytes:
        return self._computed


class PrehashedSigner:
    """Signs SHA-512 digests with one private key (the 32-byte seed)."""

    __slots__ = ("_scheme",)

    def __init__(self, seed: bytes) -> None:
        self._scheme = eddsa.new(eddsa.import_private_key(seed), "rfc8032")

    def __repr__(self) -> str:
        return "PrehashedSigner(key hidden)"

    def sign(self, digest: bytes) -> bytes:
        """Return the 64-byte signature of a 64-byte digest."""
        return self._scheme.sign(_ComputedDigest(digest))


class PrehashedVerifier:
    """Verifies signatures of SHA-512 digests with one public key (the 32-byte encoded point)."""

    __slots__ = ("_scheme",)

    def __init__(self, point: bytes) -> None:
        self._scheme = eddsa.new(eddsa.import_public_key(point), "rfc8032")

    def verify(self, signature: bytes, digest: bytes) -> None:
        """Return when the signature of a 64-byte digest holds, or raise InvalidSignature."""
        try:
            self._scheme.verify(_ComputedDigest(digest), signature)
        except ValueError:
            raise InvalidSignature from None
