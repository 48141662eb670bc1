"""Every way in which a secret passes through a function that runs: given, answered, printed, thrown, left waiting."""

import base64
import json
import os
import time
from typing import Any

import pytest
from tests.faults.told_by_kms import Secrets, refused
from tests.runners.contained import why_not
from tests.running_server import RunningServer
from tests.services.lambda_.invocation.made_functions import LOGS, invoke, logged, make_function

SOURCE = """
import os

def handler(event, context):
    print("PRINTED", event["printed"])
    open("/tmp/kept", "w").write(event["kept"])
    if event.get("thrown"):
        raise Exception(event["thrown"])
    names = "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "OWN"
    return {"answered": event["answered"], **{name: os.environ[name] for name in names}}
"""


def invoke_functions(server: RunningServer, canary: bytes) -> Secrets:
    """Give secrets to functions that run, let them tell some, and leave one waiting in the queue of events.

    Nothing is told on a machine that cannot contain functions; with CI=true that fails.
    """
    reason = why_not()
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        return {}
    text = base64.b64encode(canary).decode()
    names = ("printed", "kept", "thrown", "answered", "queued", "context", "own variable")
    told = {name: f"{name} {text}" for name in names}
    own = {"Variables": {"OWN": told["own variable"]}}
    name = make_function(server, SOURCE, LOGS, Environment=own)
    event = {each: told[each] for each in ("printed", "kept", "answered")}
    context = base64.b64encode(json.dumps({"custom": {"it": told["context"]}}).encode()).decode()
    answered, _ = invoke(server, name, event, LogType="Tail", ClientContext=context)
    assert (answered["answered"], answered["OWN"]) == (told["answered"], told["own variable"])
    assert _on_no_command_line(answered["AWS_SECRET_ACCESS_KEY"], told["own variable"])
    thrown, answer = invoke(server, name, event | {"thrown": told["thrown"]})
    assert (thrown["errorMessage"], answer["FunctionError"]) == (told["thrown"], "Unhandled")
    logged(server, f"/aws/lambda/{name}", told["printed"])
    _leave_waiting(server, name, event, told["queued"])
    client = server.client("lambda")
    refused(lambda: client.invoke(FunctionName=name, Payload=f"no JSON: {text}".encode()))
    refused(lambda: client.invoke(FunctionName=name, ClientContext="?" + text))
    refused(lambda: client.invoke(FunctionName=name, Qualifier="?" + text))
    given = {each: answered[each] for each in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")}
    return {f"of a function: {each}": value.encode() for each, value in (told | given).items()}


def _leave_waiting(server: RunningServer, name: str, event: dict[str, Any], queued: str) -> None:
    client = server.client("lambda")
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    client.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(event | {"queued": queued}))
    time.sleep(0.2)


def _on_no_command_line(*secrets: str) -> bool:
    """Whether no process of the machine shows a secret to all others in the words that it was started with."""
    for process in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{process}/cmdline", "rb") as words:
                shown = words.read()
        except OSError:
            continue
        if any(secret.encode() in shown for secret in secrets):
            return False
    return True
