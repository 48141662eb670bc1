"""Functions that fail in every way: reported as AWS does, and the next invocation works."""

import asyncio
import base64
from datetime import timedelta
from typing import Any

from tests.opened_house import InHouse, OpenedHouse
from tests.services.lambda_.invocation.running import invoke, running_function

SOURCE = """
import os, signal, time

def handler(event, context):
    match event.get("do"):
        case "exit": os._exit(event["status"])
        case "kill": os.kill(os.getpid(), signal.SIGSEGV)
        case "raise": raise ValueError("the reason")
        case "sleep": time.sleep(60)
        case "allocate":
            kept = []
            while True:
                kept.append(bytearray(16_000_000))
        case "fork":
            while True:
                if os.fork() == 0:
                    time.sleep(60)
        case "long": return "x" * 7_000_000
        case "none": return None
    return event
"""

TELLS_STREAM = """
import os, time

def handler(event, context):
    time.sleep(event["s"])
    return os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
"""
TELLS_VARIABLES = """
import os

def handler(event, context):
    return [os.environ["AWS_ACCESS_KEY_ID"], os.environ.get("OWN")]
"""


def _error(answer: dict[str, Any]) -> tuple[str, str]:
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled"), answer
    message: str = answer["Payload"]["errorMessage"]
    return answer["Payload"]["errorType"], message.partition(" Error: ")[2] or message


def test_functions_that_fail_are_reported_and_work_again(in_sqlite_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await running_function(opened, SOURCE, Timeout=1, EphemeralStorage={"Size": 512})

        async def error(**event: Any) -> tuple[str, str]:
            found = _error(await invoke(opened, event=event))
            assert (await invoke(opened, event={"n": 1}))["Payload"] == {"n": 1}
            return found

        exited = "Runtime.ExitError"
        assert await error(do="exit", status=3) == (exited, "Runtime exited with error: exit status 3")
        assert await error(do="exit", status=0) == (exited, "Runtime exited without providing a reason")
        assert await error(do="kill") == (exited, "Runtime exited with error: signal: segmentation fault")
        assert await error(do="raise") == ("ValueError", "the reason")
        assert await error(do="sleep") == ("Sandbox.Timedout", "Task timed out after 1.00 seconds")
        too_long = "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
        assert await error(do="long") == ("Function.ResponseSizeTooLarge", too_long)
        assert (await invoke(opened, event={"do": "none"}))["Payload"] is None

    in_sqlite_house(body)


def test_functions_that_take_all_they_can_get(in_sqlite_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await running_function(opened, SOURCE, Timeout=8)
        for what in ("allocate", "fork"):
            error_type, message = _error(await invoke(opened, event={"do": what}))
            assert error_type in ("Runtime.OutOfMemory", "OSError", "MemoryError", "Sandbox.Timedout"), message
            assert (await invoke(opened, event={"n": 1}))["Payload"] == {"n": 1}

    in_sqlite_house(body)


def test_functions_that_fail_before_they_begin(in_sqlite_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await running_function(opened, "import missing_module")
        answer = await invoke(opened, LogType="Tail")
        assert answer["Payload"] == {
            "errorMessage": "Unable to import module 'app': No module named 'missing_module'",
            "errorType": "Runtime.ImportModuleError",
            "requestId": "",
            "stackTrace": [],
        }
        assert "Status: error" in base64.b64decode(answer["LogResult"]).decode()
        for name, source, error in (
            ("raises", "raise Exception('Runtime startup fails')", ("Exception", "Runtime startup fails")),
            ("syntax", "def handler(:", ("Runtime.UserCodeSyntaxError", None)),
            ("missing", "x = 1", ("Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'")),
            ("exits", "import os; os._exit(0)", ("Runtime.ExitError", "Runtime exited without providing a reason")),
        ):
            await running_function(opened, source, name)
            for _ in range(2):
                found = _error(await invoke(opened, name))
                assert found[0] == error[0]
                assert error[1] in (None, found[1])

    in_sqlite_house(body)


def test_the_tail_of_the_log_is_the_last_of_it(in_sqlite_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await running_function(opened, "def handler(event, context):\n    for n in range(2000): print('line', n)")
        answer = await invoke(opened, LogType="Tail")
        tail = base64.b64decode(answer["LogResult"])
        assert len(tail) == 4096
        assert b"line 1999\nEND RequestId: " in tail

    in_sqlite_house(body)


def test_as_many_environments_as_there_are_invocations_at_once(in_sqlite_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await running_function(opened, TELLS_STREAM, Timeout=30)
        answers = await asyncio.gather(*(invoke(opened, event={"s": 0.5}) for _ in range(3)))
        first = {answer["Payload"] for answer in answers}
        assert len(first) == 3
        again = {(await invoke(opened, event={"s": 0}))["Payload"] for _ in range(6)}
        assert again <= first, "those that are there are used again"

    in_sqlite_house(body)


def test_an_environment_does_not_outlive_its_credentials_nor_its_version(in_sqlite_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await running_function(opened, TELLS_VARIABLES)
        first = (await invoke(opened))["Payload"]
        opened.clock.advance(timedelta(minutes=50))
        assert (await invoke(opened))["Payload"] == first
        opened.clock.advance(timedelta(minutes=10))
        second = (await invoke(opened))["Payload"]
        assert second != first
        await opened.call(
            "lambda",
            "UpdateFunctionConfiguration",
            FunctionName="hello",
            Environment={"Variables": {"OWN": "value"}},
        )
        third = (await invoke(opened))["Payload"]
        assert third[0] != second[0]
        assert third[1] == "value"

    in_sqlite_house(body)
