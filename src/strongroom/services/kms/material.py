"""Key material, ready for use: what turns plaintext into ciphertext and back, signs, authenticates, agrees.

It is sealed in the database as `secret`: 256 random bits for symmetric keys, the key of an HMAC, or a private key as
PKCS #8 (DER).
"""

import asyncio
from collections.abc import Mapping
from typing import Self

from strongroom.crypto.aead import AuthenticationFailed, DerivedKeyAead
from strongroom.crypto.ed25519 import Ed25519PrivateKey, generate_ed25519_private_key
from strongroom.crypto.elliptic_curve import EllipticCurvePrivateKey, generate_elliptic_curve_private_key
from strongroom.crypto.mac import Hmac
from strongroom.crypto.ml_dsa import MlDsaPrivateKey, generate_ml_dsa_private_key
from strongroom.crypto.ml_kem import MlKemPrivateKey, generate_ml_kem_private_key
from strongroom.crypto.random import random_bytes
from strongroom.crypto.rsa import RsaPrivateKey, generate_rsa_private_key
from strongroom.services.kms import ciphertext
from strongroom.services.kms.errors import invalid_ciphertext
from strongroom.services.kms.key_specs import Family, KeySpec

SYMMETRIC_BYTES = 32
MAC_KEY_BYTES: Mapping[int | str, int] = {"sha224": 28, "sha256": 32, "sha384": 48, "sha512": 64}
"""The length of generated HMAC keys, by hash. Source: AWS KMS Developer Guide, "HMAC keys in AWS KMS"."""

PrivateKey = RsaPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey | MlDsaPrivateKey | MlKemPrivateKey


class SymmetricMaterial:
    """256 bits of key material of a symmetric encryption key.

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
        return f"SymmetricMaterial({self.id!r})"

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


class PrivateKeyMaterial:
    """The private key of an asymmetric key; its public key goes with it."""

    __slots__ = ("id", "private_key")

    def __init__(self, key_material_id: str, private_key: PrivateKey) -> None:
        self.id = key_material_id
        self.private_key = private_key

    def __repr__(self) -> str:
        return f"PrivateKeyMaterial({self.id!r})"


class MacMaterial:
    """The key of an HMAC."""

    __slots__ = ("id", "mac_key")

    def __init__(self, key_material_id: str, mac_key: Hmac) -> None:
        self.id = key_material_id
        self.mac_key = mac_key

    def __repr__(self) -> str:
        return f"MacMaterial({self.id!r})"


Material = SymmetricMaterial | PrivateKeyMaterial | MacMaterial


def ready(spec: KeySpec, key_id: str, key_material_id: str, secret: bytes) -> Material:
    """Return key material made ready for use. Raises ValueError for a secret that is none of this kind."""
    if spec.family is Family.SYMMETRIC:
        return SymmetricMaterial(key_id, key_material_id, secret)
    if spec.family is Family.HMAC:
        return MacMaterial(key_material_id, Hmac(secret, str(spec.parameter)))
    return PrivateKeyMaterial(key_material_id, private_key_of(spec, secret))


def private_key_of(spec: KeySpec, pkcs8: bytes, *, was_made_here: bool = True) -> PrivateKey:
    """Return the private key in `pkcs8` (DER). Raises ValueError when it is of another kind than `spec`.

    One that was not made here is checked in full, which takes up to a third of a second.
    """
    private_key: PrivateKey
    match spec.family:
        case Family.RSA:
            private_key = RsaPrivateKey(pkcs8, unsafe_skip_check=was_made_here)
            kind: int | str = private_key.bits
        case Family.ELLIPTIC_CURVE:
            private_key = EllipticCurvePrivateKey(pkcs8)
            kind = private_key.curve
        case Family.ED25519:
            private_key = Ed25519PrivateKey(pkcs8)
            kind = "edwards25519"
        case Family.ML_DSA:
            private_key = MlDsaPrivateKey(pkcs8)
            kind = private_key.parameter_set
        case Family.ML_KEM:
            private_key = MlKemPrivateKey(pkcs8)
            kind = private_key.parameter_set
        case _:
            raise ValueError(f"a key with KeySpec {spec.name} has no private key")
    if kind != spec.parameter:
        raise ValueError(f"the private key is not one of a key with KeySpec {spec.name}")
    return private_key


def _generated_secret(spec: KeySpec) -> bytes:
    parameter = spec.parameter
    match spec.family:
        case Family.SYMMETRIC:
            return random_bytes(SYMMETRIC_BYTES)
        case Family.HMAC:
            return random_bytes(MAC_KEY_BYTES[parameter])
        case Family.RSA:
            return generate_rsa_private_key(int(parameter))
        case Family.ELLIPTIC_CURVE:
            return generate_elliptic_curve_private_key(str(parameter))
        case Family.ED25519:
            return generate_ed25519_private_key()
        case Family.ML_DSA:
            return generate_ml_dsa_private_key(int(parameter))
        case Family.ML_KEM:
            return generate_ml_kem_private_key(int(parameter))


async def generate_secret(spec: KeySpec) -> bytes:
    """Return fresh key material of a kind, as it is sealed in the database."""
    if spec.family is Family.RSA:
        # The search for primes takes from 50 milliseconds to several seconds.
        return await asyncio.to_thread(_generated_secret, spec)
    return _generated_secret(spec)


class NewKeyMaterial:
    """Key material on its way into the database: an id, and the secret to be sealed there."""

    __slots__ = ("id", "secret")

    def __init__(self, key_material_id: str, secret: bytes) -> None:
        self.id = key_material_id
        self.secret = secret

    def __repr__(self) -> str:
        return f"NewKeyMaterial({self.id!r})"

    @classmethod
    async def generate(cls, spec: KeySpec) -> Self:
        """Return fresh random material; its id is random too and says nothing about it."""
        return cls(new_key_material_id(), await generate_secret(spec))


def new_key_material_id() -> str:
    """Return a fresh random id of key material: 64 hexadecimal digits."""
    return random_bytes(32).hex()
