"""How tests wrap key material for its import, as a customer would."""

import os
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from tests.opened_house import OpenedHouse


def oaep(algorithm: str) -> padding.OAEP:
    """Return the padding of a wrapping algorithm."""
    hash_function = hashes.SHA1() if algorithm.endswith("_1") else hashes.SHA256()
    return padding.OAEP(padding.MGF1(hash_function), hash_function, None)


def wrap(public_key: bytes, algorithm: str, material: bytes) -> bytes:
    """Wrap key material with a public wrapping key (SubjectPublicKeyInfo, DER)."""
    key = serialization.load_der_public_key(public_key)
    assert isinstance(key, rsa.RSAPublicKey)
    if not algorithm.startswith("RSA_AES"):
        return key.encrypt(material, oaep(algorithm))
    aes_key = os.urandom(32)
    return key.encrypt(aes_key, oaep(algorithm)) + keywrap.aes_key_wrap_with_padding(aes_key, material)


async def import_material(
    house: OpenedHouse,
    key_id: str,
    material: bytes,
    *,
    algorithm: str = "RSA_AES_KEY_WRAP_SHA_256",
    valid_to: datetime | None = None,
    region: str = "us-east-1",
    **more: Any,
) -> dict[str, Any]:
    """Import key material into a key, for ever unless `valid_to` says until when; return the answer."""
    asked = {"KeyId": key_id, "WrappingAlgorithm": algorithm, "WrappingKeySpec": "RSA_2048"}
    given = await house.call("kms", "GetParametersForImport", region=region, **asked)
    expiry: dict[str, Any] = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    if valid_to is not None:
        expiry = {"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": valid_to}
    return await house.call(
        "kms",
        "ImportKeyMaterial",
        region=region,
        KeyId=key_id,
        ImportToken=given["ImportToken"],
        EncryptedKeyMaterial=wrap(given["PublicKey"], algorithm, material),
        **expiry,
        **more,
    )
