"""Multi-Region keys: one key material in several Regions, each with a key of its own around it."""

import os
from datetime import timedelta
from typing import Any

from tests.identities_made import Identities, allow
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.kms.importing import import_material
from tests.services.refusals import refused

HERE, THERE, ELSEWHERE = "us-east-1", "eu-west-1", "ap-southeast-1"


def arn_of(key_id: str, region: str = HERE) -> str:
    return f"arn:aws:kms:{region}:{ACCOUNT}:key/{key_id}"


async def new_key(house: OpenedHouse, **asked: Any) -> str:
    metadata = (await house.kms("CreateKey", MultiRegion=True, **asked))["KeyMetadata"]
    key_id: str = metadata["KeyId"]
    assert key_id.startswith("mrk-")
    assert metadata["MultiRegion"] is True
    assert metadata["MultiRegionConfiguration"] == {
        "MultiRegionKeyType": "PRIMARY",
        "PrimaryKey": {"Arn": arn_of(key_id), "Region": HERE},
        "ReplicaKeys": [],
    }
    return key_id


async def there(house: OpenedHouse, operation: str, region: str = THERE, **params: Any) -> dict[str, Any]:
    return await house.call("kms", operation, region=region, **params)


async def described(house: OpenedHouse, key_id: str, region: str = HERE) -> dict[str, Any]:
    metadata: dict[str, Any] = (await there(house, "DescribeKey", region, KeyId=key_id))["KeyMetadata"]
    return metadata


def test_a_regions_keys_are_its_own(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
        blob = (await house.kms("Encrypt", KeyId=key_id, Plaintext=b"secret"))["CiphertextBlob"]
        with refused("NotFoundException", f"Key '{arn_of(key_id, THERE)}' does not exist"):
            await there(house, "DescribeKey", KeyId=key_id)
        with refused("AccessDeniedException"):
            await there(house, "Decrypt", CiphertextBlob=blob)
        assert (await there(house, "ListKeys"))["Keys"] == []
        with refused("UnsupportedOperationException", f"{arn_of(key_id)} is not a multi-region primary key."):
            await house.kms("ReplicateKey", KeyId=key_id, ReplicaRegion=THERE)

    in_house(body)


def test_a_ciphertext_of_one_region_opens_in_another(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house, Description="primary", Tags=[{"TagKey": "a", "TagValue": "b"}])
        context = {"purpose": "test"}
        sealed = await house.kms("Encrypt", KeyId=key_id, Plaintext=b"secret", EncryptionContext=context)
        blob = sealed["CiphertextBlob"]
        with refused("AccessDeniedException"):
            await there(house, "Decrypt", CiphertextBlob=blob, EncryptionContext=context)
        answer = await house.kms("ReplicateKey", KeyId=key_id, ReplicaRegion=THERE)
        replica = answer["ReplicaKeyMetadata"]
        assert (replica["KeyId"], replica["Arn"], replica["Description"]) == (key_id, arn_of(key_id, THERE), "")
        assert "ReplicaTags" not in answer
        assert "Enable IAM User Permissions" in answer["ReplicaPolicy"]
        configuration = {
            "PrimaryKey": {"Arn": arn_of(key_id), "Region": HERE},
            "ReplicaKeys": [{"Arn": arn_of(key_id, THERE), "Region": THERE}],
        }
        assert (await described(house, key_id))["MultiRegionConfiguration"] == {
            "MultiRegionKeyType": "PRIMARY",
            **configuration,
        }
        assert (await described(house, key_id, THERE))["MultiRegionConfiguration"] == {
            "MultiRegionKeyType": "REPLICA",
            **configuration,
        }
        for named in ({}, {"KeyId": key_id}):
            opened = await there(house, "Decrypt", CiphertextBlob=blob, EncryptionContext=context, **named)
            assert (opened["Plaintext"], opened["KeyId"]) == (b"secret", arn_of(key_id, THERE))
        back = await there(house, "Encrypt", KeyId=key_id, Plaintext=b"back")
        assert (await house.kms("Decrypt", CiphertextBlob=back["CiphertextBlob"]))["Plaintext"] == b"back"
        # What hangs on it is each one's own.
        await house.kms("DisableKey", KeyId=key_id)
        assert (await there(house, "Decrypt", CiphertextBlob=blob, EncryptionContext=context))["Plaintext"] == b"secret"
        with refused("DisabledException"):
            await house.kms("ReplicateKey", KeyId=key_id, ReplicaRegion=ELSEWHERE)

    in_house(body)


def test_what_cannot_be_replicated(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house)
        await house.kms("ReplicateKey", KeyId=key_id, ReplicaRegion=THERE)
        for region in (THERE, HERE):
            with refused("AlreadyExistsException"):
                await house.kms("ReplicateKey", KeyId=key_id, ReplicaRegion=region)
        with refused("UnsupportedOperationException", f"{arn_of(key_id, THERE)} is not a multi-region primary key."):
            await there(house, "ReplicateKey", KeyId=key_id, ReplicaRegion=ELSEWHERE)
        with refused("UnsupportedOperationException"):
            await house.kms("ReplicateKey", KeyId=key_id, ReplicaRegion="cn-north-1")
        with refused("MalformedPolicyDocumentException"):
            await house.kms("ReplicateKey", KeyId=key_id, ReplicaRegion=ELSEWHERE, Policy="{}")
        with refused("UnsupportedOperationException"):
            await there(house, "RotateKeyOnDemand", KeyId=key_id)
        with refused("UnsupportedOperationException"):
            await there(house, "EnableKeyRotation", KeyId=key_id)

    in_house(body)


def test_who_may_replicate(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        key_id = await new_key(house)
        asked = {"KeyId": key_id, "ReplicaRegion": THERE}
        only_there = {"Condition": {"StringEquals": {"kms:ReplicaRegion": THERE}}}
        made_there = {"Condition": {"StringEquals": {"aws:RequestedRegion": THERE}}}
        lacking = await made.caller(await made.user("lacking", allow("kms:ReplicateKey")))
        elsewhere = await made.caller(
            await made.user("elsewhere", allow("kms:ReplicateKey", **only_there), allow("kms:CreateKey"))
        )
        right = await made.caller(
            await made.user("right", allow("kms:ReplicateKey", **only_there), allow("kms:CreateKey", **made_there))
        )
        with refused("AccessDeniedException"):
            await house.call("kms", "ReplicateKey", caller=lacking, **asked)
        with refused("AccessDeniedException"):
            await house.call("kms", "ReplicateKey", caller=elsewhere, **asked | {"ReplicaRegion": ELSEWHERE})
        with refused("AccessDeniedException"):
            tags = [{"TagKey": "a", "TagValue": "b"}]
            await house.call("kms", "ReplicateKey", caller=right, Tags=tags, **asked)
        await house.call("kms", "ReplicateKey", caller=right, **asked)

    in_house(body)


def test_rotation_reaches_every_region(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house)
        await house.kms("ReplicateKey", KeyId=key_id, ReplicaRegion=THERE)
        await house.kms("EnableKeyRotation", KeyId=key_id, RotationPeriodInDays=90)
        assert (await there(house, "GetKeyRotationStatus", KeyId=key_id))["KeyRotationEnabled"] is True
        old = (await there(house, "Encrypt", KeyId=key_id, Plaintext=b"old"))["CiphertextBlob"]
        for _ in range(2):
            house.clock.advance(timedelta(days=91))
            await house.run_periodic_work()
        await house.kms("RotateKeyOnDemand", KeyId=key_id)
        current = (await described(house, key_id))["CurrentKeyMaterialId"]
        assert (await described(house, key_id, THERE))["CurrentKeyMaterialId"] == current
        assert len((await house.kms("ListKeyRotations", KeyId=key_id))["Rotations"]) == 3
        assert len((await there(house, "ListKeyRotations", KeyId=key_id))["Rotations"]) == 3
        new = (await house.kms("Encrypt", KeyId=key_id, Plaintext=b"new"))["CiphertextBlob"]
        assert (await there(house, "Decrypt", CiphertextBlob=new))["KeyMaterialId"] == current
        assert (await house.kms("Decrypt", CiphertextBlob=old))["Plaintext"] == b"old"
        # A later replica gets every material there ever was.
        await house.kms("ReplicateKey", KeyId=key_id, ReplicaRegion=ELSEWHERE)
        assert (await there(house, "Decrypt", ELSEWHERE, CiphertextBlob=old))["Plaintext"] == b"old"

    in_house(body)


def test_the_primary_moves(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house)
        await house.kms("ReplicateKey", KeyId=key_id, ReplicaRegion=THERE)
        with refused("NotFoundException", f"Key '{arn_of(key_id, ELSEWHERE)}' does not exist"):
            await house.kms("UpdatePrimaryRegion", KeyId=key_id, PrimaryRegion=ELSEWHERE)
        with refused("UnsupportedOperationException"):
            await there(house, "UpdatePrimaryRegion", KeyId=key_id, PrimaryRegion=HERE)
        await there(house, "DisableKey", KeyId=key_id)
        with refused("DisabledException", f"{arn_of(key_id, THERE)} is disabled."):
            await house.kms("UpdatePrimaryRegion", KeyId=key_id, PrimaryRegion=THERE)
        await there(house, "EnableKey", KeyId=key_id)
        assert await house.kms("UpdatePrimaryRegion", KeyId=key_id, PrimaryRegion=THERE) == {}
        configuration = (await described(house, key_id))["MultiRegionConfiguration"]
        assert configuration["MultiRegionKeyType"] == "REPLICA"
        assert configuration["PrimaryKey"]["Region"] == THERE
        await there(house, "RotateKeyOnDemand", KeyId=key_id)
        with refused("UnsupportedOperationException"):
            await house.kms("RotateKeyOnDemand", KeyId=key_id)

    in_house(body)


def test_a_primary_goes_after_its_last_replica(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house)
        await house.kms("ReplicateKey", KeyId=key_id, ReplicaRegion=THERE)
        doomed = await house.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=8)
        assert doomed == {"KeyId": arn_of(key_id), "KeyState": "PendingReplicaDeletion", "PendingWindowInDays": 8}
        assert (await described(house, key_id))["PendingDeletionWindowInDays"] == 8
        with refused("KMSInvalidStateException", f"{arn_of(key_id)} is pending replica deletion."):
            await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x")
        house.clock.advance(timedelta(days=30))
        await house.run_periodic_work()
        assert (await described(house, key_id))["KeyState"] == "PendingReplicaDeletion"
        await there(house, "ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7)
        house.clock.advance(timedelta(days=7, minutes=1))
        await house.run_periodic_work()
        with refused("NotFoundException"):
            await there(house, "DescribeKey", KeyId=key_id)
        metadata = await described(house, key_id)
        assert metadata["KeyState"] == "PendingDeletion"
        assert metadata["DeletionDate"] - house.clock.now_datetime() > timedelta(days=7, hours=23)
        house.clock.advance(timedelta(days=8, minutes=1))
        await house.run_periodic_work()
        with refused("NotFoundException"):
            await house.kms("DescribeKey", KeyId=key_id)

    in_house(body)


def test_a_doomed_primary_can_be_saved(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house)
        await house.kms("ReplicateKey", KeyId=key_id, ReplicaRegion=THERE)
        await house.kms("ScheduleKeyDeletion", KeyId=key_id)
        assert await house.kms("CancelKeyDeletion", KeyId=key_id) == {"KeyId": arn_of(key_id)}
        assert (await described(house, key_id))["KeyState"] == "Disabled"

    in_house(body)


def test_imported_material_is_imported_in_every_region(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id, material, second = await new_key(house, Origin="EXTERNAL"), os.urandom(32), os.urandom(32)
        with refused("KMSInvalidStateException"):
            await house.kms("ReplicateKey", KeyId=key_id, ReplicaRegion=THERE)
        first_id = (await import_material(house, key_id, material))["KeyMaterialId"]
        blob = (await house.kms("Encrypt", KeyId=key_id, Plaintext=b"secret"))["CiphertextBlob"]
        answer = await house.kms("ReplicateKey", KeyId=key_id, ReplicaRegion=THERE)
        assert answer["ReplicaKeyMetadata"]["KeyState"] == "PendingImport"
        with refused("KMSInvalidStateException", f"{arn_of(key_id, THERE)} is pending import."):
            await there(house, "Decrypt", CiphertextBlob=blob)
        with refused("IncorrectKeyMaterialException"):
            await import_material(house, key_id, os.urandom(32), region=THERE)
        assert (await import_material(house, key_id, material, region=THERE))["KeyMaterialId"] == first_id
        assert (await there(house, "Decrypt", CiphertextBlob=blob))["Plaintext"] == b"secret"
        # The next material goes to the primary, then to every replica, and only then the keys rotate.
        second_id = (await import_material(house, key_id, second, ImportType="NEW_KEY_MATERIAL"))["KeyMaterialId"]

        async def state() -> str:
            listed = await house.kms("ListKeyRotations", KeyId=key_id, IncludeKeyMaterial="ALL_KEY_MATERIAL")
            found: str = listed["Rotations"][-1]["KeyMaterialState"]
            return found

        assert await state() == "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"
        with refused("KMSInvalidStateException"):
            await house.kms("RotateKeyOnDemand", KeyId=key_id)
        assert (await import_material(house, key_id, second, region=THERE))["KeyMaterialId"] == second_id
        assert await state() == "PENDING_ROTATION"
        await house.kms("RotateKeyOnDemand", KeyId=key_id)
        assert (await described(house, key_id, THERE))["CurrentKeyMaterialId"] == second_id
        assert (await there(house, "Decrypt", CiphertextBlob=blob))["Plaintext"] == b"secret"

    in_house(body)


def test_key_pairs_in_two_regions(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        await house.kms("ReplicateKey", KeyId=key_id, ReplicaRegion=THERE)
        given = {"KeyId": key_id, "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
        signature = (await house.kms("Sign", **given))["Signature"]
        assert (await there(house, "Verify", Signature=signature, **given))["SignatureValid"]
        public_keys = {(await there(house, "GetPublicKey", each, KeyId=key_id))["PublicKey"] for each in (HERE, THERE)}
        assert len(public_keys) == 1

    in_house(body)
