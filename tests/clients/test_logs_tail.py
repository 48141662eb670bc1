"""`aws logs tail` and `--follow`, which only the AWS CLI's version 2 has."""

import itertools
import os
import shutil
import subprocess
import threading
import time
import uuid
from typing import Any

import pytest
from tests.running_server import RunningServer

SECONDS_MAX = 30.0


@pytest.fixture(scope="module")
def aws() -> str:
    """The path of version 2, wherever on the path it is."""
    for directory in os.environ["PATH"].split(os.pathsep):
        found = shutil.which("aws", path=directory)
        if found is not None:
            told = subprocess.run([found, "--version"], capture_output=True, text=True)
            if told.stdout.startswith("aws-cli/2."):
                return found
    message = "version 2 of the AWS CLI is not installed (Debian's package awscli)"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture
def group(server: RunningServer) -> str:
    name = f"/tail/{uuid.uuid4()}"
    logs = server.client("logs")
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="one")
    return name


def put(server: RunningServer, group: str, *messages: str) -> None:
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": message} for message in messages]
    server.client("logs").put_log_events(logGroupName=group, logStreamName="one", logEvents=events)


def test_tail(server: RunningServer, aws: str, group: str) -> None:
    put(server, group, "first", "ERROR second")
    command = [aws, "--endpoint-url", server.https, "logs", "tail", group, "--since", "1h"]
    done = subprocess.run(command, env=server.environment(), capture_output=True, text=True, timeout=SECONDS_MAX)
    assert done.returncode == 0, done.stderr
    assert [line.split(" ", 1)[1] for line in done.stdout.splitlines()] == ["one first", "one ERROR second"]


def test_follow(server: RunningServer, aws: str, group: str) -> None:
    put(server, group, "ERROR 0", "fine")
    command = [aws, "--endpoint-url", server.https, "logs", "tail", group, "--follow"]
    command += ["--format", "short", "--filter-pattern", "ERROR"]
    process: Any = subprocess.Popen(command, env=server.environment(), stdout=subprocess.PIPE, text=True)
    # Whatever goes wrong, reading its lines comes to an end.
    deadline = threading.Timer(SECONDS_MAX, process.kill)
    deadline.start()
    try:
        shown = []
        for number in itertools.count(1):
            line = process.stdout.readline()
            assert line, "it ended before it had shown three events"
            shown.append(line.split(" ", 1)[1].strip())
            if number == 3:
                break
            put(server, group, "fine", f"ERROR {number}")
        assert shown == ["ERROR 0", "ERROR 1", "ERROR 2"]
    finally:
        deadline.cancel()
        process.kill()
        process.wait()
        process.stdout.close()
