"""Functions of a house without a server: made, invoked, and waited for."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from tests.opened_house import ACCOUNT, OpenedHouse
from tests.services.lambda_.functions import ROLE_NAME, archive, make_function, make_role

from strongroom.services.lambda_.invocation.event_queue import EventQueue

MAY_LOG = {
    "Effect": "Allow",
    "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "lambda:InvokeFunction"],
    "Resource": "*",
}


async def running_function(opened: OpenedHouse, source: str, name: str = "hello", **params: Any) -> str:
    """Make a function of some source, whose role may log and invoke others; return its ARN."""
    if await opened.house.directory.find_by_arn(f"arn:aws:iam::{ACCOUNT}:role/{ROLE_NAME}") is None:
        await make_role(opened)
        document = json.dumps({"Version": "2012-10-17", "Statement": [MAY_LOG]})
        await opened.call("iam", "PutRolePolicy", RoleName=ROLE_NAME, PolicyName="own", PolicyDocument=document)
    made = await make_function(opened, name, Code={"ZipFile": archive({"app.py": source})}, **params)
    return str(made["FunctionArn"])


async def invoke(opened: OpenedHouse, name: str = "hello", event: Any = None, **params: Any) -> dict[str, Any]:
    """Invoke a function; return the answer, with what the function answered as a value."""
    payload = json.dumps({} if event is None else event).encode()
    answer = await opened.call("lambda", "Invoke", FunctionName=name, Payload=payload, **params)
    return answer | {"Payload": json.loads(answer["Payload"])} if answer.get("Payload") else answer


async def logged(opened: OpenedHouse, name: str = "hello") -> list[str]:
    """Return what a function's log holds."""
    from strongroom.base.errors import AwsError

    try:
        found = await opened.call("logs", "FilterLogEvents", logGroupName=f"/aws/lambda/{name}")
    except AwsError:
        return []
    return [event["message"] for event in found["events"]]


async def until(condition: Callable[[], Awaitable[Any]], seconds: float = 10.0) -> Any:
    """Return what `condition` finds, once it finds something."""
    async with asyncio.timeout(seconds):
        while not (found := await condition()):
            await asyncio.sleep(0.02)
    return found


async def settle(opened: OpenedHouse) -> None:
    """Do what is due, and wait until every event in hand was seen to."""
    await opened.run_periodic_work()
    queue = opened.house.part(EventQueue)

    async def is_idle() -> bool:
        return not queue.in_flight

    await until(is_idle)
