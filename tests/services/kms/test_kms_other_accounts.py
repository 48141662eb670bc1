"""Keys of another account: what their policies allow, and that a refusal tells nothing."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, OpenedHouse, opened_house
from tests.services.refusals import refused

from strongroom.operations.callers import Caller

GUEST_ACCOUNT = "444455556666"
GUEST = Caller.root(GUEST_ACCOUNT, "AKIATESTGUESTKEY0001")


def sharing_policy(actions: list[str]) -> str:
    own = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"}
    shared = {"Effect": "Allow", "Principal": {"AWS": GUEST.arn}, "Action": actions, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [own, shared]})


def hidden(operation: str) -> str:
    return (
        f"User: {GUEST.arn} is not authorized to perform: kms:{operation} on this resource because the resource does "
        "not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly "
        "denies access"
    )


def run(tmp_path: Path, body: Callable[[OpenedHouse, Callable[..., Awaitable[Any]]], Awaitable[None]]) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as house:

            async def guest(operation: str, **params: Any) -> Any:
                return await house.call("kms", operation, caller=GUEST, **params)

            await body(house, guest)

    asyncio.run(main())


def test_a_shared_key_is_used_by_its_arn(tmp_path: Path) -> None:
    async def body(house: OpenedHouse, guest: Callable[..., Awaitable[Any]]) -> None:
        actions = ["kms:Encrypt", "kms:Decrypt", "kms:DescribeKey", "kms:GetKeyRotationStatus"]
        metadata = (await house.kms("CreateKey", Policy=sharing_policy(actions)))["KeyMetadata"]
        arn = metadata["Arn"]
        await house.kms("CreateAlias", AliasName="alias/shared", TargetKeyId=arn)
        alias = arn.replace(f"key/{metadata['KeyId']}", "alias/shared")
        for identifier in (arn, alias):
            blob = (await guest("Encrypt", KeyId=identifier, Plaintext=b"x"))["CiphertextBlob"]
            assert (await guest("Decrypt", CiphertextBlob=blob))["KeyId"] == arn
            assert (await house.kms("Decrypt", CiphertextBlob=blob))["Plaintext"] == b"x"
        assert (await guest("DescribeKey", KeyId=alias))["KeyMetadata"]["AWSAccountId"] == ACCOUNT
        assert (await guest("GetKeyRotationStatus", KeyId=arn))["KeyRotationEnabled"] is False
        own_arn = arn.replace(ACCOUNT, GUEST_ACCOUNT)
        with refused("NotFoundException", f"Key '{own_arn}' does not exist"):
            await guest("Encrypt", KeyId=metadata["KeyId"], Plaintext=b"x")
        with refused("NotFoundException"):
            await guest("Encrypt", KeyId="alias/shared", Plaintext=b"x")
        assert (await guest("ListKeys"))["Keys"] == []
        assert not [each for each in (await guest("ListAliases"))["Aliases"] if "TargetKeyId" in each]

    run(tmp_path, body)


def test_a_refusal_does_not_tell_whether_a_key_exists(tmp_path: Path) -> None:
    async def body(house: OpenedHouse, guest: Callable[..., Awaitable[Any]]) -> None:
        arn = (await house.kms("CreateKey"))["KeyMetadata"]["Arn"]
        await house.kms("CreateAlias", AliasName="alias/private", TargetKeyId=arn)
        blob = (await house.kms("Encrypt", KeyId=arn, Plaintext=b"x"))["CiphertextBlob"]
        prefix = f"arn:aws:kms:us-east-1:{ACCOUNT}:"
        for identifier in (arn, f"{prefix}key/{uuid.uuid4()}", f"{prefix}alias/private", f"{prefix}alias/absent"):
            with refused("AccessDeniedException", hidden("Encrypt")):
                await guest("Encrypt", KeyId=identifier, Plaintext=b"x")
            with refused("AccessDeniedException", hidden("DescribeKey")):
                await guest("DescribeKey", KeyId=identifier)
        with refused("AccessDeniedException"):
            await guest("Decrypt", CiphertextBlob=blob)

    run(tmp_path, body)


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("DisableKey", {}),
        ("EnableKeyRotation", {}),
        ("GetKeyPolicy", {}),
        ("PutKeyPolicy", {"Policy": sharing_policy(["kms:*"])}),
        ("ScheduleKeyDeletion", {}),
        ("TagResource", {"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
        ("ListAliases", {}),
        ("GetKeyLastUsage", {}),
    ],
)
def test_no_policy_lets_another_account_manage_a_key(tmp_path: Path, operation: str, members: dict[str, Any]) -> None:
    async def body(house: OpenedHouse, guest: Callable[..., Awaitable[Any]]) -> None:
        arn = (await house.kms("CreateKey", Policy=sharing_policy(["kms:*"])))["KeyMetadata"]["Arn"]
        with refused("AccessDeniedException", hidden(operation)):
            await guest(operation, KeyId=arn, **members)
        assert (await house.kms("DescribeKey", KeyId=arn))["KeyMetadata"]["KeyState"] == "Enabled"
        with refused("AccessDeniedException", hidden("CreateAlias")):
            await guest("CreateAlias", AliasName="alias/mine", TargetKeyId=arn)

    run(tmp_path, body)


def test_what_one_account_was_told_helps_no_other(tmp_path: Path) -> None:
    async def body(house: OpenedHouse, guest: Callable[..., Awaitable[Any]]) -> None:
        own = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
        theirs = (await guest("CreateKey"))["KeyMetadata"]["KeyId"]
        await house.kms("CreateAlias", AliasName="alias/same", TargetKeyId=own)
        await guest("CreateAlias", AliasName="alias/same", TargetKeyId=theirs)
        for _ in range(2):
            assert (await house.kms("DescribeKey", KeyId="alias/same"))["KeyMetadata"]["KeyId"] == own
            assert (await guest("DescribeKey", KeyId="alias/same"))["KeyMetadata"]["KeyId"] == theirs
        with refused("NotFoundException"):
            await guest("Encrypt", KeyId=own, Plaintext=b"x")

    run(tmp_path, body)
