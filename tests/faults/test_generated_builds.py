"""Properly signed requests of CodeBuild with generated content: whatever they say, the answer is a sensible one.

`FUZZ_SECONDS` in the environment makes it try for longer.
"""

import json
import uuid
from typing import Any

from hypothesis import strategies as st
from tests.faults.generated_requests import try_requests
from tests.faults.generated_values import SECONDS
from tests.faults.plain_client import Answer, PlainClient, signed_headers
from tests.faults.served import served_operations
from tests.services.codebuild.building import ENVIRONMENT, TRUST, document, specification

SERVICE = "codebuild"
ROLE = "arn:aws:iam::000000000000:role/generated"
ARN = "arn:aws:codebuild:us-east-1:000000000000"
REFUSED_WHOLLY = frozenset(
    {
        *("vpcConfig", "fileSystemLocations", "buildBatchConfig", "badgeEnabled", "fleet", "dockerServer", "auth"),
        *("certificate", "registryCredential", "computeConfiguration", "hostKernel"),
        *("buildStatusConfig", "reportBuildStatus", "bucketOwnerAccess", "gitSubmodulesConfig", "privilegedMode"),
        *("debugSessionEnabled", "sourceAuthOverride", "fleetOverride", "certificateOverride"),
        *("registryCredentialOverride", "hostKernelOverride", "privilegedModeOverride"),
        *("buildStatusConfigOverride", "reportBuildStatusOverride", "gitSubmodulesConfigOverride"),
    }
)
"""Or for what generated values name, such as the subnets of a vpcConfig."""
EXPORTS = [
    {"exportConfigType": "NO_EXPORT"},
    {"exportConfigType": "S3", "s3Destination": {"bucket": "bucket"}},
    {"exportConfigType": "S3"},
]
CACHES = [
    {"type": "NO_CACHE"},
    {"type": "S3", "location": "bucket/x"},
    {"type": "LOCAL", "modes": ["LOCAL_CUSTOM_CACHE"]},
]
SOURCE = {"type": "NO_SOURCE", "buildspec": specification("true")}


def ask(client: PlainClient, operation: str, value: Any) -> Answer:
    """Send one request of CodeBuild."""
    body = json.dumps(value).encode()
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"CodeBuild_20161006.{operation}"}
    signed = signed_headers(client.url, body, headers, service=SERVICE, region="us-east-1")
    return client.send(signed, body)


class KnownBuilds:
    """What a client of the server knows."""

    def __init__(self, client: PlainClient) -> None:
        self._client = client
        self.names = ["known-a", "known-b"]
        policy = document(TRUST)
        client.query("iam", "CreateRole", {"RoleName": "generated", "AssumeRolePolicyDocument": policy})
        self.builds: list[str] = []
        self.revive()

    def revive(self) -> None:
        """Have the projects there, whatever became of them."""
        for name in self.names:
            settings = {"source": SOURCE, "artifacts": {"type": "NO_ARTIFACTS"}, "environment": ENVIRONMENT}
            ask(self._client, "CreateProject", {"name": name, "serviceRole": ROLE, **settings})
            group = {"name": name, "type": "TEST", "exportConfig": {"exportConfigType": "NO_EXPORT"}}
            ask(self._client, "CreateReportGroup", group)
            started = ask(self._client, "StartBuild", {"projectName": name})
            if started.status == 200:
                self.builds.append(started.json["build"]["id"])

    def values(self, name: str) -> st.SearchStrategy[Any]:
        """Return values that would do for a member of this name, or no values at all."""
        names = [*self.names, f"{ARN}:project/known-a", "none"]
        ids = st.sampled_from([*self.builds[-6:], f"known-a:{uuid.UUID(int=0)}", "x"])
        groups = st.sampled_from([f"{ARN}:report-group/{name}" for name in (*self.names, "none")])
        reports = st.sampled_from([f"{ARN}:report/known-a:{uuid.UUID(int=0)}", f"{ARN}:report/x:y"])
        known = {
            "arn": st.one_of(groups, reports, st.just(f"{ARN}:token/github")),
            "reportGroupArn": groups,
            "reportGroupArns": st.lists(groups, min_size=1, max_size=3),
            "reportArn": reports,
            "reportArns": st.lists(reports, min_size=1, max_size=3),
            "exportConfig": st.sampled_from(EXPORTS),
            "authType": st.sampled_from(["PERSONAL_ACCESS_TOKEN", "BASIC_AUTH", "OAUTH"]),
            "name": st.sampled_from([*self.names, "made-by-chance", "A_VARIABLE"]),
            "names": st.lists(st.sampled_from(names), min_size=1, max_size=3),
            "projectName": st.sampled_from(names),
            "id": ids,
            "ids": st.lists(ids, min_size=1, max_size=3),
            "serviceRole": st.sampled_from([ROLE, "generated", "none", "arn:aws:iam::1:user/x"]),
            "serviceRoleOverride": st.sampled_from([ROLE, "none"]),
            "source": st.just(SOURCE),
            "environment": st.just(ENVIRONMENT),
            "artifacts": st.sampled_from([{"type": "NO_ARTIFACTS"}, {"type": "S3", "location": "bucket"}]),
            "buildspecOverride": st.sampled_from([specification("true"), "version: 0.2\n", "x.yml"]),
            "imageOverride": st.sampled_from(["host", "host", "aws/codebuild/standard:7.0", "/etc", "../x"]),
            "cache": st.sampled_from(CACHES),
            "cacheOverride": st.sampled_from(CACHES),
            "environmentTypeOverride": st.just("LINUX_CONTAINER"),
            "idempotencyToken": st.sampled_from(["t", "\0", ""]),
            "sourceTypeOverride": st.sampled_from(["NO_SOURCE", "S3", "GITHUB"]),
            "sourceLocationOverride": st.sampled_from(["bucket/key.zip", "/etc", ""]),
            "autoRetryLimit": st.sampled_from([0, 1, -1]),
            "autoRetryLimitOverride": st.sampled_from([0, 1, -1]),
            "concurrentBuildLimit": st.sampled_from([-1, 1, 100]),
        }
        return known.get(name, st.nothing())


def test_generated_requests_of_codebuild(client: PlainClient) -> None:
    known = KnownBuilds(client)
    operations = served_operations(SERVICE)
    seen = try_requests(
        operations, known, REFUSED_WHOLLY, lambda each, value: ask(client, each.name, value), SECONDS / 4
    )
    # It is worth nothing unless requests get behind the first checks. A busy machine sends few of them.
    assert len(seen) > min(20, seen.total() / 8), sorted(seen)
