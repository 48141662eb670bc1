"""Log groups and streams: making, listing, tagging, protecting and deleting them, and who may."""

from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.kms.made_identities import document, make_identity
from tests.services.kms.made_identities import user as as_user
from tests.services.logs.asking import GROUP, GROUP_ARN, ask, make_group, put
from tests.services.refusals import refused

from strongroom.base.errors import AwsError


def test_a_group_is_made_described_and_deleted(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await ask(house, "CreateLogGroup", logGroupName=GROUP, tags={"env": "test"})
        with refused("ResourceAlreadyExistsException", "The specified log group already exists"):
            await ask(house, "CreateLogGroup", logGroupName=GROUP)
        group = (await ask(house, "DescribeLogGroups", logGroupNamePrefix="/app"))["logGroups"]
        created = group[0].pop("creationTime")
        assert abs(created - house.clock.now() * 1000) < 60_000
        assert group == [
            {
                "logGroupName": GROUP,
                "metricFilterCount": 0,
                "arn": f"{GROUP_ARN}:*",
                "storedBytes": 0,
                "logGroupClass": "STANDARD",
                "logGroupArn": GROUP_ARN,
                "deletionProtectionEnabled": False,
            }
        ]
        await ask(house, "PutLogGroupDeletionProtection", logGroupIdentifier=GROUP_ARN, deletionProtectionEnabled=True)
        with refused("ValidationException"):
            await ask(house, "DeleteLogGroup", logGroupName=GROUP)
        await ask(house, "PutLogGroupDeletionProtection", logGroupIdentifier=GROUP, deletionProtectionEnabled=False)
        await ask(house, "DeleteLogGroup", logGroupName=GROUP)
        with refused("ResourceNotFoundException", "The specified log group does not exist."):
            await ask(house, "DeleteLogGroup", logGroupName=GROUP)
        assert (await ask(house, "DescribeLogGroups"))["logGroups"] == []

    in_house(body)


def test_names_that_are_refused(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        too_long = "Invalid LogGroup or LogStream, both must have length less than or equal to 512."
        with refused("InvalidParameterException", too_long):
            await ask(house, "CreateLogGroup", logGroupName="x" * 513)
        for name in ("a b", "", "aws/x", "a:b"):
            with refused("InvalidParameterException"):
                await ask(house, "CreateLogGroup", logGroupName=name)
        await make_group(house)
        for name in ("a:b", "a*", "", "a\0b"):
            with refused("InvalidParameterException"):
                await ask(house, "CreateLogStream", logGroupName=GROUP, logStreamName=name)
        with refused("InvalidParameterException", too_long):
            await ask(house, "CreateLogStream", logGroupName=GROUP, logStreamName="x" * 513)
        with refused("ResourceAlreadyExistsException", "The specified log stream already exists"):
            await ask(house, "CreateLogStream", logGroupName=GROUP, logStreamName="i-1")
        with refused("ValidationException", "LogGroup name and LogGroup ARN are mutually exclusive parameters."):
            await ask(house, "DescribeLogStreams", logGroupName=GROUP, logGroupIdentifier=GROUP)

    in_house(body)


async def every_page(house: OpenedHouse, operation: str, member: str, **params: Any) -> list[Any]:
    found: list[Any] = []
    token: dict[str, str] = {}
    while True:
        page = await ask(house, operation, **params, **token)
        found += page[member]
        if "nextToken" not in page:
            return found
        token = {"nextToken": page["nextToken"]}


def test_groups_are_listed_in_pages_and_by_filters(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        names = ["/a/1", "/a/2", "/b/DataLogs", "/b/datalogs", "z"]
        for name in reversed(names):
            await ask(house, "CreateLogGroup", logGroupName=name, tags={"name": name})

        async def described(**params: Any) -> list[str]:
            listed = await every_page(house, "DescribeLogGroups", "logGroups", **params)
            return [group["logGroupName"] for group in listed]

        async def listed(**params: Any) -> list[str]:
            listed = await every_page(house, "ListLogGroups", "logGroups", **params)
            return [group["logGroupName"] for group in listed]

        assert await described(limit=2) == names
        assert await described(logGroupNamePrefix="/a/") == names[:2]
        assert await described(logGroupNamePattern="DataLogs") == ["/b/DataLogs"]
        assert await described(logGroupIdentifiers=["z", f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/a/1", "no"]) == [
            "/a/1",
            "z",
        ]
        assert await described(logGroupClass="STANDARD") == names
        assert await described(logGroupClass="ESSENTIALS") == []
        assert await listed(limit=1) == names
        assert await listed(logGroupNamePattern="^/a/|Logs") == ["/a/1", "/a/2", "/b/DataLogs"]
        assert await listed(logGroupTags=[{"key": "name", "values": ["/a/*", "z"]}]) == ["/a/1", "/a/2", "z"]
        assert await listed(logGroupTags=[{"key": "name", "values": ["!/a/*"]}]) == names[2:]
        assert await listed(logGroupTags=[{"key": "other"}]) == []
        with refused("InvalidParameterException", "The specified nextToken is invalid."):
            await described(nextToken="x")
        with refused("InvalidParameterException"):
            await described(logGroupNamePrefix="a", logGroupNamePattern="b")

    in_house(body)


def test_streams_are_listed_by_name_and_by_last_event(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_group(house, streams=("a", "b1", "b2", "c"))
        at = int(house.clock.now() * 1000) - 10_000
        for number, stream in enumerate(("c", "a", "b2")):
            await put(house, "x", stream=stream, at=at + number)

        async def names(**params: Any) -> list[str]:
            listed = await every_page(house, "DescribeLogStreams", "logStreams", logGroupName=GROUP, **params)
            return [stream["logStreamName"] for stream in listed]

        for limit in (1, 3, 50):
            assert await names(limit=limit) == ["a", "b1", "b2", "c"]
            assert await names(limit=limit, descending=True) == ["c", "b2", "b1", "a"]
            assert await names(limit=limit, orderBy="LastEventTime") == ["b1", "c", "a", "b2"]
            assert await names(limit=limit, orderBy="LastEventTime", descending=True) == ["b2", "a", "c", "b1"]
            assert await names(limit=limit, logStreamNamePrefix="b") == ["b1", "b2"]
        with refused("InvalidParameterException"):
            await names(orderBy="LastEventTime", logStreamNamePrefix="b")

    in_house(body)


def test_tags_both_ways(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_group(house, tags={"env": "testing1"})
        await ask(house, "TagResource", resourceArn=GROUP_ARN, tags={"test1": "val1", "test2": "val2"})
        await ask(house, "TagLogGroup", logGroupName=GROUP, tags={"test3": "val3"})
        everything = {"env": "testing1", "test1": "val1", "test2": "val2", "test3": "val3"}
        assert await ask(house, "ListTagsForResource", resourceArn=GROUP_ARN) == {"tags": everything}
        assert await ask(house, "ListTagsLogGroup", logGroupName=GROUP) == {"tags": everything}
        await ask(house, "UntagResource", resourceArn=GROUP_ARN, tagKeys=["env", "test1"])
        await ask(house, "UntagLogGroup", logGroupName=GROUP, tags=["test3"])
        assert await ask(house, "ListTagsForResource", resourceArn=GROUP_ARN) == {"tags": {"test2": "val2"}}
        with refused("TooManyTagsException"):
            await ask(house, "TagResource", resourceArn=GROUP_ARN, tags={f"k{n}": "v" for n in range(50)})
        with refused("InvalidParameterException"):
            await ask(house, "TagResource", resourceArn=GROUP_ARN, tags={"aws:x": "v"})

    in_house(body)


def test_retention_has_few_values(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_group(house)
        with refused("InvalidParameterException"):
            await ask(house, "PutRetentionPolicy", logGroupName=GROUP, retentionInDays=2)
        await ask(house, "PutRetentionPolicy", logGroupName=GROUP, retentionInDays=3653)
        assert (await ask(house, "DescribeLogGroups"))["logGroups"][0]["retentionInDays"] == 3653
        await ask(house, "DeleteRetentionPolicy", logGroupName=GROUP)
        assert "retentionInDays" not in (await ask(house, "DescribeLogGroups"))["logGroups"][0]

    in_house(body)


def test_who_may_what(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_group(house, tags={"team": "red"})
        await put(house, "x")
        base = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:"

        async def user(name: str, action: str, resource: str, condition: dict[str, Any] | None = None) -> Any:
            statement = {"Effect": "Allow", "Action": action, "Resource": resource}
            text = document(statement | ({"Condition": condition} if condition else {}))
            return await as_user(house, await make_identity(house, "user", name, text))

        reader = await user("reader", "logs:Get*", f"{base}{GROUP}:*")
        named = {"logGroupName": GROUP, "logStreamName": "i-1"}
        await ask(house, "GetLogEvents", caller=reader, **named)
        with pytest.raises(AwsError, match=f"logs:DescribeLogStreams on resource: {base}{GROUP}:log-stream: because"):
            await ask(house, "DescribeLogStreams", caller=reader, logGroupName=GROUP)
        for missing in ("/app/other", GROUP):
            with refused("AccessDeniedException"):
                await ask(house, "DescribeLogStreams", caller=reader, logGroupName=missing)
        with refused("AccessDeniedException"):
            await ask(house, "GetLogEvents", caller=await user("r2", "logs:GetLogEvents", "*"), **named, unmask=True)
        await ask(house, "GetLogEvents", caller=await user("r3", "logs:*", "*"), **named, unmask=True)
        one_stream = await user("one", "logs:*", f"{base}{GROUP}:log-stream:i-1")
        await ask(house, "GetLogEvents", caller=one_stream, **named)
        with refused("AccessDeniedException"):
            await ask(house, "GetLogEvents", caller=one_stream, **(named | {"logStreamName": "i-2"}))
        shipper = await user("shipper", "logs:*", "arn:aws:logs:*:*:*")
        await ask(house, "DescribeLogGroups", caller=shipper)
        tagged = await user("tagged", "logs:*", "*", {"StringEquals": {"aws:ResourceTag/team": "red"}})
        await ask(house, "GetLogEvents", caller=tagged, **named)
        await ask(house, "ListTagsForResource", caller=tagged, resourceArn=GROUP_ARN)
        other = await user("other", "logs:*", "*", {"StringEquals": {"aws:ResourceTag/team": "blue"}})
        with refused("AccessDeniedException"):
            await ask(house, "GetLogEvents", caller=other, **named)
        maker = await user("maker", "logs:CreateLogGroup", "*")
        await ask(house, "CreateLogGroup", caller=maker, logGroupName="/made")
        with refused("AccessDeniedException"):
            await ask(house, "CreateLogGroup", caller=maker, logGroupName="/tagged", tags={"a": "b"})

    in_house(body)
