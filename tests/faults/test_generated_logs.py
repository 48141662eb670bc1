"""Properly signed requests to CloudWatch Logs with generated content: each is answered sensibly, whatever it says.

`FUZZ_SECONDS` in the environment makes it try for longer.
"""

import json
import time
from collections import Counter
from typing import Any

from hypothesis import strategies as st
from tests.faults.generated_values import ANY_JSON, POLICIES, SECONDS, Shapes, mostly, try_on_and_on
from tests.faults.plain_client import JSON, Answer, PlainClient, signed_headers
from tests.faults.served import may_answer, served_operations
from tests.running_server import RunningServer

from strongroom.model.service import OperationModel

NEVER_ENDS = frozenset({"StartLiveTail"})
SELDOM = frozenset({"logGroupIdentifier", "queryLanguage", "sequenceToken", "entity"})
"""Members that a request is refused for beside others, or that change nothing."""
BASE = "arn:aws:logs:us-east-1:000000000000"
GROUPS = ["/known/group", "/known/other", "missing", "x" * 600]
STREAMS = ["known", "other", "missing", "a\x00b"]


class KnownLogs:
    """What a client of the server knows: names, tokens, ids. It learns from answers."""

    def __init__(self, client: PlainClient) -> None:
        self._client = client
        self.revive()
        group, times = GROUPS[0], {"startTime": 0, "endTime": 2_000_000_000}
        named = {"logGroupName": group, "logStreamName": "known"}
        query = send(client, "StartQuery", {"logGroupName": group, **times, "queryString": "fields @message"}).json
        page = send(client, "GetLogEvents", {**named, "limit": 1}).json
        filtered = send(client, "FilterLogEvents", {"logGroupName": group, "limit": 1}).json
        listed = send(client, "DescribeLogGroups", {"limit": 1}).json
        self._texts: dict[str, list[Any]] = {
            "logGroupName": GROUPS,
            "logGroupNamePrefix": ["/known", "/", "missing", "\U0010ffff"],
            "logStreamName": STREAMS,
            "logStreamNames": [[stream] for stream in STREAMS],
            "logGroupNames": [[name] for name in GROUPS],
            "logStreamNamePrefix": ["k", "\ud7ff", "\U0010ffff"],
            "logGroupIdentifier": [*GROUPS, f"{BASE}:log-group:/known/group", f"{BASE}:log-group:/known/group:*"],
            "logGroupIdentifiers": [[f"{BASE}:log-group:/known/group"], ["/known/other"]],
            "resourceArn": [f"{BASE}:log-group:/known/group", f"{BASE}:destination:x", "x"],
            "resourceIdentifier": [f"{BASE}:query-result:*", f"{BASE}:log-group:/known/group", "x"],
            "queryId": [query["queryId"], "x"],
            "nextToken": [page["nextForwardToken"], filtered.get("nextToken", "x"), listed.get("nextToken", "x"), "x"],
            "filterPattern": ["ERROR", "{ $.a = 1 }", "[a, b]", "%x+%", "", "{", "[", "-x ?y", '"'],
            "queryString": [
                "fields @message",
                "stats count(*) by bin(5m)",
                "filter x like /a/",
                "|",
                "parse @message '*' as a",
            ],
            "policyDocument": [],
            "policyName": ["known", "other", ""],
            "filterName": ["known", "other"],
            "destination": ["known-bucket", "x"],
            "destinationArn": [
                "arn:aws:lambda:us-east-1:000000000000:function:f",
                "arn:aws:kinesis:us-east-1:0:stream/s",
            ],
            "retentionInDays": [1, 7, 2],
            "timestamp": [int(time.time() * 1000), 0, 2**62],
            "startTime": [0, 1, 2**62],
            "endTime": [0, 2_000_000_000, 2**62],
            "metricValue": ["1", "$x"],
        }

    def revive(self) -> None:
        """Make again what a generated request may have deleted."""
        for group in GROUPS[:2]:
            send(self._client, "CreateLogGroup", {"logGroupName": group})
            for stream in STREAMS[:2]:
                named = {"logGroupName": group, "logStreamName": stream}
                send(self._client, "CreateLogStream", named)
                events = [{"timestamp": int(time.time() * 1000), "message": '{"a": 1}'}] * 2
                send(self._client, "PutLogEvents", {**named, "logEvents": events})

    def values(self, name: str) -> st.SearchStrategy[Any]:
        """Return values that would do for a member of this name, or no values at all."""
        if name == "policyDocument":
            return POLICIES
        known = self._texts.get(name)
        return st.sampled_from(known) if known else st.nothing()


def send(client: PlainClient, operation: str, value: Any) -> Answer:
    body = json.dumps(value).encode()
    headers = {"Content-Type": JSON, "X-Amz-Target": f"Logs_20140328.{operation}"}
    return client.send(signed_headers(client.url, body, headers, service="logs"), body)


def check(operation: OperationModel, answer: Answer) -> None:
    """Assert that an answer is a right one, or a refusal that a client of the operation knows."""
    assert answer.headers["x-amzn-requestid"]
    if answer.status == 200:
        assert answer.body == b"" or isinstance(answer.json, dict)
    else:
        assert 400 <= answer.status < 500, answer
        assert may_answer(operation, answer.code) or answer.code == "UnsupportedOperationException", answer


def test_generated_logs_requests(unharmed: RunningServer) -> None:
    client = PlainClient(unharmed)
    known = KnownLogs(client)
    tame, wild = Shapes(known, tame=True, never=SELDOM), Shapes(known, tame=False)
    operations = [each for each in served_operations("logs") if each.name not in NEVER_ENDS]
    seen: Counter[str] = Counter()

    def values_of(operation: OperationModel) -> st.SearchStrategy[Any]:
        assert operation.input is not None
        return mostly(mostly(tame.values(operation.input), wild.values(operation.input), 40), ANY_JSON, 5)

    requests = st.sampled_from(operations).flatmap(lambda each: st.tuples(st.just(each), values_of(each)))

    def tried(request: tuple[OperationModel, Any]) -> None:
        operation, value = request
        answer = send(client, operation.name, value)
        check(operation, answer)
        seen[f"{operation.name} {answer.code}"] += 1

    try_on_and_on(tried, SECONDS / 4, known.revive, request=requests)
    client.close()
    # It is worth nothing unless requests get behind the first checks. A busy machine sends few of them.
    assert len(seen) > min(60, seen.total() / 6), sorted(seen)
