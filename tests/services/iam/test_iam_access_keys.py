"""Access keys, on both databases."""

import asyncio
from pathlib import Path

from tests.opened_house import ACCOUNT, InHouse, OpenedHouse, opened_house
from tests.services.iam.acting_user import acting_user, allow, policy
from tests.services.refusals import refused

from strongroom.base.errors import AwsError
from strongroom.identities.tables import select_access_keys_of

ANN = {"UserName": "ann"}


def test_an_access_key_is_switched_off_and_on_at_once(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await opened.call("iam", "CreateUser", **ANN)
        made = (await opened.call("iam", "CreateAccessKey", **ANN))["AccessKey"]
        key_id = made["AccessKeyId"]
        assert (made["Status"], made["UserName"], len(made["SecretAccessKey"])) == ("Active", "ann", 40)
        key = ANN | {"AccessKeyId": key_id}
        assert await opened.house.principals.find(key_id) is not None
        await opened.call("iam", "UpdateAccessKey", Status="Inactive", **key)
        assert await opened.house.principals.find(key_id) is None
        listed = (await opened.call("iam", "ListAccessKeys", **ANN))["AccessKeyMetadata"]
        assert [(each["AccessKeyId"], each["Status"]) for each in listed] == [(key_id, "Inactive")]
        assert "SecretAccessKey" not in listed[0]
        await opened.call("iam", "UpdateAccessKey", Status="Active", **key)
        credential = await opened.house.principals.find(key_id)
        assert credential is not None
        assert credential.secret_access_key == made["SecretAccessKey"]
        await opened.call("iam", "DeleteAccessKey", **key)
        assert await opened.house.principals.find(key_id) is None
        for operation, more in (("DeleteAccessKey", {}), ("UpdateAccessKey", {"Status": "Active"})):
            with refused("NoSuchEntity", f"The Access Key with id {key_id} cannot be found."):
                await opened.call("iam", operation, **key, **more)

    in_house(body)


def test_two_keys_a_user_also_in_a_race(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await opened.call("iam", "CreateUser", **ANN)
        answers = await asyncio.gather(
            *(opened.call("iam", "CreateAccessKey", **ANN) for _ in range(6)), return_exceptions=True
        )
        refusals = [str(answer) for answer in answers if isinstance(answer, BaseException)]
        assert refusals == ["LimitExceeded: Cannot exceed quota for AccessKeysPerUser: 2"] * 4
        assert len((await opened.call("iam", "ListAccessKeys", **ANN))["AccessKeyMetadata"]) == 2

    in_house(body)


def test_no_key_outlives_its_user(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        for round_number in range(5):
            name = {"UserName": f"u{round_number}"}
            user_id = (await opened.call("iam", "CreateUser", **name))["User"]["UserId"]
            answers = await asyncio.gather(
                opened.call("iam", "CreateAccessKey", **name),
                opened.call("iam", "DeleteUser", **name),
                return_exceptions=True,
            )
            keys = await opened.house.store.read(lambda connection: select_access_keys_of(connection, user_id))  # noqa: B023
            failed = [isinstance(answer, AwsError) for answer in answers]
            assert (failed, len(keys)) in (([True, False], 0), ([False, True], 1))

    in_house(body)


def test_a_key_is_named_together_with_whose_it_is(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = await acting_user(opened, "ann")
        await opened.call("iam", "CreateUser", UserName="bob")
        for params in ({"UserName": "bob"}, {}):
            with refused("NoSuchEntity", f"The Access Key with id {ann.access_key_id} cannot be found."):
                await opened.call("iam", "DeleteAccessKey", AccessKeyId=ann.access_key_id, **params)

    in_house(body)


def test_users_and_the_root_look_after_their_own_keys(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = await acting_user(opened, "ann")
        own = policy(allow("iam:*AccessKey*", resource="arn:aws:iam::*:user/${aws:username}"))
        await opened.call("iam", "PutUserPolicy", PolicyName="own", PolicyDocument=own, **ANN)
        second = (await ann.call("iam", "CreateAccessKey"))["AccessKey"]
        assert second["UserName"] == "ann"
        await ann.call("iam", "DeleteAccessKey", AccessKeyId=second["AccessKeyId"])
        with refused("AccessDenied"):
            await ann.call("iam", "ListAccessKeys", UserName="bob")
        root_key = (await opened.call("iam", "CreateAccessKey"))["AccessKey"]["AccessKeyId"]
        credential = await opened.house.principals.find(root_key)
        assert credential is not None
        assert credential.caller.arn == f"arn:aws:iam::{ACCOUNT}:root"
        with refused("LimitExceeded"):
            await opened.call("iam", "CreateAccessKey")
        await opened.call("iam", "DeleteAccessKey", AccessKeyId=root_key)

    in_house(body)


def test_when_a_key_was_last_used(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = await acting_user(opened, "ann")
        key = {"AccessKeyId": ann.access_key_id}
        usage = await opened.call("iam", "GetAccessKeyLastUsed", **key)
        assert usage == {"UserName": "ann", "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"}}
        await ann.call("sts", "GetCallerIdentity")
        usage = (await opened.call("iam", "GetAccessKeyLastUsed", **key))["AccessKeyLastUsed"]
        assert (usage["ServiceName"], usage["Region"]) == ("sts", "us-east-1")
        assert abs(usage["LastUsedDate"].timestamp() - opened.clock.now()) < 60
        with refused("NoSuchEntity", "The Access Key with id AKIAAAAAAAAAAAAAAAAA cannot be found."):
            await opened.call("iam", "GetAccessKeyLastUsed", AccessKeyId="AKIAAAAAAAAAAAAAAAAA")

    in_house(body)


def test_secrets_are_nowhere_on_the_disk(tmp_path: Path) -> None:
    async def body() -> list[bytes]:
        async with opened_house(tmp_path) as opened:
            await opened.call("iam", "CreateUser", **ANN)
            secret = (await opened.call("iam", "CreateAccessKey", **ANN))["AccessKey"]["SecretAccessKey"]
            device = await opened.call("iam", "CreateVirtualMFADevice", VirtualMFADeviceName="dev")
            seed: bytes = device["VirtualMFADevice"]["Base32StringSeed"]
            now = opened.clock.now()
            for record in await opened.house.audit.records(now - 60, now + 1):
                assert secret not in repr(record)
                assert seed.decode() not in repr(record)
            return [secret.encode(), seed]

    secrets = asyncio.run(body())
    stored = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert len(stored) > 10_000
    for secret in secrets:
        assert secret not in stored
