"""Code and settings that change, versions that are published of them, and listings."""

from typing import Any

import pytest
from tests.opened_house import InHouse, OpenedHouse
from tests.services.lambda_.functions import archive, function_arn, make_function, make_role

from strongroom.base.errors import AwsError


async def _call(opened: OpenedHouse, operation: str, **params: Any) -> dict[str, Any]:
    return await opened.call("lambda", operation, FunctionName="hello", **params)


def test_code_is_replaced_tried_and_published(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await make_role(opened)
        made = await make_function(opened)
        new = archive({"app.py": "print('new')"})
        tried = await _call(opened, "UpdateFunctionCode", ZipFile=new, DryRun=True)
        assert tried["CodeSha256"] != made["CodeSha256"]
        assert await _call(opened, "GetFunctionConfiguration") == made
        with pytest.raises(AwsError, match="Revision Id provided does not match") as refused:
            await _call(opened, "UpdateFunctionCode", ZipFile=new, RevisionId="another")
        assert refused.value.code == "PreconditionFailedException"
        updated = await _call(opened, "UpdateFunctionCode", ZipFile=new, Publish=True, RevisionId=made["RevisionId"])
        assert (updated["Version"], updated["FunctionArn"]) == ("1", function_arn("hello", "1"))
        assert updated["CodeSha256"] == tried["CodeSha256"]
        latest = await _call(opened, "GetFunctionConfiguration")
        assert latest["RevisionId"] not in (made["RevisionId"], updated["RevisionId"])

    in_house(body)


def test_settings_change_and_what_is_not_told_stays(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await make_role(opened)
        await make_function(opened, Description="first", Environment={"Variables": {"A1": "x"}})
        updated = await _call(opened, "UpdateFunctionConfiguration", Timeout=60, LoggingConfig={"LogFormat": "JSON"})
        assert (updated["Timeout"], updated["Description"]) == (60, "first")
        assert updated["LoggingConfig"] == {
            "LogFormat": "JSON",
            "LogGroup": "/aws/lambda/hello",
            "ApplicationLogLevel": "INFO",
            "SystemLogLevel": "INFO",
        }
        assert updated["Environment"] == {"Variables": {"A1": "x"}}
        emptied = await _call(opened, "UpdateFunctionConfiguration", Environment={"Variables": {}})
        assert emptied["Environment"] == {"Variables": {}}
        for params, message in (
            ({"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}, "while DescribeSubnets"),
            ({"Timeout": 901}, "less than or equal to 900"),
            ({"Runtime": "python3.7"}, "no longer supported"),
            ({"Runtime": "nodejs22.x"}, "does not run the runtime nodejs22.x"),
            ({"SnapStart": {"ApplyOn": "PublishedVersions"}}, "SnapStart"),
            ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "AWS_REGION"),
            ({"Environment": {"Variables": {"LARGE": "x" * 4096}}}, "4KB"),
        ):
            with pytest.raises(AwsError, match=message):
                await _call(opened, "UpdateFunctionConfiguration", **params)

    in_house(body)


def test_versions_are_published_once_for_each_state(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await make_role(opened)
        made = await make_function(opened, Environment={"Variables": {"COLOUR": "blue"}})
        first = await _call(opened, "PublishVersion", Description="one")
        assert (first["Version"], first["Description"]) == ("1", "one")
        assert await _call(opened, "PublishVersion", Description="again") == first
        with pytest.raises(AwsError, match=r"CodeSHA256 \(other\) is different"):
            await _call(opened, "PublishVersion", CodeSha256="other")
        await _call(opened, "UpdateFunctionConfiguration", MemorySize=256)
        second = await _call(opened, "PublishVersion", CodeSha256=made["CodeSha256"])
        assert (second["Version"], second["MemorySize"], second["Description"]) == ("2", 256, "")
        listed = (await _call(opened, "ListVersionsByFunction"))["Versions"]
        assert [each["Version"] for each in listed] == ["$LATEST", "1", "2"]
        assert listed[0]["FunctionArn"] == function_arn("hello", "$LATEST")
        assert all("State" not in each and each["Environment"]["Variables"] for each in listed)
        old = await _call(opened, "GetFunctionConfiguration", Qualifier="1")
        assert (old["MemorySize"], old["Environment"]) == (128, {"Variables": {"COLOUR": "blue"}})
        await _call(opened, "DeleteFunction", Qualifier="1")
        with pytest.raises(AwsError, match=f"Function not found: {function_arn('hello', '1')}"):
            await _call(opened, "GetFunction", Qualifier="1")
        with pytest.raises(AwsError, match="LATEST version cannot be deleted"):
            await _call(opened, "DeleteFunction", Qualifier="$LATEST")

    in_house(body)


def test_functions_are_listed_in_pages(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await make_role(opened)
        for number in range(5):
            await make_function(opened, f"f{number}", Publish=number == 0)
        names: list[str] = []
        marker: dict[str, Any] = {}
        while True:
            page = await opened.call("lambda", "ListFunctions", MaxItems=2, **marker)
            names += [each["FunctionName"] for each in page["Functions"]]
            if "NextMarker" not in page:
                break
            marker = {"Marker": page["NextMarker"]}
        assert names == ["f0", "f1", "f2", "f3", "f4"]
        every = await opened.call("lambda", "ListFunctions", FunctionVersion="ALL")
        assert [each["FunctionArn"].rpartition(":")[2] for each in every["Functions"][:3]] == [
            "$LATEST",
            "1",
            "$LATEST",
        ]
        with pytest.raises(AwsError, match="Invalid marker"):
            await opened.call("lambda", "ListFunctions", Marker="foreign")
        settings = await opened.call("lambda", "GetAccountSettings")
        assert settings["AccountUsage"]["FunctionCount"] == 5
        assert settings["AccountLimit"]["UnreservedConcurrentExecutions"] == 1000

    in_house(body)


def test_concurrency_is_reserved_within_the_accounts(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await make_role(opened)
        await make_function(opened)
        assert await _call(opened, "GetFunctionConcurrency") == {}
        put = await _call(opened, "PutFunctionConcurrency", ReservedConcurrentExecutions=900)
        assert put == {"ReservedConcurrentExecutions": 900}
        assert (await _call(opened, "GetFunction"))["Concurrency"] == put
        with pytest.raises(AwsError, match=r"below its minimum value of \[100\]"):
            await _call(opened, "PutFunctionConcurrency", ReservedConcurrentExecutions=901)
        settings = await opened.call("lambda", "GetAccountSettings")
        assert settings["AccountLimit"]["UnreservedConcurrentExecutions"] == 100
        await _call(opened, "DeleteFunctionConcurrency")
        assert await _call(opened, "GetFunctionConcurrency") == {}

    in_house(body)


def test_asynchronous_invocation_is_configured_for_each_qualifier(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await make_role(opened)
        await make_function(opened, Publish=True)
        put = await _call(opened, "PutFunctionEventInvokeConfig", MaximumRetryAttempts=0)
        assert put["FunctionArn"] == function_arn("hello", "$LATEST")
        assert put["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {}}
        updated = await _call(opened, "UpdateFunctionEventInvokeConfig", MaximumEventAgeInSeconds=60)
        assert (updated["MaximumRetryAttempts"], updated["MaximumEventAgeInSeconds"]) == (0, 60)
        with pytest.raises(AwsError, match="doesn't have an EventInvokeConfig"):
            await _call(opened, "GetFunctionEventInvokeConfig", Qualifier="1")
        await _call(opened, "PutFunctionEventInvokeConfig", Qualifier="1", MaximumRetryAttempts=2)
        listed = await _call(opened, "ListFunctionEventInvokeConfigs")
        assert len(listed["FunctionEventInvokeConfigs"]) == 2
        await _call(opened, "DeleteFunctionEventInvokeConfig")
        with pytest.raises(AwsError, match="doesn't have an EventInvokeConfig"):
            await _call(opened, "GetFunctionEventInvokeConfig")
        config = {"OnFailure": {"Destination": "arn:aws:kinesis:us-east-1:111122223333:stream/s"}}
        with pytest.raises(AwsError, match="not a valid destination"):
            await _call(opened, "PutFunctionEventInvokeConfig", DestinationConfig=config)

    in_house(body)
