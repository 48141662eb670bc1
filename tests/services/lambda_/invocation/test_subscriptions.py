"""Subscription filters: log events that match reach a function, whatever happens in between."""

from datetime import timedelta
from typing import Any

from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.lambda_.invocation.running import logged, running_function, settle, until
from tests.services.logs.asking import GROUP, GROUP_ARN, ask, make_group, put
from tests.services.refusals import refused

from strongroom.services.logs.filters import tables

SOURCE = """
import base64, gzip, json

def handler(event, context):
    told = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    for each in told["logEvents"]:
        print("GOT", told["logStream"], told["subscriptionFilters"][0], each["message"])
"""


async def _subscribed(opened: OpenedHouse, pattern: str = "ERROR", **params: Any) -> str:
    arn = await running_function(opened, SOURCE, "reader")
    await opened.call(
        "lambda",
        "AddPermission",
        FunctionName="reader",
        StatementId="logs",
        Action="lambda:InvokeFunction",
        Principal="logs.amazonaws.com",
        SourceArn=f"{GROUP_ARN}:*",
        SourceAccount=ACCOUNT,
    )
    named = {"logGroupName": GROUP, "filterName": "errors", "filterPattern": pattern, "destinationArn": arn}
    await ask(opened, "PutSubscriptionFilter", **(named | params))
    return arn


async def _got(opened: OpenedHouse, count: int) -> list[str]:
    async def found() -> list[str] | None:
        await settle(opened)
        messages = [message.strip() for message in await logged(opened, "reader") if message.startswith("GOT")]
        return messages if len(messages) >= count else None

    messages: list[str] = await until(found)
    return sorted(messages)


async def _left(opened: OpenedHouse) -> list[Any]:
    return list(await opened.house.store.read(lambda connection: connection.execute(tables.DELIVERIES.select()).all()))


def test_what_matches_reaches_the_function(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await make_group(opened, streams=("i-1", "i-2"))
        await put(opened, "ERROR before there was a filter")
        arn = await _subscribed(opened)
        shown = (await ask(opened, "DescribeSubscriptionFilters", logGroupName=GROUP))["subscriptionFilters"]
        assert [each["destinationArn"] for each in shown] == [arn]
        await put(opened, "ERROR one", "fine", "ERROR two")
        await put(opened, "ERROR three", stream="i-2")
        await put(opened, "all is well")
        expected = ["GOT i-1 errors ERROR one", "GOT i-1 errors ERROR two", "GOT i-2 errors ERROR three"]
        assert await _got(opened, 3) == expected
        assert await _left(opened) == []
        await ask(opened, "DeleteSubscriptionFilter", logGroupName=GROUP, filterName="errors")
        await put(opened, "ERROR unheard")
        await settle(opened)
        assert await _got(opened, 3) == expected

    in_house(body)


def test_what_cannot_be_delivered_waits_and_is_given_up_after_a_day(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await make_group(opened)
        await _subscribed(opened, "")
        await opened.call("lambda", "RemovePermission", FunctionName="reader", StatementId="logs")
        await put(opened, "kept")
        await settle(opened)
        assert [row.postponements for row in await _left(opened)] == [1]
        await opened.call(
            "lambda",
            "AddPermission",
            FunctionName="reader",
            StatementId="again",
            Action="lambda:InvokeFunction",
            Principal="logs.amazonaws.com",
        )
        opened.clock.advance(timedelta(seconds=2))
        assert await _got(opened, 1) == ["GOT i-1 errors kept"]
        await opened.call("lambda", "RemovePermission", FunctionName="reader", StatementId="again")
        await put(opened, "given up")
        await settle(opened)
        assert len(await _left(opened)) == 1
        opened.clock.advance(timedelta(hours=25))
        await settle(opened)
        assert await _left(opened) == []

    in_house(body)


def test_a_function_is_not_told_of_its_own_log(in_sqlite_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await make_group(opened)
        await make_group(opened, "/aws/lambda/reader")
        with refused(
            "InvalidParameterException",
            "The log group provided is reserved for the function log of the destination function.",
        ):
            await _subscribed(opened, logGroupName="/aws/lambda/reader")

    in_sqlite_house(body)
