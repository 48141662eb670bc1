"""CloudWatch Logs behind a real server: long batches, and what is stored after a change of the storage key."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.faults.test_canary_logs import BASE, key_for
from tests.running_server import RunningServer, running_server
from tests.services.refusals import refused


def test_a_full_batch_fits_however_its_json_is_written(server: RunningServer) -> None:
    logs: Any = server.client("logs")
    logs.create_log_group(logGroupName="/wire")
    logs.create_log_stream(logGroupName="/wire", logStreamName="s")
    named, now = {"logGroupName": "/wire", "logStreamName": "s"}, int(time.time() * 1000)
    # Six bytes of JSON for each byte of the message.
    logs.put_log_events(**named, logEvents=[{"timestamp": now, "message": "\x01" * (1_048_576 - 26)}])
    logs.put_log_events(**named, logEvents=[{"timestamp": now, "message": "x" * 78}] * 10_000)
    got = logs.get_log_events(**named, startFromHead=True)["events"]
    assert got[0]["message"] == "\x01" * (1_048_576 - 26)
    with refused("InvalidParameterException"):
        logs.put_log_events(**named, logEvents=[{"timestamp": now, "message": "x" * 1_048_576}])
    with refused("RequestEntityTooLargeException"):
        logs.put_log_events(**named, logEvents=[{"timestamp": now, "message": "x" * 9_000_000}])
    with refused("RequestEntityTooLargeException"):
        logs.filter_log_events(logGroupName="/wire", filterPattern="x" * 2_000_000)
    logs.delete_log_group(logGroupName="/wire")


def test_events_are_readable_after_a_change_of_the_storage_key(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        logs = server.client("logs")
        logs.create_log_group(logGroupName="plain")
        logs.create_log_group(logGroupName="keyed", kmsKeyId=key_for(server, f"{BASE}:log-group:keyed"))
        now = int(time.time() * 1000)
        for group in ("plain", "keyed"):
            logs.create_log_stream(logGroupName=group, logStreamName="s")
            events = [{"timestamp": now, "message": f"in {group}"}]
            logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)
        logs.put_query_definition(name="saved", queryString="fields @message")
        assert server.stop() == 0
        command = [sys.executable, "-m", "strongroom.cli", "rekey", "--data", str(server.data)]
        environment = os.environ | {"XDG_CONFIG_HOME": str(server.home / "config")}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        server.start()
        logs = server.client("logs")
        for group in ("plain", "keyed"):
            got = logs.get_log_events(logGroupName=group, logStreamName="s")["events"]
            assert [event["message"] for event in got] == [f"in {group}"]
        assert logs.describe_query_definitions()["queryDefinitions"][0]["queryString"] == "fields @message"
