"""Changes at the same time: none is lost, and what has been answered holds from then on."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse, opened_house
from tests.services.refusals import refused

from strongroom.base.errors import AwsError


async def new_key(house: OpenedHouse) -> str:
    key_id: str = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
    return key_id


def test_no_tag_is_lost(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house)
        names = [f"tag{number:02}" for number in range(20)]
        await asyncio.gather(
            *(house.kms("TagResource", KeyId=key_id, Tags=[{"TagKey": name, "TagValue": "x"}]) for name in names),
            *(house.kms("UpdateKeyDescription", KeyId=key_id, Description=name) for name in names),
        )
        listed = (await house.kms("ListResourceTags", KeyId=key_id))["Tags"]
        assert [each["TagKey"] for each in listed] == names
        assert (await house.kms("DescribeKey", KeyId=key_id))["KeyMetadata"]["Description"] in names

    in_house(body)


def test_the_limit_on_tags_holds(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house)
        calls = [
            house.kms("TagResource", KeyId=key_id, Tags=[{"TagKey": f"t{number}", "TagValue": ""}])
            for number in range(60)
        ]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(each, dict) for each in outcomes) == 50
        assert len((await house.kms("ListResourceTags", KeyId=key_id))["Tags"]) == 50

    in_house(body)


def test_one_of_many_gets_the_name(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        keys = [await new_key(house) for _ in range(5)]
        calls = [house.kms("CreateAlias", AliasName="alias/wanted", TargetKeyId=key_id) for key_id in keys]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(each, dict) for each in outcomes) == 1
        assert all("AlreadyExistsException" in str(each) for each in outcomes if not isinstance(each, dict))
        owner = keys[[isinstance(each, dict) for each in outcomes].index(True)]
        assert (await house.kms("DescribeKey", KeyId="alias/wanted"))["KeyMetadata"]["KeyId"] == owner

    in_house(body)


def test_an_alias_that_moves_many_ways_at_once_ends_in_one_place(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        # Whoever has the alias must not encrypt: this shows what every key's cached snapshot takes its aliases to be.
        marked = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/busy"}}
        allow = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"}
        deny = allow | {"Effect": "Deny", "Action": "kms:Encrypt", "Condition": marked}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow, deny]})
        keys = [(await house.kms("CreateKey", Policy=policy))["KeyMetadata"]["KeyId"] for _ in range(4)]
        await house.kms("CreateAlias", AliasName="alias/busy", TargetKeyId=keys[0])

        async def move_and_use(key_id: str) -> Any:
            outcome = await asyncio.gather(
                house.kms("UpdateAlias", AliasName="alias/busy", TargetKeyId=key_id), return_exceptions=True
            )
            await asyncio.gather(house.kms("Encrypt", KeyId=key_id, Plaintext=b"x"), return_exceptions=True)
            return outcome[0]

        outcomes = await asyncio.gather(*(move_and_use(key_id) for key_id in keys * 3))
        assert any(isinstance(each, dict) for each in outcomes)
        # Who was authorised for the key that had the alias before changes nothing about the one that has it now.
        assert not all(isinstance(each, dict) for each in outcomes)
        for each in outcomes:
            assert isinstance(each, dict) or (each.code, each.status) == ("DependencyTimeoutException", 503)
        owner = (await house.kms("DescribeKey", KeyId="alias/busy"))["KeyMetadata"]["KeyId"]
        for key_id in keys:
            assert len((await house.kms("ListAliases", KeyId=key_id))["Aliases"]) == (key_id == owner)
            if key_id == owner:
                with refused("AccessDeniedException"):
                    await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x")
            else:
                await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x")

    in_house(body)


@pytest.mark.parametrize("switch_off", ["DisableKey", "ScheduleKeyDeletion", "PutKeyPolicy"])
def test_once_it_is_answered_a_key_is_off(in_house: InHouse[None], switch_off: str) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house)
        blob = (await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x"))["CiphertextBlob"]
        keep = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:PutKeyPolicy", "Resource": "*"}
        members = {"Policy": json.dumps({"Version": "2012-10-17", "Statement": [keep]})}
        is_off = False
        outcomes: list[tuple[bool, bool]] = []

        async def use() -> None:
            for _ in range(30):
                began_when_off = is_off
                try:
                    await house.kms("Decrypt", CiphertextBlob=blob)
                except AwsError:
                    outcomes.append((began_when_off, False))
                else:
                    outcomes.append((began_when_off, True))
                await asyncio.sleep(0)

        async def switch() -> None:
            nonlocal is_off
            await house.kms(switch_off, KeyId=key_id, **(members if switch_off == "PutKeyPolicy" else {}))
            is_off = True

        await asyncio.gather(use(), use(), use(), switch(), use())
        assert (True, True) not in outcomes
        assert (False, True) in outcomes
        with pytest.raises(AwsError):
            await house.kms("Decrypt", CiphertextBlob=blob)

    in_house(body)


def test_another_server_soon_knows(tmp_path: Path, postgresql_url: str) -> None:
    async def main() -> None:
        async with opened_house(tmp_path, postgresql_url) as one, opened_house(tmp_path, postgresql_url) as other:
            key_id = await new_key(one)
            blob = (await other.kms("Encrypt", KeyId=key_id, Plaintext=b"x"))["CiphertextBlob"]
            assert (await one.kms("Decrypt", CiphertextBlob=blob))["Plaintext"] == b"x"
            await one.kms("DisableKey", KeyId=key_id)
            async with asyncio.timeout(5):
                while True:
                    try:
                        await other.kms("Decrypt", CiphertextBlob=blob)
                    except AwsError as error:
                        assert error.code == "DisabledException"  # noqa: PT017
                        break
                    await asyncio.sleep(0.01)
            names = [f"tag{number}" for number in range(10)]
            await asyncio.gather(
                *(
                    (one, other)[number % 2].kms("TagResource", KeyId=key_id, Tags=[{"TagKey": name, "TagValue": ""}])
                    for number, name in enumerate(names)
                )
            )
            await asyncio.sleep(0.2)
            for house in (one, other):
                listed = (await house.kms("ListResourceTags", KeyId=key_id))["Tags"]
                assert {each["TagKey"] for each in listed} == set(names)

    asyncio.run(main())
