"""Imported material past its time: the same to everybody from that moment on, whether it has been erased yet or not."""

import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.kms.importing import import_material
from tests.services.refusals import refused

HERE, THERE = "us-east-1", "eu-west-1"
DAY = timedelta(days=1)
Wait = Callable[[OpenedHouse], Awaitable[None]]


async def two_days(house: OpenedHouse) -> None:
    house.clock.advance(2 * DAY)


async def two_days_with_the_periodic_work(house: OpenedHouse) -> None:
    house.clock.advance(2 * DAY)
    await house.run_periodic_work()


BOTH = pytest.mark.parametrize("wait", [two_days, two_days_with_the_periodic_work], ids=["expired", "erased"])


def arn_of(key_id: str, region: str = HERE) -> str:
    return f"arn:aws:kms:{region}:{ACCOUNT}:key/{key_id}"


async def new_key(house: OpenedHouse, **asked: Any) -> str:
    key_id: str = (await house.kms("CreateKey", Origin="EXTERNAL", **asked))["KeyMetadata"]["KeyId"]
    return key_id


async def import_for_a_day(house: OpenedHouse, key_id: str, material: bytes, **more: Any) -> str:
    valid_to = house.clock.now_datetime() + DAY
    answer = await import_material(house, key_id, material, valid_to=valid_to, **more)
    key_material_id: str = answer["KeyMaterialId"]
    return key_material_id


async def state_of(house: OpenedHouse, key_id: str, region: str = HERE) -> str:
    described = await house.call("kms", "DescribeKey", region=region, KeyId=key_id)
    state: str = described["KeyMetadata"]["KeyState"]
    return state


@BOTH
def test_a_disabled_key_waits_too_and_is_enabled_by_the_import(in_house: InHouse[None], wait: Wait) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id, material = await new_key(house), os.urandom(32)
        await import_for_a_day(house, key_id, material)
        await house.kms("DisableKey", KeyId=key_id)
        await wait(house)
        assert await state_of(house, key_id) == "PendingImport"
        await import_material(house, key_id, material)
        assert await state_of(house, key_id) == "Enabled"

    in_house(body)


def test_a_disabled_key_stays_disabled_when_its_material_is_imported_again_in_time(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id, material = await new_key(house), os.urandom(32)
        await import_for_a_day(house, key_id, material)
        await house.kms("DisableKey", KeyId=key_id)
        await import_for_a_day(house, key_id, material)
        assert await state_of(house, key_id) == "Disabled"

    in_house(body)


@BOTH
def test_expired_material_is_never_rotated_to(in_house: InHouse[None], wait: Wait) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house)
        first = (await import_material(house, key_id, os.urandom(32)))["KeyMaterialId"]
        expired = await import_for_a_day(house, key_id, os.urandom(32), ImportType="NEW_KEY_MATERIAL")
        await wait(house)
        with refused("KMSInvalidStateException"):
            await house.kms("RotateKeyOnDemand", KeyId=key_id)
        metadata = (await house.kms("DescribeKey", KeyId=key_id))["KeyMetadata"]
        assert (metadata["KeyState"], metadata["CurrentKeyMaterialId"]) == ("Enabled", first)
        # Its place is free for another one.
        told = {"ImportType": "NEW_KEY_MATERIAL"}
        waiting = (await import_material(house, key_id, os.urandom(32), **told))["KeyMaterialId"]
        listed = await house.kms("ListKeyRotations", KeyId=key_id, IncludeKeyMaterial="ALL_KEY_MATERIAL")
        assert [entry["KeyMaterialId"] for entry in listed["Rotations"]] == [first, waiting]
        assert expired != waiting
        await house.kms("RotateKeyOnDemand", KeyId=key_id)
        assert (await house.kms("DescribeKey", KeyId=key_id))["KeyMetadata"]["CurrentKeyMaterialId"] == waiting

    in_house(body)


@BOTH
def test_a_replica_without_material_does_not_become_the_primary(in_house: InHouse[None], wait: Wait) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id, material = await new_key(house, MultiRegion=True), os.urandom(32)
        await import_material(house, key_id, material)
        await house.kms("ReplicateKey", KeyId=key_id, ReplicaRegion=THERE)
        await import_for_a_day(house, key_id, material, region=THERE)
        await wait(house)
        with refused("KMSInvalidStateException", f"{arn_of(key_id, THERE)} is pending import."):
            await house.kms("UpdatePrimaryRegion", KeyId=key_id, PrimaryRegion=THERE)
        assert await state_of(house, key_id) == "Enabled"
        await import_material(house, key_id, material, region=THERE)
        await house.kms("UpdatePrimaryRegion", KeyId=key_id, PrimaryRegion=THERE)

    in_house(body)


@BOTH
def test_a_rescued_key_waits_for_its_material(in_house: InHouse[None], wait: Wait) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id, material = await new_key(house), os.urandom(32)
        await import_for_a_day(house, key_id, material)
        await house.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7)
        await wait(house)
        assert await state_of(house, key_id) == "PendingDeletion"
        await house.kms("CancelKeyDeletion", KeyId=key_id)
        assert await state_of(house, key_id) == "PendingImport"
        await import_material(house, key_id, material)
        assert await state_of(house, key_id) == "Enabled"

    in_house(body)


def test_material_of_a_key_that_waits_for_its_deletion_can_be_deleted(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house)
        imported = await import_material(house, key_id, os.urandom(32))
        await house.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7)
        assert await house.kms("DeleteImportedKeyMaterial", KeyId=key_id) == imported
        assert await state_of(house, key_id) == "PendingDeletion"
        await house.kms("CancelKeyDeletion", KeyId=key_id)
        assert await state_of(house, key_id) == "PendingImport"

    in_house(body)
