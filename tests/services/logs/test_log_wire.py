"""CloudWatch Logs over HTTP: batches whose JSON is longer than other requests may be."""

import time
from typing import Any

from tests.running_server import RunningServer
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
