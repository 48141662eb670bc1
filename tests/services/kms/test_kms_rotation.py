"""Rotation, automatic and on demand, over the years."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse, opened_house
from tests.services.refusals import refused

from strongroom.base.clock import as_datetime
from strongroom.operations.trail import as_cloudtrail

MINUTE = timedelta(minutes=1)


def arn_of(key_id: str) -> str:
    return f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{key_id}"


async def new_key(house: OpenedHouse) -> str:
    key_id: str = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
    return key_id


async def next_rotation(house: OpenedHouse, key_id: str) -> datetime:
    moment: datetime = (await house.kms("GetKeyRotationStatus", KeyId=key_id))["NextRotationDate"]
    return moment


async def rotations(house: OpenedHouse, key_id: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = (await house.kms("ListKeyRotations", KeyId=key_id))["Rotations"]
    return listed


async def pass_to(house: OpenedHouse, moment: datetime) -> None:
    house.clock.advance(moment - house.clock.now_datetime())
    await house.run_periodic_work()


def is_about(one: datetime, other: datetime) -> bool:
    return abs(one - other) < MINUTE


def test_the_status(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house)
        off = {"KeyId": arn_of(key_id), "KeyRotationEnabled": False}
        assert await house.kms("GetKeyRotationStatus", KeyId=key_id) == off
        for members, days in (({}, 365), ({"RotationPeriodInDays": 90}, 90), ({"RotationPeriodInDays": 2560}, 2560)):
            await house.kms("EnableKeyRotation", KeyId=key_id, **members)
            status = await house.kms("GetKeyRotationStatus", KeyId=key_id)
            assert is_about(status.pop("NextRotationDate"), house.clock.now_datetime() + timedelta(days=days))
            assert status == {"KeyId": arn_of(key_id), "KeyRotationEnabled": True, "RotationPeriodInDays": days}
        await house.kms("DisableKeyRotation", KeyId=key_id)
        assert await house.kms("GetKeyRotationStatus", KeyId=key_id) == off
        for days in (89, 2561):
            with refused("ValidationException"):
                await house.kms("EnableKeyRotation", KeyId=key_id, RotationPeriodInDays=days)

    in_house(body)


def test_four_years_of_rotations_and_every_ciphertext_opens(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house)
        await house.kms("EnableKeyRotation", KeyId=key_id)
        first = await next_rotation(house, key_id)
        blobs, materials = [], []
        for year in range(4):
            answer = await house.kms("GenerateDataKey", KeyId=key_id, KeySpec="AES_256", EncryptionContext={"y": "x"})
            blobs.append((answer["CiphertextBlob"], answer["Plaintext"]))
            materials.append(answer["KeyMaterialId"])
            await pass_to(house, first + timedelta(days=365 * year) + timedelta(seconds=5))
            # The seconds that the work came late do not add up.
            assert await next_rotation(house, key_id) == first + timedelta(days=365 * (year + 1))
        assert len(set(materials)) == 4
        for (blob, plaintext), material in zip(blobs, materials, strict=True):
            opened = await house.kms("Decrypt", CiphertextBlob=blob, EncryptionContext={"y": "x"})
            assert (opened["Plaintext"], opened["KeyMaterialId"]) == (plaintext, material)
        listed = await rotations(house, key_id)
        assert [each["RotationType"] for each in listed] == ["AUTOMATIC"] * 4
        assert [each["KeyMaterialState"] for each in listed] == ["NON_CURRENT"] * 3 + ["CURRENT"]
        assert [each["KeyMaterialId"] for each in listed[:3]] == materials[1:]
        current = (await house.kms("DescribeKey", KeyId=key_id))["KeyMetadata"]["CurrentKeyMaterialId"]
        assert listed[-1]["KeyMaterialId"] == current
        for year, each in enumerate(listed):
            assert is_about(each["RotationDate"], first + timedelta(days=365 * year))

    in_house(body)


def test_nothing_rotates_before_its_time_or_twice(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house)
        await house.kms("EnableKeyRotation", KeyId=key_id, RotationPeriodInDays=90)
        await pass_to(house, await next_rotation(house, key_id) - MINUTE)
        assert await rotations(house, key_id) == []
        house.clock.advance(2 * MINUTE)
        await asyncio.gather(*(house.run_periodic_work() for _ in range(4)))
        assert len(await rotations(house, key_id)) == 1

    in_house(body)


def test_missed_rotations_are_caught_up_on_once(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house)
        await house.kms("EnableKeyRotation", KeyId=key_id, RotationPeriodInDays=90)
        house.clock.advance(timedelta(days=1000))
        for _ in range(2):
            await house.run_periodic_work()
        assert len(await rotations(house, key_id)) == 1
        assert is_about(await next_rotation(house, key_id), house.clock.now_datetime() + timedelta(days=90))

    in_house(body)


def test_a_disabled_key_rotates_as_soon_as_it_is_enabled(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        late, early = await new_key(house), await new_key(house)
        for key_id in (late, early):
            await house.kms("EnableKeyRotation", KeyId=key_id)
            await house.kms("DisableKey", KeyId=key_id)
        planned = await next_rotation(house, early)
        house.clock.advance(timedelta(days=100))
        await house.kms("EnableKey", KeyId=early)
        assert await next_rotation(house, early) == planned
        await pass_to(house, planned + timedelta(days=30))
        assert (len(await rotations(house, early)), len(await rotations(house, late))) == (1, 0)
        assert (await house.kms("GetKeyRotationStatus", KeyId=late))["KeyRotationEnabled"] is True
        await house.kms("EnableKey", KeyId=late)
        await house.run_periodic_work()
        assert len(await rotations(house, late)) == 1
        assert is_about(await next_rotation(house, late), house.clock.now_datetime() + timedelta(days=365))

    in_house(body)


def test_a_doomed_key_does_not_rotate_and_a_rescued_one_does_again(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house)
        await house.kms("EnableKeyRotation", KeyId=key_id, RotationPeriodInDays=90)
        planned = await next_rotation(house, key_id)
        house.clock.advance(timedelta(days=85))
        await house.kms("ScheduleKeyDeletion", KeyId=key_id)
        off = {"KeyId": arn_of(key_id), "KeyRotationEnabled": False}
        assert await house.kms("GetKeyRotationStatus", KeyId=key_id) == off
        await pass_to(house, planned + MINUTE)
        assert await rotations(house, key_id) == []
        await house.kms("CancelKeyDeletion", KeyId=key_id)
        status = await house.kms("GetKeyRotationStatus", KeyId=key_id)
        assert (status["KeyRotationEnabled"], status["NextRotationDate"]) == (True, planned)
        await house.kms("EnableKey", KeyId=key_id)
        await house.run_periodic_work()
        assert len(await rotations(house, key_id)) == 1

    in_house(body)


def test_on_demand_rotations_leave_the_schedule_alone(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house)
        await house.kms("EnableKeyRotation", KeyId=key_id)
        planned = await next_rotation(house, key_id)
        blob = (await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x"))["CiphertextBlob"]
        before = (await house.kms("DescribeKey", KeyId=key_id))["KeyMetadata"]["CurrentKeyMaterialId"]
        assert await house.kms("RotateKeyOnDemand", KeyId=key_id) == {"KeyId": arn_of(key_id)}
        after = (await house.kms("DescribeKey", KeyId=key_id))["KeyMetadata"]["CurrentKeyMaterialId"]
        assert after != before
        assert await next_rotation(house, key_id) == planned
        assert (await house.kms("Decrypt", CiphertextBlob=blob))["KeyMaterialId"] == before
        (rotation,) = await rotations(house, key_id)
        assert is_about(rotation.pop("RotationDate"), house.clock.now_datetime())
        assert rotation == {
            "KeyId": key_id,
            "KeyMaterialId": after,
            "KeyMaterialState": "CURRENT",
            "RotationType": "ON_DEMAND",
        }
        everything = await house.kms("ListKeyRotations", KeyId=key_id, IncludeKeyMaterial="ALL_KEY_MATERIAL")
        assert everything["Rotations"][0] == {
            "KeyId": key_id,
            "KeyMaterialId": before,
            "KeyMaterialState": "NON_CURRENT",
        }
        assert len(everything["Rotations"]) == 2

    in_house(body)


def test_a_key_rotates_on_demand_25_times(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house)
        outcomes = await asyncio.gather(
            *(house.kms("RotateKeyOnDemand", KeyId=key_id) for _ in range(30)), return_exceptions=True
        )
        assert sum(isinstance(each, dict) for each in outcomes) == 25
        assert {str(each).split(":")[0] for each in outcomes if not isinstance(each, dict)} == {
            "LimitExceededException"
        }
        seen: list[dict[str, Any]] = []
        marker: dict[str, str] = {}
        while True:
            page = await house.kms("ListKeyRotations", KeyId=key_id, Limit=7, **marker)
            seen += page["Rotations"]
            if not page["Truncated"]:
                break
            marker = {"Marker": page["NextMarker"]}
        assert len({each["KeyMaterialId"] for each in seen}) == 25
        await house.kms("EnableKeyRotation", KeyId=key_id, RotationPeriodInDays=90)
        await pass_to(house, await next_rotation(house, key_id) + MINUTE)
        assert (await rotations(house, key_id))[-1]["RotationType"] == "AUTOMATIC"

    in_house(body)


def test_an_automatic_rotation_is_recorded_as_nobody_s_call(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house)
        await house.kms("EnableKeyRotation", KeyId=key_id)
        await pass_to(house, await next_rotation(house, key_id) + MINUTE)
        now = house.clock.now()
        (record,) = await house.house.audit.records(now - 60, now + 1)
        event = as_cloudtrail(record)
        assert (event["eventType"], event["eventName"]) == ("AwsServiceEvent", "RotateKey")
        assert event["serviceEventDetails"] == {"rotationType": "AUTOMATIC", "keyId": key_id}
        assert event["resources"][0]["ARN"].endswith(key_id)
        assert "requestID" not in event

    in_house(body)


@pytest.mark.parametrize("moved_to", [90, 180])
def test_another_period_counts_from_the_rotation_before(tmp_path: Path, moved_to: int) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as house:
            key_id = await new_key(house)
            await house.kms("EnableKeyRotation", KeyId=key_id)
            enabled_at = await next_rotation(house, key_id) - timedelta(days=365)
            house.clock.advance(timedelta(days=120))
            await house.kms("EnableKeyRotation", KeyId=key_id)
            assert is_about(await next_rotation(house, key_id), enabled_at + timedelta(days=365))
            await house.kms("EnableKeyRotation", KeyId=key_id, RotationPeriodInDays=moved_to)
            due = max(enabled_at + timedelta(days=moved_to), as_datetime(house.clock.now()))
            assert is_about(await next_rotation(house, key_id), due)

    asyncio.run(main())


def test_rotations_go_on_through_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as house:
            key_id = await new_key(house)
            await house.kms("EnableKeyRotation", KeyId=key_id, RotationPeriodInDays=90)
            blob = (await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x"))["CiphertextBlob"]
        async with opened_house(tmp_path) as house:
            await pass_to(house, await next_rotation(house, key_id) + MINUTE)
            later = (await house.kms("Encrypt", KeyId=key_id, Plaintext=b"y"))["CiphertextBlob"]
        async with opened_house(tmp_path) as house:
            assert (await house.kms("Decrypt", CiphertextBlob=blob))["Plaintext"] == b"x"
            assert (await house.kms("Decrypt", CiphertextBlob=later))["Plaintext"] == b"y"
            assert len(await rotations(house, key_id)) == 1

    asyncio.run(main())
