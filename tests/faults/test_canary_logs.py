"""Every byte on the disk, and the audit trail, searched for what passed through CloudWatch Logs."""

import json
import secrets
import time
from pathlib import Path
from typing import Any

from botocore.config import Config
from tests.faults.secrets_on_disk import search
from tests.faults.test_canary import public_files, split, unsealed
from tests.faults.told_by_kms import Secrets, refused
from tests.running_server import RunningServer, eventually, running_server

ACCOUNT = "000000000000"
BASE = f"arn:aws:logs:us-east-1:{ACCOUNT}"
BUCKET = "canaries"
SERVICE = {"Service": "logs.us-east-1.amazonaws.com"}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]})


def key_for(server: RunningServer, arn: str) -> str:
    owner = {"Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"}
    condition = {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": arn}}
    service = {"Principal": SERVICE, "Action": ["kms:GenerateDataKey*", "kms:Decrypt*"], "Resource": "*"}
    made = server.client("kms").create_key(Policy=policy(owner, {**service, "Condition": condition}))
    return str(made["KeyMetadata"]["Arn"])


def secret() -> str:
    return secrets.token_hex(24)


def use_logs(server: RunningServer) -> Secrets:
    """Use CloudWatch Logs in every way that lets a message pass through it; return all that did."""
    never = {"total_max_attempts": 1}
    config = Config(inject_host_prefix=False, parameter_validation=False, retries=never)
    logs = server.client("logs", config=config)
    told: dict[str, str] = {}
    for group in ("plain", "keyed"):
        key = {"kmsKeyId": key_for(server, f"{BASE}:log-group:{group}")} if group == "keyed" else {}
        logs.create_log_group(logGroupName=group, **key)
        logs.create_log_stream(logGroupName=group, logStreamName="s")
        told[f"a message of {group}"] = message = secret()
        put(logs, group, json.dumps({"secret": message, "number": 7}), message)
        told[f"a refused message of {group}"] = message = secret()
        refused(lambda group=group, message=message: put(logs, group, message, ""))
        refused(lambda group=group, message=message: put(logs, group, message * 40_000))
        refused(lambda message=message: put(logs, "no-such-group", message))
        assert len(logs.filter_log_events(logGroupName=group, filterPattern='{ $.number = "7" }')["events"]) == 1
        assert len(logs.get_log_events(logGroupName=group, logStreamName="s")["events"]) == 2
        told |= query(logs, group)
    told["a message that was tried"] = message = secret()
    logs.test_metric_filter(filterPattern="x", logEventMessages=[message])
    told["a saved query"] = text = secret()
    logs.put_query_definition(name="saved", queryString=f"filter @message like '{text}'")
    tail(logs, told)
    export(server, logs)
    return {name: text.encode() for name, text in told.items()}


def put(logs: Any, group: str, *messages: str) -> None:
    events = [{"timestamp": int(time.time() * 1000), "message": message} for message in messages]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


def query(logs: Any, group: str) -> dict[str, str]:
    """Make a query whose text and results hold something that was not there before."""
    if group == "keyed":
        arn = f"{BASE}:query-result:*"
        logs.associate_kms_key(resourceIdentifier=arn, kmsKeyId=KEYS["results"])
    made, now = secret(), int(time.time())
    text = f"fields concat('{made}', 'x') as made | limit 1"
    asked = {"logGroupName": group, "startTime": now - 60, "endTime": now + 60}
    query_id = logs.start_query(queryString=text, **asked)["queryId"]
    eventually(20, lambda: logs.get_query_results(queryId=query_id)["status"] == "Complete")
    assert logs.get_query_results(queryId=query_id)["results"][0][0]["value"] == made + "x"
    assert made in logs.describe_queries()["queries"][0]["queryString"]
    wrong = secret()
    refused(lambda: logs.start_query(queryString=f"fields {wrong} |", **asked))
    return {f"a query of {group}": made, f"a refused query of {group}": wrong}


KEYS: dict[str, str] = {}


def tail(logs: Any, told: dict[str, str]) -> None:
    stream = logs.start_live_tail(logGroupIdentifiers=[f"{BASE}:log-group:keyed"])["responseStream"]
    events = iter(stream)
    assert "sessionStart" in next(events)
    told["a message that was streamed"] = message = secret()
    put(logs, "keyed", message)
    found: list[str] = []
    while message not in found:
        found += [event["message"] for event in next(events)["sessionUpdate"]["sessionResults"]]
    stream.close()


def export(server: RunningServer, logs: Any) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    statements = [
        {"Principal": SERVICE, "Action": "s3:GetBucketAcl", "Resource": f"arn:aws:s3:::{BUCKET}"},
        {"Principal": SERVICE, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"},
    ]
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy(*statements))
    now = int(time.time() * 1000)
    times = {"from": now - 60_000, "to": now + 60_000}
    task_id = logs.create_export_task(logGroupName="keyed", destination=BUCKET, **times)["taskId"]

    def is_complete() -> bool:
        return bool(logs.describe_export_tasks(taskId=task_id)["exportTasks"][0]["status"]["code"] == "COMPLETED")

    eventually(30, is_complete)
    assert len(s3.list_objects_v2(Bucket=BUCKET)["Contents"]) == 2


def search_everything(server: RunningServer, told: Secrets) -> None:
    kept, audit = split(unsealed(server.home))
    data_keys = {place: opened for place, opened in kept.items() if place.startswith("logs_data_keys/")}
    assert len(data_keys) >= 2
    snapshot = public_files(server.home)
    assert search(snapshot, [*told.items(), *data_keys.items()]) == []
    trail = b"\n".join(audit)
    assert search({"the audit trail": trail}, told.items()) == []
    for operation in (b"PutLogEvents", b"StartQuery", b"TestMetricFilter", b"StartLiveTail", b"CreateExportTask"):
        assert operation in trail


def test_no_message_is_found(tmp_path: Path) -> None:
    with running_server(tmp_path, options=("--log-level", "debug")) as server:
        KEYS["results"] = key_for(server, f"{BASE}:query-result:*")
        told = use_logs(server)
        assert len(told) >= 11
        server.kill()
        search_everything(server, told)
        server.start()
        assert server.client("logs").get_log_events(logGroupName="keyed", logStreamName="s")["events"]
        assert server.stop() == 0
        search_everything(server, told)
        # The search would have found what is planted there.
        planted = next(iter(told.items()))
        (server.data / "planted").write_bytes(b"." + planted[1])
        assert [found.secret for found in search(public_files(server.home), told.items())][:1] == [planted[0]]
