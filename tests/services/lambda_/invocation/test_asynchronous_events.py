"""Events: queued, tried again, given up, told to destinations; on both databases."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.opened_house import InHouse, OpenedHouse
from tests.running_server import running_server
from tests.services.lambda_.functions import function_arn
from tests.services.lambda_.invocation.made_functions import LOGS, make_function
from tests.services.lambda_.invocation.made_functions import logged as logged_by_server
from tests.services.lambda_.invocation.running import invoke, logged, running_function, settle, until

from strongroom.services.lambda_.invocation import tables

TELLS = "def handler(event, context):\n    print('TOLD', __import__('json').dumps(event), context.aws_request_id)"
FAILS = "def handler(event, context):\n    print('TRIED', context.aws_request_id)\n    raise Exception('not today')"


async def _waiting(opened: OpenedHouse) -> list[Any]:
    return list(await opened.house.store.read(lambda connection: connection.execute(tables.EVENTS.select()).all()))


async def _messages(opened: OpenedHouse, name: str, begins: str, count: int) -> list[str]:
    async def found() -> list[str] | None:
        messages = [message for message in await logged(opened, name) if message.startswith(begins)]
        return messages if len(messages) >= count else None

    messages: list[str] = await until(found)
    assert len(messages) == count, messages
    return messages


def test_an_event_is_delivered_and_forgotten(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await running_function(opened, TELLS)
        assert await invoke(opened, event={"n": 7}, InvocationType="Event") == {"StatusCode": 202}
        told = await _messages(opened, "hello", "TOLD", 1)
        assert told[0].startswith('TOLD {"n": 7} ')
        await settle(opened)
        assert await _waiting(opened) == []

    in_house(body)


def test_a_failure_is_tried_again_twice_and_then_told_to_the_destination(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await running_function(opened, FAILS)
        destination = await running_function(opened, TELLS, "told")
        await opened.call(
            "lambda",
            "PutFunctionEventInvokeConfig",
            FunctionName="hello",
            DestinationConfig={"OnFailure": {"Destination": destination}},
        )
        await invoke(opened, event={"n": 1}, InvocationType="Event")
        await settle(opened)
        await _messages(opened, "hello", "TRIED", 1)
        for tried, wait in ((2, 60), (3, 120)):
            opened.clock.advance(timedelta(seconds=wait - 5))
            await settle(opened)
            assert len(await _waiting(opened)) == 1
            opened.clock.advance(timedelta(seconds=6))
            await settle(opened)
            tries = await _messages(opened, "hello", "TRIED", tried)
        assert len(set(tries)) == 1, "the request id stays the same"
        message = (await _messages(opened, "told", "TOLD", 1))[0]
        record = json.loads(message.removeprefix("TOLD ").rpartition(" ")[0])
        assert record["requestContext"] == {
            "requestId": tries[0].split()[1],
            "functionArn": function_arn("hello", "$LATEST"),
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        }
        assert record["requestPayload"] == {"n": 1}
        assert record["responseContext"] == {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        }
        assert record["responsePayload"]["errorMessage"] == "not today"
        await settle(opened)
        assert await _waiting(opened) == []

    in_house(body)


def test_what_is_configured_about_retries_and_success(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        destination = await running_function(opened, TELLS, "told")
        for name, source in (("fails", FAILS), ("works", "def handler(event, context): return event")):
            await running_function(opened, source, name)
            config = {"OnSuccess": {"Destination": destination}, "OnFailure": {"Destination": destination}}
            params = {"FunctionName": name, "MaximumRetryAttempts": 0, "DestinationConfig": config}
            await opened.call("lambda", "PutFunctionEventInvokeConfig", **params)
            await invoke(opened, name, {"of": name}, InvocationType="Event")
        told = [json.loads(each[5:].rpartition(" ")[0]) for each in await _messages(opened, "told", "TOLD", 2)]
        conditions = {each["requestPayload"]["of"]: each["requestContext"]["condition"] for each in told}
        assert conditions == {"fails": "RetriesExhausted", "works": "Success"}
        assert {"of": "works"} in [each["responsePayload"] for each in told]

    in_house(body)


def test_an_event_that_may_not_run_waits_and_grows_too_old(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await running_function(opened, TELLS)
        destination = await running_function(opened, TELLS, "told")
        await opened.call(
            "lambda",
            "PutFunctionEventInvokeConfig",
            FunctionName="hello",
            MaximumEventAgeInSeconds=600,
            DestinationConfig={"OnFailure": {"Destination": destination}},
        )
        await opened.call("lambda", "PutFunctionConcurrency", FunctionName="hello", ReservedConcurrentExecutions=0)
        await invoke(opened, event={"n": 1}, InvocationType="Event")
        await settle(opened)
        for _ in range(3):
            opened.clock.advance(timedelta(seconds=60))
            await settle(opened)
        assert (await _waiting(opened))[0].postponements == 4
        opened.clock.advance(timedelta(seconds=600))
        await settle(opened)
        told = (await _messages(opened, "told", "TOLD", 1))[0]
        assert '"condition": "EventAgeExceeded"' in told
        assert "responsePayload" not in told
        # One that waits for less long is delivered when it may.
        await invoke(opened, event={"n": 2}, InvocationType="Event")
        await settle(opened)
        await opened.call("lambda", "DeleteFunctionConcurrency", FunctionName="hello")
        opened.clock.advance(timedelta(seconds=5))
        await settle(opened)
        await _messages(opened, "hello", 'TOLD {"n": 2}', 1)

    in_house(body)


def test_the_payload_is_sealed_while_it_waits(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await running_function(opened, TELLS)
        await opened.call("lambda", "PutFunctionConcurrency", FunctionName="hello", ReservedConcurrentExecutions=0)
        await invoke(opened, event={"secret": "correct horse battery staple"}, InvocationType="Event")
        await settle(opened)
        row = (await _waiting(opened))[0]
        assert b"battery" not in row.payload
        assert b"battery" in opened.house.sealer.open(row.payload, tables.PAYLOAD_PLACE.format(**row._asdict()))

    in_house(body)


SLEEPS = """
import time

def handler(event, context):
    print('GOT', event['n'])
    time.sleep(event['s'])
    print('DONE', event['n'])
"""


def test_events_of_a_server_that_was_killed_are_delivered_after_its_restart(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        name = make_function(server, SLEEPS, LOGS, Timeout=60)
        client = server.client("lambda")
        for number in range(3):
            payload = json.dumps({"n": number, "s": 2})
            client.invoke(FunctionName=name, InvocationType="Event", Payload=payload)
        log = f"/aws/lambda/{name}"
        assert not any("DONE" in message for message in logged_by_server(server, log, "GOT 2"))
        server.kill()
        server.start()
        for number in range(3):
            logged_by_server(server, log, f"DONE {number}", 20.0)
