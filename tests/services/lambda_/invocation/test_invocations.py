"""Invocations in a house without a server: what a function is told, in which log it is, and where it cannot run."""

import base64
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.running_server import running_server
from tests.services.lambda_.functions import function_arn
from tests.services.lambda_.invocation import made_functions
from tests.services.lambda_.invocation.running import invoke, logged, running_function, until
from tests.services.refusals import refused

from strongroom.operations.trail import as_cloudtrail
from strongroom.runners.probe import probe_now

TELLS = """
import logging, os

def handler(event, context):
    logging.getLogger().warning("a warning")
    client = context.client_context
    return {
        "custom": client.custom if client else None,
        "arn": context.invoked_function_arn,
        "left": context.get_remaining_time_in_millis(),
        "stream": context.log_stream_name,
        "variables": {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "OWN", "_", "L"))},
        "files": sorted(os.listdir("/var/task")),
    }
"""


def test_what_a_function_is_told(in_sqlite_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        own = {"OWN": "value", "LANG": "C", "AWS_ENDPOINT_URL": "https://elsewhere.example"}
        await running_function(opened, TELLS, Environment={"Variables": own}, Timeout=7)
        context = base64.b64encode(json.dumps({"custom": {"k\u00e4y": "v"}}).encode()).decode()
        told: dict[str, Any] = (await invoke(opened, ClientContext=context))["Payload"]
        assert told["custom"] == {"k\u00e4y": "v"}
        assert told["arn"] == function_arn("hello")
        assert 6_000 < told["left"] <= 7_000
        assert told["files"] == ["app.py"]
        variables = told["variables"]
        expected = {
            "_HANDLER": "app.handler",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_FUNCTION_NAME": "hello",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/hello",
            "AWS_LAMBDA_LOG_STREAM_NAME": told["stream"],
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "LAMBDA_TASK_ROOT": "/var/task",
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "OWN": "value",
            "LANG": "C",
            "AWS_ENDPOINT_URL": "https://elsewhere.example",
        }
        assert {name: variables.get(name) for name in expected} == expected
        assert variables["AWS_ACCESS_KEY_ID"].startswith("ASIA")
        assert "_LAMBDA_TELEMETRY_LOG_FD" not in variables
        other = (await invoke(opened, "hello:$LATEST"))["Payload"]
        assert (other["custom"], other["arn"]) == (None, function_arn("hello", "$LATEST"))

    in_sqlite_house(body)


ENDS_LATE = """
import time

def handler(event, context):
    time.sleep(1)
    print("THE LAST WORDS")
    return "done"
"""


@pytest.mark.parametrize("context", ["not base64!", "WzFd", "e30" + "x" * 4_000])
def test_client_contexts_that_are_none(context: str, in_sqlite_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await running_function(opened, TELLS)
        with refused("InvalidRequestContentException"):
            await invoke(opened, ClientContext=context)

    in_sqlite_house(body)


def test_a_log_in_json_and_in_a_group_of_its_own(in_sqlite_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await running_function(opened, TELLS, LoggingConfig={"LogFormat": "JSON", "LogGroup": "/aws/lambda/own"})
        await invoke(opened)

        async def reported() -> list[Any] | None:
            messages = [json.loads(message) for message in await logged(opened, "own")]
            return messages if any(each.get("type") == "platform.report" for each in messages) else None

        messages = await until(reported)
        by_type = {each.get("type", each.get("level")): each for each in messages}
        assert by_type["WARNING"]["message"] == "a warning"
        request_id = by_type["WARNING"]["requestId"]
        assert by_type["platform.start"]["record"] == {"requestId": request_id, "version": "$LATEST"}
        record = by_type["platform.report"]["record"]
        assert (record["status"], record["requestId"]) == ("success", request_id)
        assert record["metrics"]["memorySizeMB"] == 128
        assert record["metrics"]["initDurationMs"] > 0

    in_sqlite_house(body)


def test_the_role_is_really_assumed(in_sqlite_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await running_function(opened, TELLS)
        await invoke(opened)
        now = opened.clock.now()
        records = [as_cloudtrail(each) for each in await opened.house.audit.records(now - 60, now + 60)]
        (assumed,) = [each for each in records if each["eventName"] == "AssumeRole"]
        assert assumed["userIdentity"] == {"type": "AWSService", "invokedBy": "lambda.amazonaws.com"}
        assert assumed["requestParameters"]["roleSessionName"] == "hello"
        user = assumed["responseElements"]["assumedRoleUser"]
        assert user["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/execution/hello"

    in_sqlite_house(body)


def test_where_there_is_no_sandbox_nothing_runs(
    in_sqlite_house: InHouse[None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def body(opened: OpenedHouse) -> None:
        await running_function(opened, TELLS)
        probe_now.cache_clear()
        monkeypatch.setenv("PATH", str(tmp_path))
        try:
            with pytest.raises(Exception, match=r"there is no sandbox: bubblewrap \(bwrap\) is not installed"):
                await invoke(opened)
        finally:
            probe_now.cache_clear()

    in_sqlite_house(body)


def test_a_runtime_that_this_machine_does_not_have(in_sqlite_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await running_function(opened, TELLS, Runtime="python3.14")
        with pytest.raises(Exception, match=r"InvalidRuntimeException: python3.14 cannot be run here"):
            await invoke(opened)

    in_sqlite_house(body)


def test_the_operator_may_do_without_a_sandbox(in_sqlite_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        source = "import boto3, os\ndef handler(event, context): return [boto3.__name__, os.getpid()]"
        await running_function(opened, source)
        name, process = (await invoke(opened))["Payload"]
        assert name == "boto3"
        assert Path(f"/proc/{process}").exists(), "it is a process of this machine"

    in_sqlite_house(body, sandbox="unsafe")


def test_a_server_that_stops_lets_invocations_finish_and_loses_no_log(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        name = made_functions.make_function(server, ENDS_LATE, made_functions.LOGS)
        answers: list[Any] = []
        asking = threading.Thread(target=lambda: answers.append(made_functions.invoke(server, name)[0]))
        asking.start()
        made_functions.logged(server, f"/aws/lambda/{name}", "START")
        assert server.stop() == 0
        asking.join()
        assert answers == ["done"]
        server.start()
        messages = made_functions.logged(server, f"/aws/lambda/{name}", "THE LAST WORDS")
        assert any(message.startswith("REPORT") for message in messages)
