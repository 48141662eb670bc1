"""ML-KEM, key encapsulation that withstands quantum computers (FIPS 203), in the parameter sets 512, 768 and 1024.

A key is kept as its seed (RFC 9935). A key object expands it once: make it once and keep it. It is safe to share
between threads.
"""

from collections.abc import Mapping
from typing import NamedTuple, Protocol, TypeAlias

from cryptography.hazmat.primitives.asymmetric import mlkem

from strongroom.crypto.key_encoding import (
    load_private_key,
    load_public_key,
    private_key_algorithm,
    private_key_bytes,
    public_key_algorithm,
    public_key_bytes,
)

SHARED_SECRET_BYTES = 32

_ML_KEM_512 = "2.16.840.1.101.3.4.4.1"
_ML_KEM_768 = "2.16.840.1.101.3.4.4.2"
_ML_KEM_1024 = "2.16.840.1.101.3.4.4.3"

_PARAMETER_SETS: Mapping[str, int] = {_ML_KEM_512: 512, _ML_KEM_768: 768, _ML_KEM_1024: 1024}
"""The parameter sets by the object identifiers of RFC 9935."""

PARAMETER_SETS = tuple(_PARAMETER_SETS.values())

_Private: TypeAlias = mlkem.MLKEM768PrivateKey | mlkem.MLKEM1024PrivateKey
_Public: TypeAlias = mlkem.MLKEM768PublicKey | mlkem.MLKEM1024PublicKey


class _Kind(NamedTuple):
    private: type[_Private]
    public: type[_Public]


_KINDS: Mapping[str, _Kind] = {
    _ML_KEM_768: _Kind(mlkem.MLKEM768PrivateKey, mlkem.MLKEM768PublicKey),
    _ML_KEM_1024: _Kind(mlkem.MLKEM1024PrivateKey, mlkem.MLKEM1024PublicKey),
}
"""What the `cryptography` library has. 512 it has not: see `ml_kem_512`."""


class _Encapsulator(Protocol):
    def encapsulate(self) -> tuple[bytes, bytes]: ...


class _Decapsulator(Protocol):
    def decapsulate(self, ciphertext: bytes) -> bytes: ...


def generate_ml_kem_private_key(parameter_set: int) -> bytes:
    """Return a fresh private key as PKCS#8 DER. Raises ValueError for other parameter sets than 512, 768, 1024."""
    for algorithm, known in _PARAMETER_SETS.items():
        if parameter_set == known:
            return _generate(algorithm)
    raise ValueError("the parameter sets of ML-KEM are 512, 768 and 1024")


class MlKemPublicKey:
    """What everybody may do with an ML-KEM key, from its SubjectPublicKeyInfo DER. Raises ValueError for other keys."""

    __slots__ = ("_public", "parameter_set", "public_key")

    def __init__(self, spki: bytes) -> None:
        algorithm = public_key_algorithm(spki, _PARAMETER_SETS)
        self._public = _load_public(spki, algorithm)
        self.parameter_set: int = _PARAMETER_SETS[algorithm]
        self.public_key: bytes = spki

    def __repr__(self) -> str:
        return f"MlKemPublicKey(ML-KEM-{self.parameter_set})"

    def encapsulate(self) -> tuple[bytes, bytes]:
        """Return a fresh 32-byte shared secret, and the ciphertext that gives it to the holder of the private key."""
        return self._public.encapsulate()


class MlKemPrivateKey(MlKemPublicKey):
    """An ML-KEM private key, from its PKCS#8 DER with a seed in it. Raises ValueError for other keys."""

    __slots__ = ("_private",)

    def __init__(self, pkcs8: bytes) -> None:
        algorithm = private_key_algorithm(pkcs8, _PARAMETER_SETS)
        self._private, spki = _load_private(pkcs8, algorithm)
        super().__init__(spki)

    def __repr__(self) -> str:
        return f"MlKemPrivateKey(ML-KEM-{self.parameter_set}, hidden)"

    def decapsulate(self, ciphertext: bytes) -> bytes:
        """Return the 32-byte shared secret. Raises ValueError for a ciphertext of another length than this key's.

        A ciphertext that was not made for this key gives a secret that nobody has: ML-KEM rejects without saying so.
        """
        return self._private.decapsulate(ciphertext)


def _generate(algorithm: str) -> bytes:
    if algorithm == _ML_KEM_512:
        from strongroom.crypto import ml_kem_512

        return ml_kem_512.generate()
    return private_key_bytes(_KINDS[algorithm].private.generate())


def _load_public(spki: bytes, algorithm: str) -> _Encapsulator:
    if algorithm == _ML_KEM_512:
        from strongroom.crypto.ml_kem_512 import MlKem512Encapsulator

        return MlKem512Encapsulator(spki)
    key: _Public = load_public_key(spki, algorithm, _KINDS[algorithm].public)
    return key


def _load_private(pkcs8: bytes, algorithm: str) -> tuple[_Decapsulator, bytes]:
    """Return what decapsulates, and the public key."""
    if algorithm == _ML_KEM_512:
        from strongroom.crypto.ml_kem_512 import MlKem512Decapsulator

        decapsulator = MlKem512Decapsulator(pkcs8)
        return decapsulator, decapsulator.public_key
    key: _Private = load_private_key(pkcs8, algorithm, _KINDS[algorithm].private)
    return key, public_key_bytes(key.public_key())
