"""Clients of CloudWatch Logs, unmodified: awslogs, watchtower, the AWS CLI and boto3."""

import json
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
import urllib3.util.connection
import watchtower
from tests.clients.installed import installed
from tests.clients.shell import Shell
from tests.running_server import ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, RunningServer, eventually

ACCOUNT = "000000000000"


@pytest.fixture
def logs(server: RunningServer) -> Any:
    return server.client("logs")


@pytest.fixture
def group(logs: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    """A log group of a test's own, with a stream `s`."""
    name = f"/clients/{request.node.name}"
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    yield name
    logs.delete_log_group(logGroupName=name)


def put(logs: Any, group: str, *messages: str) -> None:
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": message} for message in messages]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


def group_arn(name: str) -> str:
    return f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{name}"


def environment(server: RunningServer) -> dict[str, str]:
    known = {name: value for name, value in server.environment().items() if name.startswith("AWS_")}
    return os.environ | known | {"PYTHONUNBUFFERED": "1", "AWS_DISABLE_HOST_PREFIX_INJECTION": "true"}


def test_awslogs_gets_and_filters(server: RunningServer, logs: Any, group: str) -> None:
    put(logs, group, "first line", "ERROR second", "third")

    def get(*options: str) -> list[str]:
        command = [installed("awslogs"), "get", group, "--no-group", "--no-stream", "--no-color", "-s", "1h", *options]
        done = subprocess.run(command, env=environment(server), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.split("\n")[:-1]

    assert get() == ["first line", "ERROR second", "third"]
    assert get("-f", "ERROR") == ["ERROR second"]
    groups = subprocess.run(
        [installed("awslogs"), "groups"], env=environment(server), capture_output=True, text=True, timeout=60
    )
    assert group in groups.stdout.split()
    streams = subprocess.run(
        [installed("awslogs"), "streams", group], env=environment(server), capture_output=True, text=True, timeout=60
    )
    assert streams.stdout.split() == ["s"], streams.stderr


def test_awslogs_follows(server: RunningServer, logs: Any, group: str) -> None:
    command = [installed("awslogs"), "get", group, "--watch", "--watch-interval", "1", "--no-color", "-s", "1m"]
    with subprocess.Popen(command, env=environment(server), stdout=subprocess.PIPE, text=True) as process:
        try:
            put(logs, group, "while watching")
            assert process.stdout is not None
            assert "while watching" in process.stdout.readline()
        finally:
            process.kill()


def test_watchtower_ships_what_python_logs(server: RunningServer, logs: Any, group: str) -> None:
    handler = watchtower.CloudWatchLogHandler(
        log_group_name=group, log_stream_name="python", send_interval=1, boto3_client=logs, create_log_group=True
    )
    logger = logging.getLogger("tests.clients.watchtower")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        for number in range(100):
            logger.info("line %d", number)
        logger.warning({"a": "dict"})
        handler.flush()
    finally:
        logger.removeHandler(handler)
        handler.close()
    events = logs.get_log_events(logGroupName=group, logStreamName="python", startFromHead=True)["events"]
    assert [event["message"] for event in events[:100]] == [f"line {number}" for number in range(100)]
    assert json.loads(events[100]["message"]) == {"a": "dict"}


def test_the_cli_makes_a_group_puts_and_reads(shell: Shell) -> None:
    script = """
        aws logs create-log-group --log-group-name /cli/group --tags team=red
        aws logs put-retention-policy --log-group-name /cli/group --retention-in-days 7
        aws logs create-log-stream --log-group-name /cli/group --log-stream-name s
        now=$(date +%s)000
        aws logs put-log-events --log-group-name /cli/group --log-stream-name s \
            --log-events timestamp=$now,message='hello from the shell' > /dev/null
        aws logs filter-log-events --log-group-name /cli/group --filter-pattern shell --query 'events[].message'
        aws logs delete-log-group --log-group-name /cli/group
    """
    assert shell.answer(script) == ["hello from the shell"]


def test_the_cli_asks_logs_insights(shell: Shell, logs: Any, group: str) -> None:
    put(logs, group, '{"level": "ERROR"}', '{"level": "INFO"}', '{"level": "INFO"}')
    script = f"""
        id=$(aws logs start-query --log-group-name {group} --start-time $(($(date +%s) - 60)) \
            --end-time $(($(date +%s) + 60)) --query-string 'stats count(*) as n by level | sort level asc' \
            --query queryId --output text)
        until [ "$(aws logs get-query-results --query-id $id --query status --output text)" = Complete ]; do :; done
        aws logs get-query-results --query-id $id --query 'results[*][*].value'
    """
    assert shell.answer(script) == [["ERROR", "1"], ["INFO", "2"]]


def test_the_cli_tails_live(server: RunningServer, logs: Any, group: str) -> None:
    command = [installed("aws"), "logs", "start-live-tail", "--log-group-identifiers", group_arn(group)]
    process = subprocess.Popen(
        [*command, "--log-event-filter-pattern", "wanted"],
        env=environment(server),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines: list[str] = []

    def read() -> None:
        assert process.stdout is not None
        lines.extend(process.stdout)

    reader = threading.Thread(target=read)
    reader.start()
    try:

        def is_shown() -> bool:
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            put(logs, group, "wanted by the tail", "left out")
            time.sleep(0.3)
            return any(line.strip() == "wanted by the tail" for line in lines)

        eventually(40, is_shown)
        assert not any("left out" in line for line in lines)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
        reader.join(timeout=10)


def test_boto3_tails_with_a_prefix_before_the_host(
    server: RunningServer, logs: Any, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SDKs put `stream-` before the host; what the name leads to is up to the resolver, here as a DNS record would."""
    url = urlsplit(server.http)
    connect = urllib3.util.connection.create_connection

    def resolved(address: tuple[str, int], *rest: Any, **options: Any) -> Any:
        host = "127.0.0.1" if address[0].startswith("stream-") else address[0]
        return connect((host, address[1]), *rest, **options)

    monkeypatch.setattr(urllib3.util.connection, "create_connection", resolved)
    client = boto3.session.Session().client(
        "logs",
        endpoint_url=f"http://logs.example:{url.port}",
        region_name="us-east-1",
        aws_access_key_id=ROOT_ACCESS_KEY_ID,
        aws_secret_access_key=ROOT_SECRET_ACCESS_KEY,
    )
    stream = client.start_live_tail(logGroupIdentifiers=[group_arn(group)])["responseStream"]
    events = iter(stream)
    start = next(events)["sessionStart"]
    assert start["logGroupIdentifiers"] == [group_arn(group)]
    put(logs, group, "one", "two")
    found: list[str] = []
    while len(found) < 2:
        found += [event["message"] for event in next(events)["sessionUpdate"]["sessionResults"]]
    assert found == ["one", "two"]
    stream.close()


def test_a_live_tail_does_not_keep_a_server_from_stopping(tmp_path: Path) -> None:
    from botocore.config import Config
    from tests.running_server import running_server

    with running_server(tmp_path) as server:
        logs = server.client("logs", config=Config(inject_host_prefix=False))
        logs.create_log_group(logGroupName="g")
        stream = logs.start_live_tail(logGroupIdentifiers=[group_arn("g")])["responseStream"]
        events = iter(stream)
        assert "sessionStart" in next(events)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 5
        assert all("sessionUpdate" in event for event in events)
