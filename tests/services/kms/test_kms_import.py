"""Key material that customers bring: its import by every wrapping algorithm, its expiry, its rotation, its end."""

import os
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.kms.importing import import_material, wrap
from tests.services.refusals import refused

MINUTE = timedelta(minutes=1)
EVERY_WRAPPING = ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256"]


async def new_key(house: OpenedHouse, **asked: Any) -> str:
    made = (await house.kms("CreateKey", Origin="EXTERNAL", **asked))["KeyMetadata"]
    assert (made["KeyState"], made["Enabled"], made["Origin"]) == ("PendingImport", False, "EXTERNAL")
    assert "CurrentKeyMaterialId" not in made
    key_id: str = made["KeyId"]
    return key_id


def arn_of(key_id: str) -> str:
    return f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{key_id}"


async def described(house: OpenedHouse, key_id: str) -> dict[str, Any]:
    metadata: dict[str, Any] = (await house.kms("DescribeKey", KeyId=key_id))["KeyMetadata"]
    return metadata


def pkcs8(private_key: Any) -> bytes:
    encoding, form = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8
    encoded: bytes = private_key.private_bytes(encoding, form, serialization.NoEncryption())
    return encoded


@pytest.mark.parametrize("algorithm", EVERY_WRAPPING)
def test_a_symmetric_key_by_every_wrapping_algorithm(in_house: InHouse[None], algorithm: str) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house)
        with refused("KMSInvalidStateException", f"{arn_of(key_id)} is pending import."):
            await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x")
        answer = await import_material(house, key_id, os.urandom(32), algorithm=algorithm)
        metadata = await described(house, key_id)
        assert answer == {"KeyId": arn_of(key_id), "KeyMaterialId": metadata["CurrentKeyMaterialId"]}
        assert (metadata["KeyState"], metadata["ExpirationModel"]) == ("Enabled", "KEY_MATERIAL_DOES_NOT_EXPIRE")
        assert "ValidTo" not in metadata
        blob = (await house.kms("Encrypt", KeyId=key_id, Plaintext=b"secret"))["CiphertextBlob"]
        assert (await house.kms("Decrypt", CiphertextBlob=blob))["Plaintext"] == b"secret"

    in_house(body)


def test_deleted_material_makes_ciphertexts_unreadable_until_it_is_back(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id, material = await new_key(house), os.urandom(32)
        first = await import_material(house, key_id, material)
        blob = (await house.kms("Encrypt", KeyId=key_id, Plaintext=b"secret"))["CiphertextBlob"]
        assert await house.kms("DeleteImportedKeyMaterial", KeyId=key_id) == first
        metadata = await described(house, key_id)
        assert (metadata["KeyState"], metadata["CurrentKeyMaterialId"]) == ("PendingImport", first["KeyMaterialId"])
        assert "ExpirationModel" not in metadata
        with refused("KMSInvalidStateException", f"{arn_of(key_id)} is pending import."):
            await house.kms("Decrypt", CiphertextBlob=blob)
        with refused("KMSInvalidStateException", f"{arn_of(key_id)} is pending import."):
            await house.kms("EnableKey", KeyId=key_id)
        with refused("IncorrectKeyMaterialException"):
            await import_material(house, key_id, os.urandom(32))
        assert await import_material(house, key_id, material) == first
        assert (await house.kms("Decrypt", CiphertextBlob=blob))["Plaintext"] == b"secret"

    in_house(body)


def test_material_expires_when_its_time_is_over(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id, material = await new_key(house), os.urandom(32)
        valid_to = (house.clock.now_datetime() + timedelta(days=10)).replace(microsecond=0)
        await import_material(house, key_id, material, valid_to=valid_to)
        blob = (await house.kms("Encrypt", KeyId=key_id, Plaintext=b"secret"))["CiphertextBlob"]
        metadata = await described(house, key_id)
        assert (metadata["ExpirationModel"], metadata["ValidTo"]) == ("KEY_MATERIAL_EXPIRES", valid_to)
        house.clock.advance(valid_to - house.clock.now_datetime() - MINUTE)
        assert (await house.kms("Decrypt", CiphertextBlob=blob))["Plaintext"] == b"secret"
        house.clock.advance(MINUTE)
        # At once, whoever erases it comes later; and the same by every name of the key.
        for _ in range(2):
            assert (await described(house, key_id))["KeyState"] == "PendingImport"
            for named in ({}, {"KeyId": key_id}, {"KeyId": arn_of(key_id)}):
                with refused("KMSInvalidStateException", f"{arn_of(key_id)} is pending import."):
                    await house.kms("Decrypt", CiphertextBlob=blob, **named)
            await house.run_periodic_work()
        records = await house.house.audit.records(house.clock.now() - 60, house.clock.now() + 1)
        assert [each.operation for each in records].count("DeleteExpiredKeyMaterial") == 1
        await import_material(house, key_id, material)
        assert (await house.kms("Decrypt", CiphertextBlob=blob))["Plaintext"] == b"secret"

    in_house(body)


def test_an_expiry_can_be_changed_by_importing_again(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id, material = await new_key(house), os.urandom(32)
        soon = house.clock.now_datetime() + timedelta(days=1)
        await import_material(house, key_id, material, valid_to=soon)
        await import_material(house, key_id, material)
        house.clock.advance(timedelta(days=2))
        await house.run_periodic_work()
        assert (await described(house, key_id))["KeyState"] == "Enabled"

    in_house(body)


def test_other_kinds_of_keys(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        curve, edwards = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
        pair, mac_key = rsa.generate_private_key(65537, 2048), os.urandom(32)
        encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        for spec, usage, private in (
            ("ECC_NIST_P256", "SIGN_VERIFY", curve),
            ("ECC_NIST_EDWARDS25519", "SIGN_VERIFY", edwards),
            ("RSA_2048", "ENCRYPT_DECRYPT", pair),
        ):
            key_id = await new_key(house, KeySpec=spec, KeyUsage=usage)
            await import_material(house, key_id, pkcs8(private))
            answer = await house.kms("GetPublicKey", KeyId=key_id)
            assert answer["PublicKey"] == private.public_key().public_bytes(encoding, form)
            assert "CurrentKeyMaterialId" not in await described(house, key_id)
            with refused("UnsupportedOperationException", ""):
                await house.kms("RotateKeyOnDemand", KeyId=key_id)
            with refused("IncorrectKeyMaterialException"):
                other = ec.generate_private_key(ec.SECP256R1())
                await import_material(house, key_id, pkcs8(other), ImportType="NEW_KEY_MATERIAL")
        key_id = await new_key(house, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
        await import_material(house, key_id, mac_key)
        mac = (await house.kms("GenerateMac", KeyId=key_id, Message=b"m", MacAlgorithm="HMAC_SHA_256"))["Mac"]
        assert (await house.kms("VerifyMac", KeyId=key_id, Message=b"m", Mac=mac, MacAlgorithm="HMAC_SHA_256"))[
            "MacValid"
        ]

    in_house(body)


def test_material_that_does_not_fit(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        wrong_curve = pkcs8(ec.generate_private_key(ec.SECP384R1()))
        for asked, materials in (
            ({}, (os.urandom(31), os.urandom(33), wrong_curve)),
            ({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}, (wrong_curve, os.urandom(32), b"\x30\x00")),
            ({"KeySpec": "HMAC_512", "KeyUsage": "GENERATE_VERIFY_MAC"}, (os.urandom(32),)),
        ):
            key_id = await new_key(house, **asked)
            for material in materials:
                with refused("IncorrectKeyMaterialException"):
                    await import_material(house, key_id, material)
            assert (await described(house, key_id))["KeyState"] == "PendingImport"

    in_house(body)


def test_what_is_refused_of_an_import(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id, other_id, material = await new_key(house), await new_key(house), os.urandom(32)
        asked = {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}
        given = await house.kms("GetParametersForImport", KeyId=key_id, **asked)
        assert given["KeyId"] == arn_of(key_id)
        assert abs(given["ParametersValidTo"] - house.clock.now_datetime() - timedelta(days=1)) < MINUTE
        wrapped = wrap(given["PublicKey"], "RSAES_OAEP_SHA_256", material)
        request: dict[str, Any] = {
            "KeyId": key_id,
            "ImportToken": given["ImportToken"],
            "EncryptedKeyMaterial": wrapped,
            "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
        }
        token, expiring = given["ImportToken"], {"ExpirationModel": "KEY_MATERIAL_EXPIRES"}
        now = house.clock.now_datetime()
        without_model = {name: value for name, value in request.items() if name != "ExpirationModel"}
        must_be_set = "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES"
        for changed, code, message in (
            ({**request, "ImportToken": token[:-1]}, "InvalidImportTokenException", None),
            ({**request, "ImportToken": b"x"}, "InvalidImportTokenException", None),
            ({**request, "KeyId": other_id}, "InvalidImportTokenException", None),
            ({**request, "EncryptedKeyMaterial": wrapped[:-1]}, "InvalidCiphertextException", ""),
            ({**request, "EncryptedKeyMaterial": b"x"}, "InvalidCiphertextException", ""),
            ({**request, "ValidTo": now + timedelta(days=1)}, "ValidationException", None),
            ({**request, **expiring}, "ValidationException", must_be_set),
            (without_model, "ValidationException", must_be_set),
            ({**request, **expiring, "ValidTo": now - MINUTE}, "ValidationException", None),
            ({**request, **expiring, "ValidTo": now + timedelta(days=366)}, "ValidationException", None),
            ({**request, "KeyMaterialId": "ab" * 32}, "IncorrectKeyMaterialException", None),
        ):
            with refused(code, message):
                await house.kms("ImportKeyMaterial", **changed)
        house.clock.advance(timedelta(days=1))
        with refused("ExpiredImportTokenException"):
            await house.kms("ImportKeyMaterial", **request)
        made_here = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
        for operation, params in (
            ("GetParametersForImport", asked),
            ("ImportKeyMaterial", {**request, "KeyId": made_here}),
            ("DeleteImportedKeyMaterial", {}),
        ):
            with refused(
                "UnsupportedOperationException",
                f"{arn_of(made_here)} origin is AWS_KMS which is not valid for this operation.",
            ):
                await house.kms(operation, **{"KeyId": made_here, **params})
        for operation in ("EnableKeyRotation", "DisableKeyRotation"):
            with refused(
                "UnsupportedOperationException",
                f"{arn_of(key_id)} origin is EXTERNAL which is not valid for this operation.",
            ):
                await house.kms(operation, KeyId=key_id)
        with refused("UnsupportedOperationException"):
            await house.kms("GetParametersForImport", KeyId=key_id, **asked | {"WrappingAlgorithm": "RSAES_PKCS1_V1_5"})
        pair = await new_key(house, KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
        with refused("ValidationException"):
            await house.kms("GetParametersForImport", KeyId=pair, **asked)

    in_house(body)


def test_imported_material_rotates_on_demand(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id, first, second = await new_key(house), os.urandom(32), os.urandom(32)
        first_id = (await import_material(house, key_id, first))["KeyMaterialId"]
        with refused("KMSInvalidStateException"):
            await house.kms("RotateKeyOnDemand", KeyId=key_id)
        old = (await house.kms("Encrypt", KeyId=key_id, Plaintext=b"old"))["CiphertextBlob"]
        told = {"ImportType": "NEW_KEY_MATERIAL", "KeyMaterialDescription": "the second one"}
        second_id = (await import_material(house, key_id, second, **told))["KeyMaterialId"]
        assert (await described(house, key_id))["CurrentKeyMaterialId"] == first_id
        with refused(
            "KMSInvalidStateException",
        ):
            await import_material(house, key_id, os.urandom(32), ImportType="NEW_KEY_MATERIAL")
        listed = await house.kms("ListKeyRotations", KeyId=key_id, IncludeKeyMaterial="ALL_KEY_MATERIAL")
        assert listed["Rotations"] == [
            {
                "KeyId": key_id,
                "KeyMaterialId": first_id,
                "KeyMaterialState": "CURRENT",
                "ImportState": "IMPORTED",
                "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
            },
            {
                "KeyId": key_id,
                "KeyMaterialId": second_id,
                "KeyMaterialDescription": "the second one",
                "KeyMaterialState": "PENDING_ROTATION",
                "ImportState": "IMPORTED",
                "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
            },
        ]
        assert await house.kms("RotateKeyOnDemand", KeyId=key_id) == {"KeyId": arn_of(key_id)}
        assert (await described(house, key_id))["CurrentKeyMaterialId"] == second_id
        new = (await house.kms("Encrypt", KeyId=key_id, Plaintext=b"new"))["CiphertextBlob"]
        assert (await house.kms("Decrypt", CiphertextBlob=new))["KeyMaterialId"] == second_id
        assert (await house.kms("Decrypt", CiphertextBlob=old))["Plaintext"] == b"old"
        (rotation,) = (await house.kms("ListKeyRotations", KeyId=key_id))["Rotations"]
        assert (rotation["KeyMaterialId"], rotation["RotationType"]) == (second_id, "ON_DEMAND")
        # One that is missing makes the whole key wait: nobody can tell which of them a ciphertext needs.
        await house.kms("DeleteImportedKeyMaterial", KeyId=key_id, KeyMaterialId=first_id)
        with refused("KMSInvalidStateException", f"{arn_of(key_id)} is pending import."):
            await house.kms("Decrypt", CiphertextBlob=new)
        await import_material(house, key_id, first, KeyMaterialId=first_id)
        assert (await house.kms("Decrypt", CiphertextBlob=old))["Plaintext"] == b"old"

    in_house(body)


def test_material_that_waits_can_be_taken_back(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house)
        await import_material(house, key_id, os.urandom(32))
        waiting = await import_material(house, key_id, os.urandom(32), ImportType="NEW_KEY_MATERIAL")
        named = {"KeyId": key_id, "KeyMaterialId": waiting["KeyMaterialId"]}
        assert await house.kms("DeleteImportedKeyMaterial", **named) == waiting
        assert (await described(house, key_id))["KeyState"] == "Enabled"
        with refused("KMSInvalidStateException"):
            await house.kms("RotateKeyOnDemand", KeyId=key_id)
        with refused("NotFoundException"):
            await house.kms("DeleteImportedKeyMaterial", **named)

    in_house(body)


def test_a_rescued_key_waits_for_the_material_that_expired_meanwhile(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house)
        await import_material(house, key_id, os.urandom(32), valid_to=house.clock.now_datetime() + timedelta(days=1))
        await house.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7)
        house.clock.advance(timedelta(days=2))
        await house.run_periodic_work()
        assert (await described(house, key_id))["KeyState"] == "PendingDeletion"
        await house.kms("CancelKeyDeletion", KeyId=key_id)
        assert (await described(house, key_id))["KeyState"] == "PendingImport"

    in_house(body)
