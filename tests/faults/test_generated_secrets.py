"""Properly signed requests of Secrets Manager with generated content: whatever they say, the answer is a sensible one.

`FUZZ_SECONDS` in the environment makes it try for longer.
"""

import uuid
from typing import Any

from hypothesis import strategies as st
from tests.faults.generated_requests import try_requests
from tests.faults.generated_values import POLICIES, SECONDS
from tests.faults.plain_client import PlainClient
from tests.faults.served import served_operations
from tests.faults.test_kill_nine_secrets import ask

SERVICE = "secretsmanager"
REFUSED_WHOLLY = frozenset(
    {
        "Type",
        "CrossAccountPrimaryARN",
        "RotationToken",
        "ExternalSecretRotationMetadata",
        "ExternalSecretRotationRoleArn",
    }
)
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:rotate"
EXPRESSIONS = [
    "rate(10 days)",
    "rate(4 hours)",
    "cron(0 16 1,15 * ? *)",
    "cron(0 8 30 2 ? *)",
    "cron(0 2 ? * L *)",
    "x",
]


class KnownSecrets:
    """What a client of the server knows."""

    def __init__(self, client: PlainClient) -> None:
        self._client = client
        self.names = ["known/a", "known/b", "known/c"]
        self.versions = [str(uuid.uuid4()) for _ in range(4)]
        self.arns: list[str] = []
        self.key_id = client.kms("CreateKey", {}).json["KeyMetadata"]["KeyId"]
        self.revive()

    def revive(self) -> None:
        """Have the secrets there, whatever became of them."""
        for name in self.names:
            ask(self._client, "RestoreSecret", {"SecretId": name})
            params = {"Name": name, "SecretString": "x", "ClientRequestToken": self.versions[0]}
            ask(self._client, "CreateSecret", params)
            ask(self._client, "DeleteResourcePolicy", {"SecretId": name})
        shown = [ask(self._client, "DescribeSecret", {"SecretId": name}) for name in self.names]
        self.arns = [answer.json["ARN"] for answer in shown if answer.status == 200] or ["arn:none"]

    def values(self, name: str) -> st.SearchStrategy[Any]:
        """Return values that would do for a member of this name, or no values at all."""
        named = st.sampled_from([*self.names, *self.arns, self.arns[0][:-7], "known/none"])
        versions = st.sampled_from(self.versions)
        labels = st.sampled_from(["AWSCURRENT", "AWSPREVIOUS", "AWSPENDING", "own"])
        regions = st.sampled_from(["eu-west-1", "ap-southeast-1", "us-east-1", "nowhere-1"])
        known = {
            "SecretId": named,
            "Name": st.sampled_from([*self.names, "made/by-chance"]),
            "ClientRequestToken": versions,
            "VersionId": versions,
            "MoveToVersionId": versions,
            "RemoveFromVersionId": versions,
            "VersionStage": labels,
            "VersionStages": st.lists(labels, min_size=1, max_size=3),
            "KmsKeyId": st.sampled_from([self.key_id, "alias/aws/secretsmanager", "", "alias/none"]),
            "ResourcePolicy": POLICIES,
            "SecretIdList": st.lists(named, min_size=1, max_size=3),
            "RotationLambdaARN": st.just(FUNCTION),
            "RotateImmediately": st.booleans(),
            "ScheduleExpression": st.sampled_from(EXPRESSIONS),
            "Duration": st.sampled_from(["2h", "24h", "99h", "0h"]),
            "Region": regions,
            "RemoveReplicaRegions": st.lists(regions, min_size=1, max_size=2),
            "Values": st.lists(st.sampled_from(["known", "!known", "", "!", "x y"]), min_size=1, max_size=3),
            "SecretBinary": st.sampled_from(["eHl6", "AA=="]),
        }
        return known.get(name, st.nothing())


def test_generated_requests_of_secrets_manager(client: PlainClient) -> None:
    known = KnownSecrets(client)
    operations = served_operations(SERVICE)
    seen = try_requests(
        operations, known, REFUSED_WHOLLY, lambda each, value: ask(client, each.name, value), SECONDS / 2
    )
    # It is worth nothing unless requests get behind the first checks. A busy machine sends few of them.
    assert len(seen) > min(60, seen.total() / 6), sorted(seen)
