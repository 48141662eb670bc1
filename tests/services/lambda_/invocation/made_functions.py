"""Functions on a running server: made with a role of their own, invoked, and their logs read."""

import base64
import contextlib
import json
import time
import uuid
from typing import Any

from tests.running_server import RunningServer
from tests.services.lambda_.functions import TRUST, archive

LOGS = {
    "Effect": "Allow",
    "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": "*",
}

_clients: dict[tuple[str, str], Any] = {}


def client_of(server: RunningServer, service: str) -> Any:
    """Return a client of a service, one for all tests: to make one takes longer than most calls."""
    key = (server.https, service)
    if key not in _clients:
        _clients[key] = server.client(service)
    return _clients[key]


def make_role(server: RunningServer, *statements: dict[str, Any]) -> str:
    """Make a role that Lambda can assume, with some permissions; return its ARN."""
    iam, name = client_of(server, "iam"), f"role-{uuid.uuid4().hex[:8]}"
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    if statements:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document)
    return str(arn)


def make_function(server: RunningServer, source: str, *statements: dict[str, Any], **params: Any) -> str:
    """Make a Python function with a role that has some permissions; return its name."""
    name = f"function-{uuid.uuid4().hex[:8]}"
    settings = {
        "FunctionName": name,
        "Runtime": "python3.11",
        "Handler": "app.handler",
        "Timeout": 10,
        "MemorySize": 256,
        "Code": {"ZipFile": archive({"app.py": source})},
    } | params
    if "Role" not in settings:
        settings["Role"] = make_role(server, *statements)
    client_of(server, "lambda").create_function(**settings)
    return name


def invoke(server: RunningServer, name: str, event: Any = None, **params: Any) -> tuple[Any, dict[str, Any]]:
    """Invoke a function; return what it answered, and the answer of Invoke."""
    payload = {} if event is None else {"Payload": json.dumps(event)}
    answer = client_of(server, "lambda").invoke(FunctionName=name, **payload, **params)
    answered = answer["Payload"].read()
    return (json.loads(answered) if answered else None), answer


def tail_of(answer: dict[str, Any]) -> str:
    """Return the tail of the log that came with an answer."""
    return base64.b64decode(answer["LogResult"]).decode()


def logged(server: RunningServer, group: str, wanted: str, seconds: float = 5.0) -> list[str]:
    """Return the messages of a log group, once one of them holds what is wanted."""
    logs, end = client_of(server, "logs"), time.monotonic() + seconds
    while True:
        messages: list[str] = []
        with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
            messages = [each["message"] for each in logs.filter_log_events(logGroupName=group)["events"]]
        if any(wanted in message for message in messages):
            return messages
        assert time.monotonic() < end, f"{wanted!r} was not logged: {messages}"
        time.sleep(0.05)
