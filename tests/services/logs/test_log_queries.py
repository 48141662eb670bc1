"""Logs Insights: queries, their results at rest, saved queries, and single records."""

import asyncio
import json
from datetime import timedelta
from typing import Any

from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.logs.asking import GROUP, GROUP_ARN, ask, key_for_logs, make_group, now_ms, put
from tests.services.refusals import refused

RESULT_ARN = f"arn:aws:logs:us-east-1:{ACCOUNT}:query-result:*"


async def start(house: OpenedHouse, text: str, **params: Any) -> str:
    now = now_ms(house) // 1000
    times = {"startTime": now - 3_600, "endTime": now + 60, "logGroupName": GROUP}
    return str((await ask(house, "StartQuery", queryString=text, **(times | params)))["queryId"])


async def results(house: OpenedHouse, query_id: str, **params: Any) -> dict[str, Any]:
    while True:
        answer = await ask(house, "GetQueryResults", queryId=query_id, **params)
        if answer["status"] != "Running":
            return answer
        await asyncio.sleep(0.01)


def as_dicts(answer: dict[str, Any]) -> list[dict[str, str]]:
    return [{each["field"]: each["value"] for each in row} for row in answer["results"]]


async def with_events(house: OpenedHouse, **params: Any) -> None:
    await make_group(house, streams=("a", "b"), **params)
    for number in range(20):
        message = json.dumps({"level": "ERROR" if number % 4 == 0 else "INFO", "number": number, "of": {"x": [1, 2]}})
        await put(house, message, stream="ab"[number % 2], at=now_ms(house) - 60_000 + number)


def test_a_query_runs_and_its_records_can_be_looked_up(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await with_events(house)
        query_id = await start(house, "fields number, @logStream | filter level = 'ERROR' | sort number asc")
        answer = await results(house, query_id)
        assert answer["status"] == "Complete"
        rows = as_dicts(answer)
        assert [(row["number"], row["@logStream"]) for row in rows] == [
            ("0", "a"),
            ("4", "a"),
            ("8", "a"),
            ("12", "a"),
            ("16", "a"),
        ]
        assert answer["statistics"]["recordsMatched"] == 5
        assert answer["statistics"]["recordsScanned"] == 20
        record = (await ask(house, "GetLogRecord", logRecordPointer=rows[1]["@ptr"]))["logRecord"]
        assert (record["number"], record["level"], record["of.x.1"], record["@logStream"]) == ("4", "ERROR", "2", "a")
        assert record["@log"] == f"{ACCOUNT}:{GROUP}"
        page = await results(house, query_id, maxItems=2)
        assert len(page["results"]) == 2
        rest = await results(house, query_id, nextToken=page["nextToken"])
        assert len(rest["results"]) == 3
        stats = await results(house, await start(house, "stats count(*) as n by level | sort level asc"))
        assert as_dicts(stats) == [{"level": "ERROR", "n": "5"}, {"level": "INFO", "n": "15"}]
        for wrong in ("x", rows[0]["@ptr"][:-4]):
            with refused("InvalidParameterException"):
                await ask(house, "GetLogRecord", logRecordPointer=wrong)

    in_house(body)


def test_queries_are_listed_as_aws_does(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await with_events(house)
        query_id = await start(house, "fields @message", startTime=1, endTime=2)
        await results(house, query_id)
        listed = (await ask(house, "DescribeQueries", logGroupName=GROUP))["queries"]
        assert listed[0]["queryString"] == f'SOURCE "{GROUP}" START=1000 END=2999 | fields @message'
        assert (listed[0]["queryId"], listed[0]["status"], listed[0]["queryLanguage"]) == (query_id, "Complete", "CWLI")
        other = await start(house, "fields @message")
        await results(house, other)
        page = await ask(house, "DescribeQueries", maxResults=1)
        rest = await ask(house, "DescribeQueries", maxResults=1, nextToken=page["nextToken"])
        assert {page["queries"][0]["queryId"], rest["queries"][0]["queryId"]} == {query_id, other}
        assert (await ask(house, "DescribeQueries", status="Running"))["queries"] == []
        with refused("InvalidParameterException"):
            await ask(house, "StopQuery", queryId=query_id)
        with refused("ResourceNotFoundException"):
            await ask(house, "GetQueryResults", queryId="no")
        house.clock.advance(timedelta(days=8))
        await house.run_periodic_work()
        assert (await ask(house, "DescribeQueries"))["queries"] == []

    in_house(body)


def test_queries_that_are_refused(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_group(house)
        with refused("MalformedQueryException"):
            await start(house, "fields @message | frobnicate")
        with refused("ResourceNotFoundException", "The specified log group does not exist."):
            await start(house, "fields @message", logGroupName="/no")
        with refused("InvalidParameterException"):
            await start(house, "fields @message", logGroupNames=[GROUP])
        with refused("InvalidParameterException"):
            await start(house, "fields @message", startTime=5, endTime=4)
        with refused("UnsupportedOperationException"):
            await start(house, "SELECT 1", queryLanguage="SQL")

    in_house(body)


def test_results_are_under_the_key_of_the_account(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await with_events(house)
        with refused("InvalidParameterException"):
            key = await key_for_logs(house)
            await ask(house, "AssociateKmsKey", resourceIdentifier=RESULT_ARN, kmsKeyId=key)
        before = await start(house, "fields number")
        key = await key_for_logs(house, RESULT_ARN)
        await ask(house, "AssociateKmsKey", resourceIdentifier=RESULT_ARN, kmsKeyId=key)
        query_id = await start(house, "fields number")
        answer = await results(house, query_id)
        assert (answer["encryptionKey"], len(answer["results"])) == (key, 20)
        await house.kms("DisableKey", KeyId=key)
        with refused("AccessDeniedException"):
            await results(house, query_id)
        assert len((await results(house, before))["results"]) == 20
        await house.kms("EnableKey", KeyId=key)
        assert len((await results(house, query_id))["results"]) == 20
        await ask(house, "DisassociateKmsKey", resourceIdentifier=RESULT_ARN)
        assert "encryptionKey" not in await results(house, await start(house, "fields number"))

    in_house(body)


def test_a_query_of_events_under_a_disabled_key_fails(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key = await key_for_logs(house, GROUP_ARN)
        await with_events(house, kmsKeyId=key)
        await house.kms("DisableKey", KeyId=key)
        assert (await results(house, await start(house, "fields number")))["status"] == "Failed"
        await house.kms("EnableKey", KeyId=key)
        assert (await results(house, await start(house, "fields number")))["status"] == "Complete"

    in_house(body)


def test_fields_of_a_group(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await with_events(house)
        await put(house, "no json", stream="a")
        fields = (await ask(house, "GetLogGroupFields", logGroupName=GROUP))["logGroupFields"]
        percents = {field["name"]: field["percent"] for field in fields}
        assert (percents["@message"], percents["level"], percents["of.x.0"]) == (100, 95, 95)

    in_house(body)


def test_saved_queries(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        token = "t" * 36
        saved = {"name": "errors/all", "queryString": "filter x", "logGroupNames": [GROUP]}
        made = (await ask(house, "PutQueryDefinition", **saved, clientToken=token))["queryDefinitionId"]
        assert (await ask(house, "PutQueryDefinition", **saved, clientToken=token))["queryDefinitionId"] == made
        await ask(house, "PutQueryDefinition", name="other", queryString="filter y")
        listed = (await ask(house, "DescribeQueryDefinitions", queryDefinitionNamePrefix="errors"))["queryDefinitions"]
        assert listed[0].pop("lastModified")
        assert listed == [{"queryDefinitionId": made, "queryLanguage": "CWLI", **saved}]
        await ask(house, "PutQueryDefinition", name="errors/all", queryString="filter z", queryDefinitionId=made)
        page = await ask(house, "DescribeQueryDefinitions", maxResults=1)
        assert page["queryDefinitions"][0]["queryString"] == "filter z"
        rest = await ask(house, "DescribeQueryDefinitions", maxResults=1, nextToken=page["nextToken"])
        assert [each["name"] for each in rest["queryDefinitions"]] == ["other"]
        assert await ask(house, "DeleteQueryDefinition", queryDefinitionId=made) == {"success": True}
        with refused("ResourceNotFoundException"):
            await ask(house, "DeleteQueryDefinition", queryDefinitionId=made)

    in_house(body)
