"""Delivery: what a trail logs comes into its bucket, all of it and nothing else, whatever happens meanwhile."""

import asyncio
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse, opened_house
from tests.services.cloudtrail.trailing import (
    BUCKET,
    TRAIL_ARN,
    bucket_policy,
    deliver,
    delivered,
    files,
    key_policy,
    make_bucket,
    make_trail,
    status,
)
from tests.services.refusals import refused

from strongroom.operations.audit_reader import AuditReader
from strongroom.services.cloudtrail import delivery

KEY = re.compile(
    rf"logs/AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/\d{{4}}/\d\d/\d\d/"
    rf"{ACCOUNT}_CloudTrail_us-east-1_\d{{8}}T\d{{4}}Z_[A-Za-z0-9]{{16}}\.json\.gz"
)


def test_log_files(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_bucket(house, prefix="logs/")
        await house.call("cloudtrail", "CreateTrail", Name="management", S3BucketName=BUCKET, S3KeyPrefix="logs")
        await house.kms("ListKeys")
        await house.call("cloudtrail", "StartLogging", Name="management")
        key_id = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
        await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x")
        await house.kms("ListAliases", region="eu-west-1")
        await house.call("s3", "HeadBucket", Bucket=BUCKET)
        await house.run_periodic_work()
        (name,) = await files(house)
        assert KEY.fullmatch(name)
        events = await delivered(house)
        assert [each["eventName"] for each in events if each["eventSource"] != "s3.amazonaws.com"] == [
            "StartLogging",
            "CreateKey",
            "Encrypt",
        ]
        assert all(each["eventCategory"] == "Management" for each in events)
        assert (await status(house))["LatestDeliveryAttemptSucceeded"]
        # What delivering causes is not delivered alone.
        await house.house.audit.flush()
        await deliver(house)
        await deliver(house)
        assert len(await files(house)) == 2
        await house.call("cloudtrail", "StopLogging", Name="management")
        await house.kms("ListKeys")
        await deliver(house)
        told = [each["eventName"] for each in await delivered(house)]
        assert told.count("ListKeys") == 0
        assert told.count("StopLogging") == 1
        assert told.count("CreateKey") == 1
        assert (await status(house))["IsLogging"] is False

    in_house(body)


def test_a_trail_of_all_regions(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_trail(house, IsMultiRegionTrail=True)
        await house.kms("ListAliases", region="eu-west-1")
        await house.call("iam", "ListUsers", region="eu-west-1")
        await deliver(house)
        by_region = {name.split("/")[3]: content["Records"] for name, content in (await files(house)).items()}
        assert [each["eventName"] for each in by_region["eu-west-1"]] == ["ListAliases"]
        assert "ListUsers" in [each["eventName"] for each in by_region["us-east-1"]]

    in_house(body)


def test_global_services_left_out(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_trail(house, IncludeGlobalServiceEvents=False)
        await house.call("iam", "ListUsers")
        await house.kms("ListKeys")
        await deliver(house)
        told = [each["eventName"] for each in await delivered(house)]
        assert "ListKeys" in told
        assert "ListUsers" not in told

    in_house(body)


def test_under_a_key(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key = (await house.kms("CreateKey", Policy=key_policy()))["KeyMetadata"]
        made = await make_trail(house, KmsKeyId=key["KeyId"])
        assert made["KmsKeyId"] == key["Arn"]
        await house.kms("ListKeys")
        await deliver(house)
        (name,) = await files(house)
        head = await house.call("s3", "HeadObject", Bucket=BUCKET, Key=name)
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key["Arn"])
        await house.kms("DisableKey", KeyId=key["KeyId"])
        with refused("KMS.DisabledException"):
            await files(house)
        await house.kms("ListAliases")
        await deliver(house)
        assert (await status(house))["LatestDeliveryError"] == "KMS.DisabledException"
        await house.kms("EnableKey", KeyId=key["KeyId"])
        await deliver(house)
        assert "LatestDeliveryError" not in await status(house)
        events = await delivered(house)
        told = [each["eventName"] for each in events]
        assert {"ListAliases", "DisableKey", "EnableKey"} <= set(told)
        made_key = next(each for each in events if each["eventName"] == "GenerateDataKey")
        assert made_key["userIdentity"] == {"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"}
        assert made_key["requestParameters"]["encryptionContext"]["aws:cloudtrail:arn"] == TRAIL_ARN

    in_house(body)


def test_what_cannot_be_delivered_is_tried_again(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_trail(house)
        await house.call("s3", "DeleteBucketPolicy", Bucket=BUCKET)
        await house.kms("ListKeys")
        await deliver(house)
        told = await status(house)
        assert told["LatestDeliveryError"] == "AccessDenied"
        assert told["LatestDeliveryAttemptTime"]
        assert not told["LatestDeliveryAttemptSucceeded"]
        await house.call("cloudtrail", "StopLogging", Name="management")
        await house.kms("ListAliases")
        await house.call("cloudtrail", "StartLogging", Name="management")
        await house.kms("ListGrants", KeyId=(await house.kms("CreateKey"))["KeyMetadata"]["KeyId"])
        assert await files(house) == {}
        await house.call("s3", "PutBucketPolicy", Bucket=BUCKET, Policy=bucket_policy())
        await deliver(house)
        names = [each["eventName"] for each in await delivered(house)]
        assert names.count("ListKeys") == names.count("StopLogging") == names.count("ListGrants") == 1
        assert names.count("StartLogging") == 2
        assert "ListAliases" not in names

    in_house(body)


def test_nothing_is_lost_over_a_restart(tmp_path: Path) -> None:
    async def first() -> None:
        async with opened_house(tmp_path) as house:
            await make_trail(house)
            await deliver(house)
            for _ in range(20):
                await house.kms("ListKeys")
            # As if it was killed: nothing of it is delivered when it ends.
            house.house._before_close.clear()

    async def second() -> None:
        async with opened_house(tmp_path) as house:
            await house.kms("ListAliases")
            await house.run_periodic_work()
            told = [each["eventName"] for each in await delivered(house)]
            assert told.count("ListKeys") == 20
            assert told.count("ListAliases") == 1
            await house.kms("ListGrants", KeyId=(await house.kms("CreateKey"))["KeyMetadata"]["KeyId"])

    async def third() -> None:
        async with opened_house(tmp_path) as house:
            # A server that ends in peace has delivered what there was.
            assert [each["eventName"] for each in await delivered(house)].count("ListGrants") == 1

    for life in (first, second, third):
        asyncio.run(life())


def test_many_events_are_parted(in_house: InHouse[None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "RECORDS_PER_CHUNK", 10)

    async def body(house: OpenedHouse) -> None:
        await make_trail(house)
        for _ in range(10):
            for _ in range(5):
                await house.kms("ListKeys")
            await house.house.audit.flush()
        await deliver(house)
        assert len(await files(house)) >= 5
        events = await delivered(house)
        assert [each["eventName"] for each in events].count("ListKeys") == 50
        assert len({each["eventID"] for each in events}) == len(events)

    in_house(body)


def test_a_late_batch_is_waited_for(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        if house.house.store.kind == "sqlite":
            return
        reader = house.house.part(AuditReader)
        await house.kms("ListKeys")
        await house.house.audit.flush()
        settled = await reader.settled_after(0, 10)
        assert settled
        assert await reader.settled_after(-5, 10) == []
        house.clock.wall = lambda: house.clock.now() + 100  # type: ignore[method-assign]
        assert await reader.settled_after(-5, 10) == settled

    in_house(body)


def test_a_bucket_of_another_region(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        configuration = {"LocationConstraint": "eu-west-1"}
        await house.call(
            "s3", "CreateBucket", region="eu-west-1", Bucket=BUCKET, CreateBucketConfiguration=configuration
        )
        await house.call("s3", "PutBucketPolicy", region="eu-west-1", Bucket=BUCKET, Policy=bucket_policy())
        await house.call("cloudtrail", "CreateTrail", Name="management", S3BucketName=BUCKET)
        await house.call("cloudtrail", "StartLogging", Name="management")
        await house.call("cloudtrail", "StopLogging", Name="management")
        listed = await house.call("s3", "ListObjectsV2", region="eu-west-1", Bucket=BUCKET)
        assert any(each["Key"].endswith(".json.gz") for each in listed["Contents"])

    in_house(body)


def test_data_events(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_trail(house)
        selector = {
            "ReadWriteType": "WriteOnly",
            "IncludeManagementEvents": False,
            "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::data/in/"]}],
        }
        await house.call("cloudtrail", "PutEventSelectors", TrailName="management", EventSelectors=[selector])
        await house.call("s3", "CreateBucket", Bucket="data")
        for key in ("in/one", "out/two"):
            await house.call("s3", "PutObject", Bucket="data", Key=key, Body=chunks(b"hello"))
            await house.call("s3", "HeadObject", Bucket="data", Key=key)
        await deliver(house)
        (event,) = await delivered(house)
        assert event["eventName"] == "PutObject"
        assert event["eventCategory"] == "Data"
        assert event["managementEvent"] is False
        assert event["requestParameters"]["bucketName"] == "data"
        assert event["requestParameters"]["key"] == "in/one"
        assert event["resources"] == [
            {"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::data/in/one"},
            {"accountId": ACCOUNT, "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::data"},
        ]

    in_house(body)


async def chunks(body: bytes):  # type: ignore[no-untyped-def]
    yield body


def test_a_day_of_gaps_is_kept_in_order(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_trail(house)
        for _ in range(3):
            await house.kms("ListKeys")
            await house.call("cloudtrail", "StopLogging", Name="management")
            await house.kms("ListAliases")
            house.clock.advance(timedelta(hours=1))
            await house.call("cloudtrail", "StartLogging", Name="management")
        await deliver(house)
        names = [each["eventName"] for each in await delivered(house)]
        assert names.count("ListKeys") == 3
        assert "ListAliases" not in names
        assert json.dumps(names).count("StopLogging") == 3

    in_house(body)
