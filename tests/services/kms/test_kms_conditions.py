"""KMS's condition keys: each decides a request, and decides it again for the next."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.opened_house import ACCOUNT, OpenedHouse, opened_house
from tests.services.refusals import refused

ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def denying(action: str | list[str], condition: dict[str, Any]) -> str:
    allow = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"}
    deny = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*", "Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [allow, deny]})


def run(tmp_path: Path, body: Callable[[OpenedHouse], Awaitable[None]]) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as house:
            await body(house)

    asyncio.run(main())


async def new_key(house: OpenedHouse, action: str | list[str], condition: dict[str, Any], **more: Any) -> str:
    created = await house.kms("CreateKey", Policy=denying(action, condition), **more)
    key_id: str = created["KeyMetadata"]["KeyId"]
    return key_id


def test_encryption_context(tmp_path: Path) -> None:
    async def body(house: OpenedHouse) -> None:
        unless = {"StringNotEquals": {"kms:EncryptionContext:Department": "10103.0"}}
        key_id = await new_key(house, ["kms:Encrypt", "kms:GenerateDataKey"], unless)
        fitting = {"department": "10103.0", "more": "x"}
        for _ in range(2):
            await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x", EncryptionContext=fitting)
            await house.kms("GenerateDataKey", KeyId=key_id, NumberOfBytes=8, EncryptionContext=fitting)
            for other in ({"department": "10104.0"}, {"more": "10103.0"}, {}):
                with refused("AccessDeniedException"):
                    await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x", EncryptionContext=other)
            with refused("AccessDeniedException"):
                await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x")

    run(tmp_path, body)


def test_encryption_context_keys(tmp_path: Path) -> None:
    async def body(house: OpenedHouse) -> None:
        other_names = {"ForAnyValue:StringNotEquals": {"kms:EncryptionContextKeys": ["a", "b"]}}
        key_id = await new_key(house, "kms:Encrypt", other_names)
        for allowed in ({"a": "1"}, {"a": "1", "b": "2"}, {}):
            await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x", EncryptionContext=allowed)
        for denied in ({"c": "1"}, {"a": "1", "c": "2"}, {"A": "1"}):
            with refused("AccessDeniedException"):
                await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x", EncryptionContext=denied)

    run(tmp_path, body)


def test_re_encrypt_asks_each_side_for_its_own(tmp_path: Path) -> None:
    async def body(house: OpenedHouse) -> None:
        wrong = {"StringNotEquals": {"kms:EncryptionContext:side": "from"}}
        source = await new_key(house, "kms:ReEncryptFrom", wrong)
        wrong = {"StringNotEquals": {"kms:EncryptionContext:side": "to"}}
        destination = await new_key(house, "kms:ReEncryptTo", wrong)
        answer = await house.kms("Encrypt", KeyId=source, Plaintext=b"x", EncryptionContext={"side": "from"})
        request = {
            "CiphertextBlob": answer["CiphertextBlob"],
            "SourceEncryptionContext": {"side": "from"},
            "DestinationKeyId": destination,
            "DestinationEncryptionContext": {"side": "to"},
        }
        await house.kms("ReEncrypt", **request)
        with refused("AccessDeniedException"):
            await house.kms("ReEncrypt", **request | {"SourceEncryptionContext": {"side": "to"}})
        with refused("AccessDeniedException"):
            await house.kms("ReEncrypt", **request | {"DestinationEncryptionContext": {"side": "from"}})

    run(tmp_path, body)


def test_re_encrypt_on_the_same_key(tmp_path: Path) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house, "kms:ReEncryptFrom", {"Bool": {"kms:ReEncryptOnSameKey": "false"}})
        other = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
        blob = (await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x"))["CiphertextBlob"]
        await house.kms("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=key_id)
        with refused("AccessDeniedException"):
            await house.kms("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=other)

    run(tmp_path, body)


def test_aliases_of_the_request_and_of_the_key(tmp_path: Path) -> None:
    async def body(house: OpenedHouse) -> None:
        unless_named = {"StringNotEquals": {"kms:RequestAlias": "alias/front"}}
        key_id = await new_key(house, ["kms:Encrypt", "kms:ReEncryptTo"], unless_named)
        await house.kms("CreateAlias", AliasName="alias/front", TargetKeyId=key_id)
        await house.kms("CreateAlias", AliasName="alias/back", TargetKeyId=key_id)
        arn, blob = f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/front", b""
        for identifier in ("alias/front", arn):
            blob = (await house.kms("Encrypt", KeyId=identifier, Plaintext=b"x"))["CiphertextBlob"]
            await house.kms("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=identifier)
        for identifier in ("alias/back", key_id):
            with refused("AccessDeniedException"):
                await house.kms("Encrypt", KeyId=identifier, Plaintext=b"x")
            with refused("AccessDeniedException"):
                await house.kms("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=identifier)

        marked = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/stop"}}
        await house.kms("PutKeyPolicy", KeyId=key_id, Policy=denying("kms:Encrypt", marked))
        other = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
        for _ in range(2):
            await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x")
            await house.kms("CreateAlias", AliasName="alias/stop", TargetKeyId=key_id)
            with refused("AccessDeniedException"):
                await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x")
            await house.kms("UpdateAlias", AliasName="alias/stop", TargetKeyId=other)
            await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x")
            await house.kms("DeleteAlias", AliasName="alias/stop")

    run(tmp_path, body)


def test_via_service_and_caller_account(tmp_path: Path) -> None:
    async def body(house: OpenedHouse) -> None:
        not_s3 = {"StringNotEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
        key_id = await new_key(house, "kms:Encrypt", not_s3)
        await house.call("kms", "Encrypt", via="s3", KeyId=key_id, Plaintext=b"x")
        for via in (None, "sqs"):
            with refused("AccessDeniedException"):
                await house.call("kms", "Encrypt", via=via, KeyId=key_id, Plaintext=b"x")
        other_account = {"StringNotEquals": {"kms:CallerAccount": ACCOUNT}}
        await house.kms("PutKeyPolicy", KeyId=key_id, Policy=denying("kms:*", other_account))
        await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x")

    run(tmp_path, body)


def test_secure_transport(tmp_path: Path) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await new_key(house, "kms:Encrypt", {"Bool": {"aws:SecureTransport": "false"}})
        await house.call("kms", "Encrypt", KeyId=key_id, Plaintext=b"x")
        with refused("AccessDeniedException"):
            await house.call("kms", "Encrypt", secure=False, KeyId=key_id, Plaintext=b"x")

    run(tmp_path, body)


def test_members_of_the_request(tmp_path: Path) -> None:
    async def body(house: OpenedHouse) -> None:
        hasty = {"NumericLessThan": {"kms:ScheduleKeyDeletionPendingWindowInDays": "14"}}
        key_id = await new_key(house, "kms:ScheduleKeyDeletion", hasty)
        with refused("AccessDeniedException"):
            await house.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=13)
        await house.kms("ScheduleKeyDeletion", KeyId=key_id)

        rare = {"NumericGreaterThan": {"kms:RotationPeriodInDays": "180"}}
        key_id = await new_key(house, "kms:EnableKeyRotation", rare)
        with refused("AccessDeniedException"):
            await house.kms("EnableKeyRotation", KeyId=key_id)
        await house.kms("EnableKeyRotation", KeyId=key_id, RotationPeriodInDays=180)

        bypassing = {"Bool": {"kms:BypassPolicyLockoutSafetyCheck": "true"}}
        key_id = await new_key(house, "kms:PutKeyPolicy", bypassing)
        policy = (await house.kms("GetKeyPolicy", KeyId=key_id))["Policy"]
        with refused("AccessDeniedException"):
            await house.kms("PutKeyPolicy", KeyId=key_id, Policy=policy, BypassPolicyLockoutSafetyCheck=True)
        await house.kms("PutKeyPolicy", KeyId=key_id, Policy=policy)

        the_default = {"StringEquals": {"kms:PolicyName": "default"}}
        key_id = await new_key(house, "kms:GetKeyPolicy", the_default)
        with refused("AccessDeniedException"):
            await house.kms("GetKeyPolicy", KeyId=key_id)
        with refused("NotFoundException"):
            await house.kms("GetKeyPolicy", KeyId=key_id, PolicyName="AWS_RAM")

    run(tmp_path, body)


def test_what_the_key_is(tmp_path: Path) -> None:
    async def body(house: OpenedHouse) -> None:
        for name, value in {
            "kms:KeySpec": "SYMMETRIC_DEFAULT",
            "kms:KeyUsage": "ENCRYPT_DECRYPT",
            "kms:KeyOrigin": "AWS_KMS",
            "kms:MultiRegion": "false",
            "kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        }.items():
            for operation in ({"Encrypt": {"Plaintext": b"x"}}, {"GenerateDataKey": {"KeySpec": "AES_128"}}):
                ((action, members),) = operation.items()
                denied = await new_key(house, f"kms:{action}", {"StringEquals": {name: value}})
                with refused("AccessDeniedException"):
                    await house.kms(action, KeyId=denied, **members)
                allowed = await new_key(house, f"kms:{action}", {"StringNotEquals": {name: value}})
                await house.kms(action, KeyId=allowed, **members)

    run(tmp_path, body)


def test_tags_of_the_key_and_of_the_request(tmp_path: Path) -> None:
    async def body(house: OpenedHouse) -> None:
        secret = {"StringEquals": {"aws:ResourceTag/level": "secret"}}
        key_id = await new_key(house, "kms:Encrypt", secret)
        for _ in range(2):
            await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x")
            await house.kms("TagResource", KeyId=key_id, Tags=[{"TagKey": "level", "TagValue": "secret"}])
            with refused("AccessDeniedException"):
                await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x")
            await house.kms("UntagResource", KeyId=key_id, TagKeys=["level"])

        lowering = {"StringEquals": {"aws:RequestTag/level": "low"}}
        key_id = await new_key(house, "kms:TagResource", lowering)
        await house.kms("TagResource", KeyId=key_id, Tags=[{"TagKey": "level", "TagValue": "high"}])
        with refused("AccessDeniedException"):
            await house.kms("TagResource", KeyId=key_id, Tags=[{"TagKey": "level", "TagValue": "low"}])

        protected = {"ForAnyValue:StringEquals": {"aws:TagKeys": "level"}}
        key_id = await new_key(house, ["kms:TagResource", "kms:UntagResource"], protected)
        await house.kms("TagResource", KeyId=key_id, Tags=[{"TagKey": "other", "TagValue": "x"}])
        with refused("AccessDeniedException"):
            await house.kms("UntagResource", KeyId=key_id, TagKeys=["other", "level"])

    run(tmp_path, body)
