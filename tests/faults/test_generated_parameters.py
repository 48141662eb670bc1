"""Properly signed requests to Parameter Store with generated content: whatever they say, it says something sensible."""

import json
from collections import Counter
from functools import cache
from typing import Any

from hypothesis import strategies as st
from tests.faults.generated_values import ANY_JSON, POLICIES, SECONDS, TEXTS, Shapes, mostly, try_on_and_on
from tests.faults.plain_client import JSON, Answer, PlainClient, signed_headers
from tests.faults.served import may_answer, served_operations

from strongroom.model.service import OperationModel

ARN = "arn:aws:ssm:us-east-1:000000000000:parameter"
SETTING = "/ssm/parameter-store/high-throughput-enabled"
NAMES = ["/known/one", "/known/two", "/known/list", "/known/advanced", "/known", "alone", "/known/new", "new"]
REFERENCES = [f"{ARN}/known/one", "/known/one:1", "/known/one:label", f"{ARN}/known/one:2", "/known/one::", "/aws/x"]
EXPIRATION = {"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": "2040-01-01T00:00:00Z"}}
NO_CHANGE = {"Type": "NoChangeNotification", "Version": "1.0", "Attributes": {"After": "1", "Unit": "Days"}}
PARAMETER_POLICIES = st.one_of(
    st.lists(st.sampled_from([EXPIRATION, NO_CHANGE, {}]), max_size=3).map(json.dumps), ANY_JSON.map(json.dumps), TEXTS
)
CHOICES: dict[str, list[Any]] = {
    "Name": [*NAMES, *NAMES, *REFERENCES],
    "Path": ["/", "/known", "/known/", "/nothing"],
    "ResourceId": NAMES,
    "ResourceArn": [f"{ARN}/known/advanced", f"{ARN}/known/one", f"{ARN}/none"],
    "ResourceType": ["Parameter"],
    "SettingId": [SETTING, "/ssm/parameter-store/default-parameter-tier", "arn:aws:ssm:us-east-1:0:servicesetting/x"],
    "SettingValue": ["true", "false", "Standard", "Advanced", "Intelligent-Tiering"],
    "Value": ["value", "1", "a,b", "{}", "x" * 5_000, "é" * 3_000, "{{x}}"],
    "KeyId": ["alias/aws/ssm", "alias/nothing", "11111111-2222-3333-4444-555555555555"],
    "DataType": ["text", "json", "integer", "aws:ec2:image", "aws:region"],
    "AllowedPattern": [".*", "[0-9]+", "(", "^a{1,3}$"],
    "ParameterVersion": [1, 2, 3, 0, -1, 2**63 - 1],
    "Key": ["Name", "Type", "KeyId", "Path", "Tier", "Label", "DataType", "tag:a", "a"],
    "Option": ["Equals", "BeginsWith", "Contains", "Recursive", "OneLevel"],
}
LISTS: dict[str, st.SearchStrategy[Any]] = {
    "Names": st.lists(st.sampled_from([*NAMES, *REFERENCES]), max_size=10),
    "Labels": st.lists(st.one_of(st.sampled_from(["label", "other", "1a", "awsx"]), TEXTS), max_size=11),
    "Values": st.lists(st.sampled_from(["/known", "/known/one", "String", "Standard", "text", "label"]), max_size=2),
}


class Known:
    """What a client of the server knows."""

    def values(self, name: str) -> st.SearchStrategy[Any]:
        """Return values that would do for a member of this name, or no values at all."""
        if name in CHOICES:
            return st.sampled_from(CHOICES[name])
        if name == "Policies":
            return PARAMETER_POLICIES
        if name == "Policy":
            return POLICIES
        return LISTS.get(name, st.nothing())


@cache
def bodies_of(operation: OperationModel) -> st.SearchStrategy[Any]:
    """Return the bodies to try on an operation."""
    assert operation.input is not None
    known = Known()
    tame, wild = Shapes(known, tame=True), Shapes(known, tame=False)
    return mostly(mostly(tame.values(operation.input), wild.values(operation.input), 40), ANY_JSON, 5)


def send(client: PlainClient, operation: str, value: Any) -> Answer:
    """Send a request to Parameter Store."""
    body = json.dumps(value).encode()
    headers = {"Content-Type": JSON, "X-Amz-Target": f"AmazonSSM.{operation}"}
    return client.send(signed_headers(client.url, body, headers, service="ssm"), body)


def test_generated_requests_to_parameter_store(client: PlainClient) -> None:
    seen: Counter[str] = Counter()
    requests = st.sampled_from(served_operations("ssm")).flatmap(
        lambda operation: st.tuples(st.just(operation), bodies_of(operation))
    )

    def revive() -> None:
        # The higher throughput lets all requests through.
        send(client, "UpdateServiceSetting", {"SettingId": SETTING, "SettingValue": "true"})
        for name, more in (
            ("/known/one", {"Type": "String"}),
            ("/known/two", {"Type": "SecureString"}),
            ("/known/list", {"Type": "StringList"}),
            ("/known/advanced", {"Type": "String", "Tier": "Advanced"}),
            ("alone", {"Type": "String"}),
        ):
            send(client, "PutParameter", {"Name": name, "Value": "1", "Overwrite": True, "AllowedPattern": "", **more})
        send(client, "LabelParameterVersion", {"Name": "/known/one", "Labels": ["label"]})

    def tried(request: tuple[OperationModel, Any]) -> None:
        operation, value = request
        answer = send(client, operation.name, value)
        assert answer.headers["x-amzn-requestid"]
        if answer.status == 200:
            assert answer.body == b"" or isinstance(answer.json, dict)
        else:
            assert 400 <= answer.status < 500
            assert may_answer(operation, answer.code) or answer.code == "UnsupportedOperationException", answer
            assert len(answer.body) < 100_000
        seen[f"{operation.name} {answer.code}"] += 1

    try_on_and_on(tried, SECONDS / 4, revive, request=requests)
    # It is worth nothing unless requests get behind the first checks. A busy machine sends few of them.
    assert len(seen) > min(40, seen.total() / 8), sorted(seen)
