"""KMS keys of log groups: who may be one, what they encrypt, and what happens when they cannot be used."""

import json

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.logs.asking import GROUP, GROUP_ARN, STREAM, ask, key_for_logs, make_group, messages_of, put
from tests.services.refusals import refused

from strongroom.services.logs.events import data_keys

REFUSAL = f"The specified KMS key does not exist or is not allowed to be used with Arn '{GROUP_ARN}'"


def test_which_keys_can_be_associated(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_group(house)
        own = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
        without_statement = (await house.kms("CreateKey"))["KeyMetadata"]["Arn"]
        of_another_group = await key_for_logs(house, GROUP_ARN + "2")
        of_another_region = await key_for_logs(house, principal="logs.eu-west-1.amazonaws.com")
        asymmetric = await key_for_logs(house, KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
        disabled = await key_for_logs(house)
        await house.kms("DisableKey", KeyId=disabled)
        for key in (own, without_statement, of_another_group, of_another_region, asymmetric, disabled):
            with refused("InvalidParameterException", REFUSAL):
                await ask(house, "AssociateKmsKey", logGroupName=GROUP, kmsKeyId=key)
            with refused("InvalidParameterException"):
                await ask(house, "CreateLogGroup", logGroupName="/other", kmsKeyId=key)
        with refused("InvalidParameterException"):
            await ask(house, "AssociateKmsKey", logGroupName=GROUP, kmsKeyId="alias/logs")
        assert len((await ask(house, "DescribeLogGroups"))["logGroups"]) == 1
        key = await key_for_logs(house)
        await ask(house, "AssociateKmsKey", logGroupName=GROUP, kmsKeyId=key)
        assert (await ask(house, "DescribeLogGroups"))["logGroups"][0]["kmsKeyId"] == key
        await ask(house, "DisassociateKmsKey", logGroupName=GROUP)
        assert "kmsKeyId" not in (await ask(house, "DescribeLogGroups"))["logGroups"][0]
        await ask(house, "AssociateKmsKey", resourceIdentifier=GROUP_ARN, kmsKeyId=key)
        assert (await ask(house, "DescribeLogGroups"))["logGroups"][0]["kmsKeyId"] == key

    in_house(body)


def test_new_events_are_under_the_key_and_old_ones_stay_as_they_were(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_group(house, streams=("plain", "secret"))
        await put(house, "before", stream="plain")
        key = await key_for_logs(house)
        await ask(house, "AssociateKmsKey", logGroupName=GROUP, kmsKeyId=key)
        await put(house, "with key", stream="secret")
        await ask(house, "DisassociateKmsKey", logGroupName=GROUP)
        await put(house, "after", stream="plain")
        await house.kms("DisableKey", KeyId=key)
        assert await messages_of(house, "plain") == ["before", "after"]
        with refused("AccessDeniedException", REFUSAL):
            await messages_of(house, "secret")
        await house.kms("EnableKey", KeyId=key)
        assert await messages_of(house, "secret") == ["with key"]

    in_house(body)


def test_a_disabled_key_stops_reading_and_writing_at_once(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key = await key_for_logs(house)
        await make_group(house, kmsKeyId=key)
        await put(house, "one")
        await house.kms("DisableKey", KeyId=key)
        with refused("AccessDeniedException", REFUSAL):
            await messages_of(house)
        with refused("AccessDeniedException", REFUSAL):
            await put(house, "two")
        await house.kms("EnableKey", KeyId=key)
        await put(house, "three")
        assert await messages_of(house) == ["one", "three"]
        # Taking the permission back counts like disabling.
        policy = await house.kms("GetKeyPolicy", KeyId=key)
        tree = json.loads(policy["Policy"])
        await house.kms("PutKeyPolicy", KeyId=key, Policy=json.dumps(tree | {"Statement": tree["Statement"][:1]}))
        with refused("AccessDeniedException", REFUSAL):
            await messages_of(house)
        await house.kms("ScheduleKeyDeletion", KeyId=key)
        with refused("AccessDeniedException", REFUSAL):
            await put(house, "four")

    in_house(body)


def test_kms_is_asked_seldom_and_by_the_service(in_house: InHouse[None], monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(house: OpenedHouse) -> None:
        key = await key_for_logs(house)
        await make_group(house, kmsKeyId=key)
        begin = house.clock.now()
        for number in range(20):
            await put(house, str(number))
        assert len(await messages_of(house)) == 20
        await house.house.audit.flush()
        records = [
            record
            for record in await house.house.audit.records(begin, begin + 60)
            if record.service == "kms" and record.operation in ("GenerateDataKey", "Decrypt")
        ]
        assert [record.operation for record in records] == ["GenerateDataKey"]
        assert records[0].identity.type == "AWSService"
        assert records[0].request["EncryptionContext"] == {"aws:logs:arn": GROUP_ARN}
        monkeypatch.setattr(data_keys, "USES_MAX", 5)
        begin = house.clock.now()
        for number in range(20):
            await put(house, str(number))
        await house.house.audit.flush()
        made = [
            each for each in await house.house.audit.records(begin, begin + 60) if each.operation == "GenerateDataKey"
        ]
        assert 3 <= len(made) <= 4
        assert len(await messages_of(house)) == 40

    in_house(body)


def test_the_audit_trail_holds_no_message(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_group(house)
        begin = house.clock.now()
        await put(house, "the secret of the message")
        await messages_of(house)
        with refused("InvalidParameterException"):
            await put(house, "the secret of the message", "")
        records = await house.house.audit.records(begin - 1, begin + 60)
        found = [record for record in records if record.operation == "PutLogEvents"]
        assert found[0].request == {"logGroupName": GROUP, "logStreamName": STREAM}
        assert "the secret" not in repr(records)

    in_house(body)
