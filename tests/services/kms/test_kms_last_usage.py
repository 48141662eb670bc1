"""GetKeyLastUsage: the last successful cryptographic operation, which outlives the server that saw it."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from tests.opened_house import InHouse, OpenedHouse, opened_house

from strongroom.base.errors import AwsError
from strongroom.operations.trail import as_cloudtrail


def test_a_key_that_was_never_used_says_so(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        metadata = (await house.kms("CreateKey"))["KeyMetadata"]
        usage = await house.kms("GetKeyLastUsage", KeyId=metadata["KeyId"])
        assert usage == {
            "KeyId": metadata["KeyId"],
            "KeyLastUsage": {},
            "TrackingStartDate": metadata["CreationDate"],
            "KeyCreationDate": metadata["CreationDate"],
        }

    in_house(body)


def test_the_last_success_is_told_with_its_event(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
        blob = (await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x"))["CiphertextBlob"]
        house.clock.advance(timedelta(hours=1))
        await house.kms("Decrypt", CiphertextBlob=blob)
        with pytest.raises(AwsError, match="InvalidCiphertextException"):
            await house.kms("Decrypt", CiphertextBlob=blob, EncryptionContext={"not": "it"})
        with pytest.raises(AwsError, match="DryRunOperationException"):
            await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x", DryRun=True)
        usage = (await house.kms("GetKeyLastUsage", KeyId=key_id))["KeyLastUsage"]
        assert usage["Operation"] == "Decrypt"
        (record,) = await house.house.audit.find(usage["KmsRequestId"])
        event = as_cloudtrail(record)
        assert event["eventName"] == "Decrypt"
        assert event["eventID"] == usage["CloudTrailEventId"]
        assert int(usage["Timestamp"].timestamp() * 1000) == record.at

    in_house(body)


def test_re_encrypt_uses_both_keys(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        source, destination = [(await house.kms("CreateKey"))["KeyMetadata"]["KeyId"] for _ in range(2)]
        blob = (await house.kms("Encrypt", KeyId=source, Plaintext=b"x"))["CiphertextBlob"]
        await house.kms("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=destination)
        for key_id in (source, destination):
            assert (await house.kms("GetKeyLastUsage", KeyId=key_id))["KeyLastUsage"]["Operation"] == "ReEncrypt"

    in_house(body)


def test_it_survives_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as house:
            key_id = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
            await house.kms("GenerateDataKey", KeyId=key_id, KeySpec="AES_256")
        async with opened_house(tmp_path) as house:
            usage = (await house.kms("GetKeyLastUsage", KeyId=key_id))["KeyLastUsage"]
            assert usage["Operation"] == "GenerateDataKey"

    asyncio.run(main())


def test_a_use_by_another_server_counts(tmp_path: Path, postgresql_url: str) -> None:
    async def main() -> None:
        async with opened_house(tmp_path, postgresql_url) as one, opened_house(tmp_path, postgresql_url) as other:
            key_id = (await one.kms("CreateKey"))["KeyMetadata"]["KeyId"]
            blob = (await one.kms("Encrypt", KeyId=key_id, Plaintext=b"x"))["CiphertextBlob"]
            await one.house.audit.flush()
            other.clock.advance(timedelta(minutes=1))
            await other.kms("Decrypt", CiphertextBlob=blob)
            await other.house.audit.flush()
            assert (await one.kms("GetKeyLastUsage", KeyId=key_id))["KeyLastUsage"]["Operation"] == "Decrypt"

    asyncio.run(main())
