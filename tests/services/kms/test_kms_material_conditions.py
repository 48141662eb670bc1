"""The condition keys of key pairs, HMAC keys, imported material and multi-Region keys: each decides a request."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.opened_house import OpenedHouse, opened_house
from tests.services.kms.importing import import_material
from tests.services.kms.key_state_table import (
    AGREEMENT,
    AUTHENTICATION,
    ENCAPSULATION,
    ENCRYPTION,
    SIGNATURE,
    WRAPPING,
    MadeKey,
    Prepare,
    a_public_key,
    a_replica,
    a_signature,
    just,
)
from tests.services.kms.test_kms_conditions import denying
from tests.services.refusals import refused

PAIR = {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"}
OAEP = "RSAES_OAEP_SHA_256"
TO_SIGN = just(Message=bytes(32), SigningAlgorithm="ECDSA_SHA_256")
TO_SIGN_HASHED = just(Message=bytes(32), SigningAlgorithm="ECDSA_SHA_256", MessageType="DIGEST")
TO_AUTHENTICATE = just(Message=b"m", MacAlgorithm="HMAC_SHA_256")
DATA_KEY_PAIR = just(KeyPairSpec="ECC_NIST_P256")
WRAPPED_HOW = just(WrappingAlgorithm=WRAPPING, WrappingKeySpec="RSA_2048")
IMPORTED = {"Origin": "EXTERNAL"}
MULTI_REGION = {"MultiRegion": True}

# What is asked of which kind of key, and the value that a condition key has then.
ASKED: list[tuple[str, dict[str, Any], Prepare, str, str]] = [
    ("Sign", SIGNATURE, TO_SIGN, "kms:SigningAlgorithm", "ECDSA_SHA_256"),
    ("Sign", SIGNATURE, TO_SIGN, "kms:MessageType", "RAW"),
    ("Sign", SIGNATURE, TO_SIGN_HASHED, "kms:MessageType", "DIGEST"),
    ("Sign", SIGNATURE, TO_SIGN, "kms:KeySpec", "ECC_NIST_P256"),
    ("Verify", SIGNATURE, a_signature, "kms:KeyUsage", "SIGN_VERIFY"),
    ("GetPublicKey", SIGNATURE, just(), "kms:KeyOrigin", "AWS_KMS"),
    ("Encrypt", PAIR, just(Plaintext=b"x", EncryptionAlgorithm=OAEP), "kms:EncryptionAlgorithm", OAEP),
    ("GenerateMac", AUTHENTICATION, TO_AUTHENTICATE, "kms:MacAlgorithm", "HMAC_SHA_256"),
    ("DeriveSharedSecret", AGREEMENT, a_public_key, "kms:KeyAgreementAlgorithm", "ECDH"),
    ("Encapsulate", ENCAPSULATION, just(EncapsulationAlgorithm="ML_KEM"), "kms:EncapsulationAlgorithm", "ML_KEM"),
    ("GenerateDataKeyPair", ENCRYPTION, DATA_KEY_PAIR, "kms:DataKeyPairSpec", "ECC_NIST_P256"),
    ("GenerateDataKeyPair", ENCRYPTION, DATA_KEY_PAIR, "kms:EncryptionAlgorithm", "SYMMETRIC_DEFAULT"),
    ("GetParametersForImport", IMPORTED, WRAPPED_HOW, "kms:WrappingAlgorithm", WRAPPING),
    ("GetParametersForImport", IMPORTED, WRAPPED_HOW, "kms:WrappingKeySpec", "RSA_2048"),
    ("ReplicateKey", MULTI_REGION, just(ReplicaRegion="eu-west-1"), "kms:ReplicaRegion", "eu-west-1"),
    ("UpdatePrimaryRegion", MULTI_REGION, a_replica, "kms:PrimaryRegion", "eu-west-1"),
    ("UpdatePrimaryRegion", MULTI_REGION, a_replica, "kms:MultiRegionKeyType", "PRIMARY"),
    ("DescribeKey", MULTI_REGION, just(), "kms:MultiRegion", "true"),
]


async def new_key(house: OpenedHouse, action: str, condition: dict[str, Any], **kind: Any) -> MadeKey:
    created = await house.kms("CreateKey", Policy=denying(action, condition), **kind)
    return MadeKey(created["KeyMetadata"]["Arn"], b"")


@pytest.mark.parametrize(("operation", "kind", "prepare", "name", "value"), ASKED)
def test_a_value_decides(
    tmp_path: Path, operation: str, kind: dict[str, Any], prepare: Prepare, name: str, value: str
) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as house:
            key = await new_key(house, f"kms:{operation}", {"StringEquals": {name: value}}, **kind)
            with refused("AccessDeniedException"):
                await house.kms(operation, **await prepare(house, key))
            key = await new_key(house, f"kms:{operation}", {"StringNotEquals": {name: value}}, **kind)
            await house.kms(operation, **await prepare(house, key))

    asyncio.run(main())


def test_until_when_material_may_be_imported(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as house:
            now = house.clock.now_datetime()
            soon, late = now + timedelta(days=1), now + timedelta(days=3)
            limit = now + timedelta(days=2)
            for operator, text in (
                ("NumericGreaterThan", f"{limit.timestamp():.1f}"),
                ("DateGreaterThan", limit.isoformat(timespec="seconds").replace("+00:00", "Z")),
            ):
                key = await new_key(house, "kms:ImportKeyMaterial", {operator: {"kms:ValidTo": text}}, **IMPORTED)
                material = os.urandom(32)
                with refused("AccessDeniedException"):
                    await import_material(house, key.arn, material, valid_to=late)
                await import_material(house, key.arn, material, valid_to=soon)
            key = await new_key(house, "kms:ImportKeyMaterial", {"Null": {"kms:ValidTo": "true"}}, **IMPORTED)
            with refused("AccessDeniedException"):
                await import_material(house, key.arn, os.urandom(32))
            await import_material(house, key.arn, os.urandom(32), valid_to=soon)

    asyncio.run(main())


def test_whether_material_may_be_imported_for_ever(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as house:
            for_ever = {"StringEquals": {"kms:ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}}
            key = await new_key(house, "kms:ImportKeyMaterial", for_ever, **IMPORTED)
            with refused("AccessDeniedException"):
                await import_material(house, key.arn, os.urandom(32))
            await import_material(house, key.arn, os.urandom(32), valid_to=house.clock.now_datetime() + timedelta(1))

    asyncio.run(main())
