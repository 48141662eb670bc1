"""AWS managed keys: made when first asked for, used through their service only."""

import asyncio
import json
from typing import Any

from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.refusals import refused

from strongroom.operations.trail import as_cloudtrail

ALIAS = "alias/aws/s3"


def test_describing_a_predefined_alias_makes_its_key(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        for via in (None, "ssm"):
            with refused("NotFoundException"):
                await house.call("kms", "Encrypt", via=via, KeyId=ALIAS, Plaintext=b"x")
        listed = {each["AliasName"]: each for each in (await house.kms("ListAliases"))["Aliases"]}
        assert set(listed[ALIAS]) == {"AliasName", "AliasArn"}
        arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:{ALIAS}"
        metadata = (await house.kms("DescribeKey", KeyId=arn))["KeyMetadata"]
        assert (metadata["KeyManager"], metadata["KeyState"]) == ("AWS", "Enabled")
        assert (await house.kms("DescribeKey", KeyId=ALIAS))["KeyMetadata"] == metadata
        assert [each["KeyId"] for each in (await house.kms("ListKeys"))["Keys"]] == [metadata["KeyId"]]
        listed = {each["AliasName"]: each for each in (await house.kms("ListAliases"))["Aliases"]}
        assert listed[ALIAS]["TargetKeyId"] == metadata["KeyId"]
        status = await house.kms("GetKeyRotationStatus", KeyId=metadata["KeyId"])
        assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 365)

    in_house(body)


def test_a_service_that_needs_its_key_makes_it(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        sealed = await house.call("kms", "Encrypt", via="s3", KeyId=ALIAS, Plaintext=b"x")
        metadata = (await house.kms("DescribeKey", KeyId=ALIAS))["KeyMetadata"]
        assert sealed["KeyId"] == metadata["Arn"]
        with refused("AccessDeniedException"):
            await house.kms("Encrypt", KeyId=ALIAS, Plaintext=b"x")

    in_house(body)


def test_two_that_ask_at_once_get_one_key(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        answers = await asyncio.gather(*(house.kms("DescribeKey", KeyId=ALIAS) for _ in range(8)))
        assert len({each["KeyMetadata"]["KeyId"] for each in answers}) == 1
        assert len((await house.kms("ListKeys"))["Keys"]) == 1
        now = house.clock.now()
        made = [each for each in await house.house.audit.records(now - 60, now + 1) if each.operation == "CreateKey"]
        assert len(made) == 1

    in_house(body)


def test_its_making_is_recorded_as_nobody_s_call(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        arn = (await house.kms("DescribeKey", KeyId=ALIAS))["KeyMetadata"]["Arn"]
        now = house.clock.now()
        made, asked = await house.house.audit.records(now - 60, now + 1)
        event = as_cloudtrail(made if made.operation == "CreateKey" else asked)
        assert (event["eventType"], event["eventName"]) == ("AwsServiceEvent", "CreateKey")
        assert event["userIdentity"] == {"accountId": ACCOUNT, "invokedBy": "AWS Internal"}
        assert event["resources"] == [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": arn}]
        json.dumps(event)

    in_house(body)


def test_it_serves_its_service_only(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = (await house.kms("DescribeKey", KeyId=ALIAS))["KeyMetadata"]["KeyId"]
        through = await house.call("kms", "GenerateDataKey", via="s3", KeyId=ALIAS, KeySpec="AES_256")
        opened = await house.call("kms", "Decrypt", via="s3", CiphertextBlob=through["CiphertextBlob"])
        assert opened["Plaintext"] == through["Plaintext"]
        for via in (None, "sqs"):
            with refused("AccessDeniedException"):
                await house.call("kms", "Encrypt", via=via, KeyId=key_id, Plaintext=b"x")
            with refused("AccessDeniedException"):
                await house.call("kms", "Decrypt", via=via, CiphertextBlob=through["CiphertextBlob"])
        changes: dict[str, dict[str, Any]] = {
            "ScheduleKeyDeletion": {},
            "DisableKey": {},
            "DisableKeyRotation": {},
            "RotateKeyOnDemand": {},
            "UpdateKeyDescription": {"Description": "mine"},
            "TagResource": {"Tags": [{"TagKey": "a", "TagValue": "b"}]},
            "PutKeyPolicy": {"Policy": (await house.kms("GetKeyPolicy", KeyId=key_id))["Policy"]},
        }
        for operation, members in changes.items():
            with refused("AccessDeniedException"):
                await house.kms(operation, KeyId=key_id, **members)
        with refused("AccessDeniedException"):
            await house.kms("CreateAlias", AliasName="alias/mine", TargetKeyId=key_id)

    in_house(body)
