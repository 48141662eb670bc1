"""ML-DSA, signatures that withstand quantum computers (FIPS 204), in the parameter sets 44, 65 and 87.

Pure ML-DSA with an empty context; signing is hedged, so that two signatures of one message differ. A key is kept as its
seed (RFC 9881). A key object expands it once: make it once and keep it. It is safe to share between threads.
"""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from cryptography import exceptions
from cryptography.hazmat.primitives.asymmetric import mldsa

from strongroom.crypto.key_encoding import (
    load_private_key,
    load_public_key,
    private_key_algorithm,
    private_key_bytes,
    public_key_algorithm,
    public_key_bytes,
)
from strongroom.crypto.signature import InvalidSignature

MU_BYTES = 64

_Private: TypeAlias = mldsa.MLDSA44PrivateKey | mldsa.MLDSA65PrivateKey | mldsa.MLDSA87PrivateKey
_Public: TypeAlias = mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey | mldsa.MLDSA87PublicKey


class _Kind(NamedTuple):
    parameter_set: int
    private: type[_Private]
    public: type[_Public]


_KINDS: Mapping[str, _Kind] = {
    "2.16.840.1.101.3.4.3.17": _Kind(44, mldsa.MLDSA44PrivateKey, mldsa.MLDSA44PublicKey),
    "2.16.840.1.101.3.4.3.18": _Kind(65, mldsa.MLDSA65PrivateKey, mldsa.MLDSA65PublicKey),
    "2.16.840.1.101.3.4.3.19": _Kind(87, mldsa.MLDSA87PrivateKey, mldsa.MLDSA87PublicKey),
}
"""The kinds of key, by the object identifiers of RFC 9881."""

PARAMETER_SETS = tuple(kind.parameter_set for kind in _KINDS.values())


def generate_ml_dsa_private_key(parameter_set: int) -> bytes:
    """Return a fresh private key as PKCS#8 DER. Raises ValueError for other parameter sets than 44, 65, 87."""
    for kind in _KINDS.values():
        if kind.parameter_set == parameter_set:
            return private_key_bytes(kind.private.generate())
    raise ValueError("the parameter sets of ML-DSA are 44, 65 and 87")


class MlDsaPublicKey:
    """What everybody may do with an ML-DSA key, from its SubjectPublicKeyInfo DER. Raises ValueError for other keys."""

    __slots__ = ("_public", "parameter_set", "public_key")

    def __init__(self, spki: bytes) -> None:
        algorithm = public_key_algorithm(spki, _KINDS)
        kind = _KINDS[algorithm]
        self._public: _Public = load_public_key(spki, algorithm, kind.public)
        self.parameter_set: int = kind.parameter_set
        self.public_key: bytes = spki

    def __repr__(self) -> str:
        return f"MlDsaPublicKey(ML-DSA-{self.parameter_set})"

    def verify(self, signature: bytes, message: bytes) -> None:
        """Return when the signature of `message` holds, or raise InvalidSignature."""
        try:
            self._public.verify(signature, message)
        except exceptions.InvalidSignature:
            raise InvalidSignature from None

    def verify_external_mu(self, signature: bytes, mu: bytes) -> None:
        """Return when the signature of the message that `mu` stands for holds, or raise InvalidSignature.

        Raises ValueError for a `mu` that has not 64 bytes.
        """
        try:
            self._public.verify_mu(signature, mu)
        except exceptions.InvalidSignature:
            raise InvalidSignature from None


class MlDsaPrivateKey(MlDsaPublicKey):
    """An ML-DSA private key, from its PKCS#8 DER with a seed in it. Raises ValueError for other keys."""

    __slots__ = ("_private",)

    def __init__(self, pkcs8: bytes) -> None:
        algorithm = private_key_algorithm(pkcs8, _KINDS)
        self._private: _Private = load_private_key(pkcs8, algorithm, _KINDS[algorithm].private)
        super().__init__(public_key_bytes(self._private.public_key()))

    def __repr__(self) -> str:
        return f"MlDsaPrivateKey(ML-DSA-{self.parameter_set}, hidden)"

    def sign(self, message: bytes) -> bytes:
        """Return the signature of `message`: 2420, 3309 or 4627 bytes."""
        return self._private.sign(message)

    def sign_external_mu(self, mu: bytes) -> bytes:
        """Return the signature of the message that `mu` stands for; it verifies as that of the message itself.

        `mu` is the 64-byte message representative, SHAKE256(SHAKE256(public key) || 0x00 || 0x00 || message) for an
        empty context (FIPS 204, section 6.2). Raises ValueError for one of another length.
        """
        return self._private.sign_mu(mu)
