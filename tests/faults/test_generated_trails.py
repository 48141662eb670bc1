"""Properly signed requests of CloudTrail with generated content: whatever they say, the answer is a sensible one.

`FUZZ_SECONDS` in the environment makes it try for longer.
"""

import json
import time
from collections import Counter
from typing import Any

from hypothesis import strategies as st
from tests.clients.test_cloudtrail_cli import policy_for
from tests.faults.generated_values import ANY_JSON, SECONDS, Shapes, mostly, try_on_and_on
from tests.faults.plain_client import JSON, Answer, PlainClient, signed_headers
from tests.faults.served import may_answer, served_operations
from tests.running_server import RunningServer

from strongroom.model.service import OperationModel, service_model

TARGET = service_model("cloudtrail").target_prefix
NEVER = frozenset({"SnsTopicName", "IsOrganizationTrail", "RecursiveLogging"})
ARN = "arn:aws:cloudtrail:us-east-1:000000000000:trail/known"


def ask(client: PlainClient, operation: str, params: Any) -> Answer:
    """Send one request of CloudTrail."""
    body = json.dumps(params).encode()
    headers = {"Content-Type": JSON, "X-Amz-Target": f"{TARGET}.{operation}"}
    return client.send(signed_headers(client.url, body, headers, service="cloudtrail"), body)


class KnownTrails:
    """What a client of the server knows."""

    def __init__(self, server: RunningServer, client: PlainClient) -> None:
        self._client = client
        s3 = server.client("s3")
        s3.create_bucket(Bucket="known-trails")
        s3.put_bucket_policy(Bucket="known-trails", Policy=policy_for("known-trails", "known"))
        self._key_id = client.kms("CreateKey", {}).json["KeyMetadata"]["KeyId"]

    def revive(self) -> None:
        """Have the trail there, whatever became of it."""
        ask(self._client, "CreateTrail", {"Name": "known", "S3BucketName": "known-trails"})

    def values(self, name: str) -> st.SearchStrategy[Any]:
        """Return values that would do for a member of this name, or no values at all."""
        named = st.sampled_from(["known", ARN, ARN, "absent", ARN.replace("known", "absent"), ARN.replace("us", "eu")])
        now = time.time()
        times = st.sampled_from([now, now - 60, now - 86_400, now - 100 * 86_400, 0, now + 1e6])
        s3 = st.sampled_from(["arn:aws:s3", "arn:aws:s3:::known-trails/", "arn:aws:s3:::known-trails", "x"])
        known = {
            "Name": named,
            "TrailName": named,
            "ResourceId": st.just(ARN),
            "ResourceIdList": st.lists(st.just(ARN), min_size=1, max_size=3),
            "trailNameList": st.lists(named, max_size=3),
            "S3BucketName": st.sampled_from(["known-trails", "known-trails", "absent-bucket", "x"]),
            "S3KeyPrefix": st.sampled_from(["", "a/b", "x" * 300]),
            "KmsKeyId": st.sampled_from([self._key_id, "alias/none", "", "x"]),
            "CloudWatchLogsLogGroupArn": st.sampled_from(["", "arn:aws:logs:us-east-1:000000000000:log-group:g:*"]),
            "CloudWatchLogsRoleArn": st.sampled_from(["", "arn:aws:iam::000000000000:role/none", "x"]),
            "StartTime": times,
            "EndTime": times,
            "AttributeValue": st.sampled_from(["true", "CreateTrail", "root", "kms.amazonaws.com", "AWS::KMS::Key"]),
            "Type": st.sampled_from(["AWS::S3::Object", "AWS::S3::Object", "AWS::Lambda::Function", "x"]),
            "Values": st.lists(s3, max_size=2),
            "Field": st.sampled_from(["eventCategory", "resources.type", "eventName", "resources.ARN", "readOnly"]),
            "Equals": st.lists(
                st.sampled_from(["Data", "Management", "AWS::S3::Object", "true"]), min_size=1, max_size=1
            ),
            "ExcludeManagementEventSources": st.lists(st.sampled_from(["kms.amazonaws.com", "x"]), max_size=1),
        }
        return known.get(name, st.nothing())


def check(operation: OperationModel, answer: Answer) -> None:
    """Assert that an answer is a right one, or a refusal that a client of the operation knows."""
    assert answer.headers["x-amzn-requestid"]
    if answer.status != 200:
        assert 400 <= answer.status < 500, answer
        assert may_answer(operation, answer.code), answer


def test_generated_requests_of_cloudtrail(unharmed: RunningServer) -> None:
    client = PlainClient(unharmed)
    known = KnownTrails(unharmed, client)
    seen: Counter[str] = Counter()

    def bodies(operation: OperationModel) -> st.SearchStrategy[Any]:
        assert operation.input is not None
        tame, wild = Shapes(known, tame=True, never=NEVER), Shapes(known, tame=False)
        return mostly(mostly(tame.values(operation.input), wild.values(operation.input), 35), ANY_JSON, 3)

    requests = st.sampled_from(served_operations("cloudtrail")).flatmap(
        lambda operation: st.tuples(st.just(operation), bodies(operation))
    )

    def tried(request: tuple[OperationModel, Any]) -> None:
        operation, value = request
        answer = ask(client, operation.name, value)
        check(operation, answer)
        seen[f"{operation.name} {answer.code}"] += 1

    try:
        try_on_and_on(tried, SECONDS / 2, known.revive, request=requests)
    finally:
        client.close()
    # It is worth nothing unless requests get behind the first checks. A busy machine sends few of them.
    assert len(seen) > min(40, seen.total() / 8), sorted(seen)
