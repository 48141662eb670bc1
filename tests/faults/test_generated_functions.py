"""Properly signed requests of Lambda with generated content: whatever they say, the answer is a sensible one.

`FUZZ_SECONDS` in the environment makes it try for longer.
"""

import base64
from typing import Any

import pytest
from hypothesis import strategies as st
from tests.faults.generated_requests import try_requests
from tests.faults.generated_values import SECONDS
from tests.faults.plain_client import Answer, PlainClient
from tests.faults.rest_requests import ask_rest, send_rest
from tests.faults.served import served_operations
from tests.services.lambda_.functions import TRUST, archive

from strongroom.model.service import service_model

SERVICE = "lambda"
ROLE = "arn:aws:iam::000000000000:role/generated"
ARN = "arn:aws:lambda:us-east-1:000000000000:function"
REFUSED_WHOLLY = frozenset(
    {
        *("VpcConfig", "FileSystemConfigs", "ImageConfig", "CodeSigningConfigArn", "TenancyConfig", "SnapStart"),
        *("CapacityProviderConfig", "DurableConfig", "RuntimeConfig", "AcceleratorConfig", "PublishTo", "PackageType"),
        *("ImageUri", "SourceKMSKeyArn", "S3ObjectStorageMode", "S3Bucket", "S3Key", "S3ObjectVersion", "MasterRegion"),
    }
)
"""Or for what generated values name, such as the subnets of a VpcConfig."""
INVOKED = frozenset({"Invoke", "InvokeAsync", "InvokeWithResponseStream"})
"""Those are generated where invocations are tested."""


class KnownFunctions:
    """What a client of the server knows."""

    def __init__(self, client: PlainClient) -> None:
        self._client = client
        self._operations = service_model(SERVICE).operations
        self.names = ["known-a", "known-b"]
        client.query("iam", "CreateRole", {"RoleName": "generated", "AssumeRolePolicyDocument": TRUST})
        self.revive()

    def _ask(self, operation: str, **params: Any) -> Answer:
        return ask_rest(self._client, self._operations[operation], params)

    def revive(self) -> None:
        """Have the functions there, whatever became of them."""
        code = base64.b64encode(archive()).decode()
        for name in self.names:
            self._ask(
                "CreateFunction",
                FunctionName=name,
                Role=ROLE,
                Runtime="python3.11",
                Handler="app.handler",
                Code={"ZipFile": code},
                Publish=True,
            )
            self._ask("CreateAlias", FunctionName=name, Name="live", FunctionVersion="1")
        self._ask("PublishLayerVersion", LayerName="known", Content={"ZipFile": code})

    def values(self, name: str) -> st.SearchStrategy[Any]:
        """Return values that would do for a member of this name, or no values at all."""
        functions = [*self.names, f"{ARN}:known-a", f"{ARN}:known-a:live", "known-b:1", "none"]
        qualifiers = st.sampled_from(["$LATEST", "1", "2", "live", "none"])
        layer = "arn:aws:lambda:us-east-1:000000000000:layer:known"
        known = {
            "FunctionName": st.sampled_from(functions),
            "Resource": st.sampled_from([f"{ARN}:known-a", f"{ARN}:known-b", f"{ARN}:none", layer]),
            "Role": st.just(ROLE),
            "Runtime": st.sampled_from(["python3.11", "python3.12", "provided.al2023", "nodejs22.x", "python3.7"]),
            "Handler": st.sampled_from(["app.handler", "bootstrap"]),
            "ZipFile": st.sampled_from([base64.b64encode(archive()).decode(), "eHl6"]),
            "Qualifier": qualifiers,
            "FunctionVersion": st.sampled_from(["$LATEST", "1", "2", "ALL"]),
            "Name": st.sampled_from(["live", "next", "none"]),
            "StatementId": st.sampled_from(["s1", "s2"]),
            "Action": st.sampled_from(["lambda:InvokeFunction", "lambda:GetLayerVersion", "lambda:*"]),
            "Principal": st.sampled_from(["*", "s3.amazonaws.com", "000000000000", ROLE, "nobody"]),
            "LayerName": st.sampled_from(["known", layer, "none"]),
            "Arn": st.sampled_from([f"{layer}:1", f"{layer}:2"]),
            "VersionNumber": st.sampled_from([0, 1, 2, 2**40]),
            "Layers": st.lists(st.sampled_from([f"{layer}:1", f"{layer}:99"]), max_size=2),
            "KMSKeyArn": st.sampled_from(["", "arn:aws:kms:us-east-1:000000000000:alias/none"]),
            "TagKeys": st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=2),
            "Destination": st.just("arn:aws:sqs:us-east-1:000000000000:queue"),
            "TargetArn": st.just("arn:aws:sqs:us-east-1:000000000000:queue"),
            "LogGroup": st.just("/own/group"),
            "RevisionId": st.sampled_from(["none", "00000000-0000-4000-8000-000000000000"]),
        }
        return known.get(name, st.nothing())


def test_generated_requests_of_lambda(client: PlainClient) -> None:
    known = KnownFunctions(client)
    operations = [each for each in served_operations(SERVICE) if each.name not in INVOKED]
    seen = try_requests(
        operations, known, REFUSED_WHOLLY, lambda each, value: ask_rest(client, each, value), SECONDS / 2
    )
    # It is worth nothing unless requests get behind the first checks. A busy machine sends few of them.
    assert len(seen) > min(60, seen.total() / 6), sorted(seen)


@pytest.mark.parametrize("path", ["/", "/2015-03-31", "/2015-03-31/functions/%ff", "/2015-03-31/functions/a/b/c"])
def test_a_path_of_no_operation_is_refused(client: PlainClient, path: str) -> None:
    answer = send_rest(client, "GET", path, b"", {}, SERVICE)
    assert 400 <= answer.status < 500, answer


def test_a_body_that_is_no_object_is_refused(client: PlainClient) -> None:
    for content in (b"{", b"[]", b"1", b'"text"', b"\xff", b"[" * 10_000, b'{"FunctionName": 1}'):
        answer = send_rest(client, "POST", "/2015-03-31/functions", content, {}, SERVICE)
        assert (answer.status, answer.code) == (400, "SerializationException"), (content, answer)
