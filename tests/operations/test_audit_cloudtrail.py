"""Audit records in the shape of CloudTrail, held against AWS's documented examples.

Source: AWS KMS Developer Guide, "Logging AWS KMS API calls with AWS CloudTrail" and the examples of its operations.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.opened_house import ACCOUNT, OpenedHouse, opened_house
from tests.services.refusals import refused

from strongroom.operations.trail import as_cloudtrail, event_id_of

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


async def events(house: OpenedHouse) -> list[dict[str, Any]]:
    now = house.clock.now()
    found = [as_cloudtrail(each) for each in await house.house.audit.records(now - 60, now + 60)]
    restored: list[dict[str, Any]] = json.loads(json.dumps(found))
    assert restored == found
    return restored


def run(tmp_path: Path, body: Callable[[OpenedHouse], Awaitable[None]]) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as house:
            await body(house)

    asyncio.run(main())


def test_a_decryption(tmp_path: Path) -> None:
    async def body(house: OpenedHouse) -> None:
        metadata = (await house.kms("CreateKey"))["KeyMetadata"]
        context = {"Department": "Engineering", "keyId": "kept as it is"}
        answer = await house.kms("Encrypt", KeyId=metadata["KeyId"], Plaintext=b"x", EncryptionContext=context)
        await house.kms("Decrypt", CiphertextBlob=answer["CiphertextBlob"], EncryptionContext=context)
        event = (await events(house))[-1]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event.pop("eventTime"))
        assert UUID.fullmatch(event.pop("eventID"))
        assert event.pop("requestID")
        assert event == {
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "Root",
                "principalId": ACCOUNT,
                "arn": f"arn:aws:iam::{ACCOUNT}:root",
                "accountId": ACCOUNT,
                "accessKeyId": house.caller.identity.access_key_id,
            },
            "eventSource": "kms.amazonaws.com",
            "eventName": "Decrypt",
            "awsRegion": "us-east-1",
            "sourceIPAddress": "127.0.0.1",
            "userAgent": "",
            "requestParameters": {"encryptionContext": context},
            "responseElements": None,
            "readOnly": True,
            "resources": [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": metadata["Arn"]}],
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": ACCOUNT,
            "eventCategory": "Management",
            "tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": None, "clientProvidedHostHeader": ""},
        }

    run(tmp_path, body)


def test_a_new_key(tmp_path: Path) -> None:
    async def body(house: OpenedHouse) -> None:
        tags = [{"TagKey": "Level", "TagValue": "High"}]
        metadata = (await house.kms("CreateKey", Description="new", Tags=tags))["KeyMetadata"]
        (event,) = await events(house)
        assert event["readOnly"] is False
        assert event["requestParameters"] == {"description": "new", "tags": [{"tagKey": "Level", "tagValue": "High"}]}
        shown = event["responseElements"]["keyMetadata"]
        assert shown["creationDate"] == metadata["CreationDate"].strftime("%Y-%m-%dT%H:%M:%SZ")
        assert shown["aWSAccountId"] == ACCOUNT
        assert (shown["keyId"], shown["keyState"], shown["enabled"]) == (metadata["KeyId"], "Enabled", True)
        assert event["resources"] == [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": metadata["Arn"]}]

    run(tmp_path, body)


def test_refusals(tmp_path: Path) -> None:
    async def body(house: OpenedHouse) -> None:
        metadata = (await house.kms("DescribeKey", KeyId="alias/aws/s3"))["KeyMetadata"]
        with refused("AccessDeniedException"):
            await house.kms("Encrypt", KeyId=metadata["KeyId"], Plaintext=b"x")
        with refused("NotFoundException"):
            await house.call("kms", "DescribeKey", secure=False, KeyId="alias/absent")
        denied, missing = (await events(house))[-2:]
        assert denied["errorCode"] == "AccessDenied"
        assert "is not authorized to perform: kms:Encrypt on resource" in denied["errorMessage"]
        assert denied["requestParameters"] == {"keyId": metadata["KeyId"]}
        assert missing["errorCode"] == "NotFoundException"
        assert "resources" not in missing
        assert "tlsDetails" not in missing

    run(tmp_path, body)


def test_a_service_on_somebody_s_behalf(tmp_path: Path) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
        await house.call("kms", "GenerateDataKey", via="s3", KeyId=key_id, KeySpec="AES_256")
        event = (await events(house))[-1]
        assert event["userIdentity"]["invokedBy"] == "s3.amazonaws.com"
        assert event["sourceIPAddress"] == event["userAgent"] == "s3.amazonaws.com"
        assert event["userIdentity"]["arn"] == house.caller.arn

    run(tmp_path, body)


def test_event_ids_differ_within_a_request_and_stay_the_same() -> None:
    request_id = "0193e4a1-0000-7000-8000-000000000000"
    ids = {event_id_of(request_id, "s3", "PutObject"), event_id_of(request_id, "kms", "GenerateDataKey")}
    assert len(ids) == 2
    assert event_id_of(request_id, "s3", "PutObject") in ids
    assert all(UUID.fullmatch(each) for each in ids)
