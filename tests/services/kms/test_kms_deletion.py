"""Scheduled deletion: the wait, the rescue, and the end of the key and of everything that it encrypted."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse, opened_house
from tests.services.refusals import refused

from strongroom.base.clock import as_datetime
from strongroom.operations.trail import as_cloudtrail

TABLES = ("kms_keys", "kms_key_materials", "kms_aliases")


async def rows(house: OpenedHouse) -> dict[str, int]:
    def count(connection: Any) -> dict[str, int]:
        return {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in TABLES}

    return await house.house.store.read(count)


async def new_key(house: OpenedHouse) -> str:
    key_id: str = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
    return key_id


def test_the_answer_and_the_wait(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house)
        before = house.clock.now()
        answer = await house.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7)
        arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{key_id}"
        deletion_date = answer.pop("DeletionDate")
        assert answer == {"KeyId": arn, "KeyState": "PendingDeletion", "PendingWindowInDays": 7}
        assert timedelta(0) <= deletion_date - as_datetime(before) - timedelta(days=7) < timedelta(minutes=1)
        metadata = (await house.kms("DescribeKey", KeyId=key_id))["KeyMetadata"]
        assert (metadata["KeyState"], metadata["Enabled"]) == ("PendingDeletion", False)
        assert metadata["DeletionDate"] == deletion_date
        other = await new_key(house)
        assert (await house.kms("ScheduleKeyDeletion", KeyId=other))["PendingWindowInDays"] == 30

    in_house(body)


@pytest.mark.parametrize("days", [0, 1, 6, 31, 366])
def test_a_wait_has_7_to_30_days(tmp_path: Path, days: int) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as house:
            key_id = await new_key(house)
            with refused("ValidationException"):
                await house.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=days)
            assert (await house.kms("DescribeKey", KeyId=key_id))["KeyMetadata"]["KeyState"] == "Enabled"

    asyncio.run(main())


def test_a_deletion_really_happens(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id, kept = await new_key(house), await new_key(house)
        await house.kms("CreateAlias", AliasName="alias/doomed", TargetKeyId=key_id)
        await house.kms("RotateKeyOnDemand", KeyId=key_id)
        blob = (await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x"))["CiphertextBlob"]
        await house.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7)
        house.clock.advance(timedelta(days=7) - timedelta(minutes=1))
        await house.run_periodic_work()
        assert await rows(house) == {"kms_keys": 2, "kms_key_materials": 3, "kms_aliases": 1}
        house.clock.advance(timedelta(minutes=2))
        await house.run_periodic_work()
        assert await rows(house) == {"kms_keys": 1, "kms_key_materials": 1, "kms_aliases": 0}
        arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{key_id}"
        for operation in ("DescribeKey", "CancelKeyDeletion", "EnableKey"):
            with refused("NotFoundException", f"Key '{arn}' does not exist"):
                await house.kms(operation, KeyId=key_id)
        with refused("NotFoundException"):
            await house.kms("Encrypt", KeyId="alias/doomed", Plaintext=b"x")
        with refused("AccessDeniedException"):
            await house.kms("Decrypt", CiphertextBlob=blob)
        await house.kms("CreateAlias", AliasName="alias/doomed", TargetKeyId=kept)
        assert [each["KeyId"] for each in (await house.kms("ListKeys"))["Keys"]] == [kept]

    in_house(body)


def test_a_key_is_gone_when_its_time_has_come_erased_or_not(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house)
        await house.kms("CreateAlias", AliasName="alias/doomed", TargetKeyId=key_id)
        blob = (await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x"))["CiphertextBlob"]
        await house.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7)
        house.clock.advance(timedelta(days=7, seconds=1))
        for operation in ("DescribeKey", "CancelKeyDeletion"):
            with refused("NotFoundException"):
                await house.kms(operation, KeyId=key_id)
        with refused("NotFoundException"):
            await house.kms("DescribeKey", KeyId="alias/doomed")
        with refused("AccessDeniedException"):
            await house.kms("Decrypt", CiphertextBlob=blob)

    in_house(body)


def test_a_rescued_key_opens_everything_again(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house)
        await house.kms("CreateAlias", AliasName="alias/rescued", TargetKeyId=key_id)
        blob = (await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x"))["CiphertextBlob"]
        await house.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7)
        house.clock.advance(timedelta(days=6))
        answer = await house.kms("CancelKeyDeletion", KeyId=key_id)
        assert answer == {"KeyId": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{key_id}"}
        metadata = (await house.kms("DescribeKey", KeyId="alias/rescued"))["KeyMetadata"]
        assert metadata["KeyState"] == "Disabled"
        assert "DeletionDate" not in metadata
        house.clock.advance(timedelta(days=60))
        await house.run_periodic_work()
        with refused("DisabledException"):
            await house.kms("Decrypt", CiphertextBlob=blob)
        await house.kms("EnableKey", KeyId=key_id)
        assert (await house.kms("Decrypt", CiphertextBlob=blob))["Plaintext"] == b"x"

    in_house(body)


def test_a_deletion_is_recorded_as_nobody_s_call(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house)
        await house.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7)
        house.clock.advance(timedelta(days=8))
        for _ in range(2):
            await house.run_periodic_work()
        now = house.clock.now()
        (record,) = await house.house.audit.records(now - 60, now + 1)
        event = as_cloudtrail(record)
        arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{key_id}"
        del event["eventID"], event["eventTime"], event["eventVersion"]
        assert event == {
            "userIdentity": {"accountId": ACCOUNT, "invokedBy": "AWS Internal"},
            "eventSource": "kms.amazonaws.com",
            "eventName": "DeleteKey",
            "awsRegion": "us-east-1",
            "sourceIPAddress": "AWS Internal",
            "userAgent": "AWS Internal",
            "requestParameters": None,
            "responseElements": None,
            "readOnly": False,
            "resources": [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": arn}],
            "eventType": "AwsServiceEvent",
            "managementEvent": True,
            "recipientAccountId": ACCOUNT,
            "eventCategory": "Management",
        }

    in_house(body)


def test_a_wait_goes_on_through_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as house:
            key_id = await new_key(house)
            await house.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7)
        async with opened_house(tmp_path) as house:
            assert (await house.kms("DescribeKey", KeyId=key_id))["KeyMetadata"]["KeyState"] == "PendingDeletion"
            house.clock.advance(timedelta(days=8))
            await house.run_periodic_work()
            assert (await rows(house))["kms_key_materials"] == 0

    asyncio.run(main())
