"""LookupEvents: what happened, newest first, by every attribute; the index finds what reading through finds."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.refusals import refused

from strongroom.operations import audit_index
from strongroom.operations.audit_index import AuditIndex

ROOT_KEY = "AKIATESTROOTKEY00001"


async def lookup(house: OpenedHouse, *by: str, region: str = "us-east-1", **params: Any) -> list[dict[str, Any]]:
    """Return all pages of a lookup, by one attribute or none."""
    if by:
        params["LookupAttributes"] = [{"AttributeKey": by[0], "AttributeValue": by[1]}]
    found: list[dict[str, Any]] = []
    while True:
        answer = await house.call("cloudtrail", "LookupEvents", region=region, **params)
        found += answer["Events"]
        if "NextToken" not in answer:
            return found
        assert answer["Events"]
        params["NextToken"] = answer["NextToken"]


def names(events: list[dict[str, Any]]) -> list[str]:
    return [each["EventName"] for each in events]


async def some_history(house: OpenedHouse) -> str:
    """Make some events; return the ARN of a key that they are about."""
    key = (await house.kms("CreateKey"))["KeyMetadata"]
    await house.call("iam", "CreateUser", UserName="anna", region="us-east-1")
    await house.call("s3", "CreateBucket", Bucket="a-bucket")
    await house.call("s3", "HeadBucket", Bucket="a-bucket")
    for _ in range(3):
        await house.kms("Encrypt", KeyId=key["KeyId"], Plaintext=b"x")
    arn: str = key["Arn"]
    return arn


def test_every_attribute_indexed_or_not(in_house: InHouse[None], monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(house: OpenedHouse) -> None:
        arn = await some_history(house)
        await house.call("kms", "ListKeys", region="eu-west-1")
        for indexed in (False, True):
            if indexed:
                monkeypatch.setattr(audit_index, "SPAN_RECORDS", 3)
                await house.house.audit.flush()
                while await house.house.part(AuditIndex).advance():
                    pass
                assert await house.house.part(AuditIndex).position() > 3
            found = await lookup(house)
            encrypts = [each for each in found if each["EventName"] == "Encrypt"]
            assert len(encrypts) == 3
            assert names(await lookup(house, "EventName", "Encrypt")) == ["Encrypt"] * 3
            assert names(await lookup(house, "EventSource", "iam.amazonaws.com")) == ["CreateUser"]
            assert names(await lookup(house, "ResourceType", "AWS::KMS::Key")) == ["Encrypt"] * 3 + ["CreateKey"]
            assert names(await lookup(house, "ResourceName", arn)) == ["Encrypt"] * 3 + ["CreateKey"]
            assert names(await lookup(house, "ResourceName", "a-bucket")) == ["CreateBucket"]
            assert names(await lookup(house, "ResourceName", "anna")) == ["CreateUser"]
            assert {"CreateKey", "CreateBucket", "CreateUser"} == set(names(await lookup(house, "ReadOnly", "false")))
            assert "Encrypt" in names(await lookup(house, "ReadOnly", "true"))
            assert set(names(found)) | {"LookupEvents"} == set(names(await lookup(house, "Username", "root")))
            assert set(names(found)) | {"LookupEvents"} == set(names(await lookup(house, "AccessKeyId", ROOT_KEY)))
            (one,) = await lookup(house, "EventId", encrypts[1]["EventId"])
            assert one == encrypts[1]
            assert await lookup(house, "EventId", "0193e4a1-0000-8000-8000-000000000000") == []
            assert await lookup(house, "EventId", "no id") == []
            assert await lookup(house, "EventName", "Decrypt") == []
            assert names(await lookup(house, region="eu-west-1"))[-1:] == ["ListKeys"]
            # What is done with objects is no management event.
            assert "HeadBucket" not in names(found)

    in_house(body)


def test_an_event_as_it_is_told(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        arn = await some_history(house)
        event = (await lookup(house, "EventName", "Encrypt"))[0]
        record = json.loads(event.pop("CloudTrailEvent"))
        assert record["eventID"] == event.pop("EventId")
        assert abs(event.pop("EventTime").timestamp() - house.clock.now()) < 60
        assert event == {
            "EventName": "Encrypt",
            "ReadOnly": "true",
            "EventSource": "kms.amazonaws.com",
            "Resources": [{"ResourceType": "AWS::KMS::Key", "ResourceName": arn}],
            "AccessKeyId": ROOT_KEY,
            "Username": "root",
        }
        assert record["recipientAccountId"] == ACCOUNT
        assert record["requestParameters"] == {"keyId": arn.rpartition("/")[2]}

    in_house(body)


def test_pages_are_whole_and_in_order(in_house: InHouse[None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_index, "SPAN_RECORDS", 10)

    async def body(house: OpenedHouse) -> None:
        await some_history(house)
        for number in range(60):
            await house.kms("ListAliases")
            if number % 7 == 0:
                await house.house.audit.flush()
                house.clock.advance(timedelta(seconds=1))
        everything = await lookup(house)
        times = [each["EventTime"] for each in everything]
        assert times == sorted(times, reverse=True)
        in_pages = await lookup(house, MaxResults=7)
        assert [each["EventId"] for each in in_pages if each["EventName"] != "LookupEvents"] == [
            each["EventId"] for each in everything if each["EventName"] != "LookupEvents"
        ]
        assert len({each["EventId"] for each in in_pages}) == len(in_pages)
        first = await house.call("cloudtrail", "LookupEvents")
        assert len(first["Events"]) == 50

    in_house(body)


def test_times(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await house.kms("ListKeys")
        begin = house.clock.now()
        house.clock.advance(timedelta(days=1))
        await house.kms("ListAliases")
        noon = datetime.fromtimestamp(begin + 3600, UTC)
        assert names(await lookup(house, EndTime=noon)) == ["ListKeys"]
        assert names(await lookup(house, "EventSource", "kms.amazonaws.com", StartTime=noon)) == ["ListAliases"]
        with refused("InvalidTimeRangeException"):
            await lookup(house, StartTime=noon, EndTime=noon - timedelta(hours=1))
        house.clock.advance(timedelta(days=89, hours=12))
        assert names(await lookup(house, "EventSource", "kms.amazonaws.com")) == ["ListAliases"]

    in_house(body)


def test_what_is_refused(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await some_history(house)
        assert await lookup(house, EventCategory="insight") == []
        two = [{"AttributeKey": "ReadOnly", "AttributeValue": "true"}] * 2
        with refused("InvalidLookupAttributesException"):
            await lookup(house, LookupAttributes=two)
        with refused("InvalidLookupAttributesException"):
            await lookup(house, "ReadOnly", "perhaps")
        with refused("InvalidLookupAttributesException"):
            await lookup(house, "Username", "_" * 1_001)
        token = (await house.call("cloudtrail", "LookupEvents", MaxResults=1))["NextToken"]
        for other in ({"MaxResults": 1, "NextToken": "x"}, {"NextToken": token, "LookupAttributes": two[:1]}):
            with refused("InvalidNextTokenException"):
                await house.call("cloudtrail", "LookupEvents", **other)

    in_house(body)


def test_two_a_second(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        for _ in range(2):
            await house.call("cloudtrail", "LookupEvents")
        with refused("ThrottlingException", "Rate exceeded"):
            await house.call("cloudtrail", "LookupEvents")
        await house.call("cloudtrail", "LookupEvents", region="eu-west-1")

    in_house(body, request_quotas="on")
