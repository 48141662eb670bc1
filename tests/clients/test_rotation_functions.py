"""A secret that a function rotates: a real function in the sandbox, with a real permission, and refused without it."""

import io
import json
import os
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from tests.faults.secrets_on_disk import content_of, search
from tests.runners.contained import why_not
from tests.running_server import RunningServer, running_server
from tests.services.refusals import refused

from strongroom.base.moved_clock import MovedClock

ACCOUNT = "000000000000"
FUNCTION = Path(__file__).with_name("rotation_function.py")
SECONDS_MAX = 60.0
EVENTS = [
    *("RotationStarted", "RotationSucceeded", "RotationFailed", "RotationAbandoned"),
    *("TestRotationStarted", "TestRotationSucceeded", "TestRotationFailed"),
]
NOT_INVOCABLE = (
    "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to the "
    "principal secretsmanager.amazonaws.com."
)


@pytest.fixture(scope="module")
def sandbox() -> None:
    """Demand that functions can be contained on this machine."""
    reason = why_not()
    if reason is not None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)


@pytest.fixture(scope="module")
def moved(sandbox: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server whose clock is moved."""
    with running_server(tmp_path_factory.mktemp("rotating"), options=("--test-clock",)) as running:
        yield running


class Functions:
    """Secrets and functions of a server."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        patient = Config(retries={"total_max_attempts": 4})
        self.secrets = server.client("secretsmanager", config=patient)
        self.functions = server.client("lambda", config=patient)

    def role(self, name: str) -> str:
        """Make the role that a rotation function works in."""
        iam = self.server.client("iam")
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": trust})
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        actions = (
            "DescribeSecret",
            "GetSecretValue",
            "PutSecretValue",
            "UpdateSecretVersionStage",
            "GetRandomPassword",
        )
        may = {"Effect": "Allow", "Action": [f"secretsmanager:{each}" for each in actions], "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": may})
        iam.put_role_policy(RoleName=name, PolicyName="rotate", PolicyDocument=document)
        return arn

    def make(self, name: str) -> str:
        """Make a rotation function, and return its ARN."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("app.py", FUNCTION.read_text())
        made = self.functions.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role=self.role(name),
            Handler="app.handler",
            Code={"ZipFile": packed.getvalue()},
            Timeout=30,
            MemorySize=256,
        )
        arn: str = made["FunctionArn"]
        return arn

    def permit(self, name: str, **conditions: str) -> None:
        """Let Secrets Manager invoke a function."""
        may = {"Action": "lambda:InvokeFunction", "Principal": "secretsmanager.amazonaws.com"}
        self.functions.add_permission(FunctionName=name, StatementId=f"rotate-{len(conditions)}", **may, **conditions)

    def password(self, name: str, **which: str) -> str:
        """Return the current password."""
        value = json.loads(self.secrets.get_secret_value(SecretId=name, **which)["SecretString"])
        text: str = value["password"]
        return text

    def stages(self, name: str) -> list[list[str]]:
        """Return the labels of all versions."""
        return sorted(self.secrets.describe_secret(SecretId=name)["VersionIdsToStages"].values())

    def events(self, arn: str) -> list[dict[str, Any]]:
        """Return what became of the rotations of a secret, as CloudTrail tells."""
        trail = self.server.client("cloudtrail")
        events = []
        for name in EVENTS:
            looked = trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}])
            events += [json.loads(each["CloudTrailEvent"]) for each in looked["Events"]]
        return [each for each in events if each["additionalEventData"]["SecretId"] == arn]


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens by itself."""
    ends_at = time.monotonic() + SECONDS_MAX
    while not condition():
        assert time.monotonic() < ends_at, "it did not happen"
        time.sleep(0.1)


def test_a_function_rotates_a_secret(moved: RunningServer) -> None:
    functions = Functions(moved)
    function_arn = functions.make("rotate")
    made = functions.secrets.create_secret(Name="db", SecretString=json.dumps({"user": "app", "password": "first"}))
    rules = {"AutomaticallyAfterDays": 30}
    rotate = {"SecretId": "db", "RotationLambdaARN": function_arn, "RotationRules": rules}
    with refused("AccessDeniedException", NOT_INVOCABLE):
        functions.secrets.rotate_secret(**rotate)
    with refused("AccessDeniedException", NOT_INVOCABLE):
        functions.secrets.rotate_secret(**rotate | {"RotationLambdaARN": function_arn + "-not-there"})
    functions.permit("rotate", SourceAccount="444455556666", SourceArn=made["ARN"])
    with refused("AccessDeniedException", NOT_INVOCABLE):
        functions.secrets.rotate_secret(**rotate)
    functions.permit("rotate", SourceAccount=ACCOUNT)
    answer = functions.secrets.rotate_secret(**rotate)
    until(lambda: functions.stages("db") == [["AWSCURRENT"], ["AWSPREVIOUS"]])
    passwords = [functions.password("db")]
    assert passwords != ["first"]
    assert functions.password("db", VersionId=answer["VersionId"]) == passwords[0]
    assert functions.password("db", VersionStage="AWSPREVIOUS") == "first"
    # The second time and the third, by the clock alone.
    for _ in range(2):
        MovedClock(moved.data).advance(timedelta(days=30))
        until(lambda: functions.password("db") not in passwords)
        until(lambda: functions.stages("db") == [["AWSCURRENT"], ["AWSPREVIOUS"]])
        passwords.append(functions.password("db"))
    until(lambda: len(functions.events(made["ARN"])) == 6)
    names = [event["eventName"] for event in functions.events(made["ARN"])]
    assert sorted(names) == ["RotationStarted"] * 3 + ["RotationSucceeded"] * 3
    # Neither on the disk nor in a log is there any of them.
    files = content_of(moved.home)
    assert any(name.endswith("server.log") for name in files)
    assert search(files, [("password", each.encode()) for each in passwords]) == []


def test_a_rotation_outlives_its_server(moved: RunningServer) -> None:
    functions = Functions(moved)
    functions.make("slow")
    functions.permit("slow")
    value = {"password": "first", "slow": 1.5}
    functions.secrets.create_secret(Name="long", SecretString=json.dumps(value))
    function_arn = functions.functions.get_function_configuration(FunctionName="slow")["FunctionArn"]
    rules = {"ScheduleExpression": "rate(4 hours)"}
    functions.secrets.rotate_secret(SecretId="long", RotationLambdaARN=function_arn, RotationRules=rules)
    none_yet = functions.secrets.exceptions.ResourceNotFoundException

    def is_pending() -> bool:
        try:
            return bool(functions.password("long", VersionStage="AWSPENDING"))
        except none_yet:
            return False

    until(is_pending)
    pending = functions.password("long", VersionStage="AWSPENDING")
    time.sleep(0.3)
    moved.kill()
    moved.start()
    functions = Functions(moved)
    assert functions.password("long") == "first"
    until(lambda: functions.stages("long") == [["AWSCURRENT"], ["AWSPREVIOUS"]])
    assert functions.password("long") == pending


def test_a_configuration_is_tested(moved: RunningServer) -> None:
    functions = Functions(moved)
    function_arn = functions.make("tested")
    functions.permit("tested")
    rules = {"ScheduleExpression": "cron(0 16 1,15 * ? *)", "Duration": "2h"}
    later = {"RotationLambdaARN": function_arn, "RotationRules": rules, "RotateImmediately": False}
    for name, value in (("good", {"password": "p"}), ("bad", {"password": "secret words", "broken": True})):
        made = functions.secrets.create_secret(Name=name, SecretString=json.dumps(value))
        answer = functions.secrets.rotate_secret(SecretId=name, **later)
        assert "VersionId" not in answer
        until(lambda arn=made["ARN"]: len(functions.events(arn)) == 2)
        started, ended = functions.events(made["ARN"])
        expected = "TestRotationSucceeded" if name == "good" else "TestRotationFailed"
        assert (started["eventName"], ended["eventName"]) == ("TestRotationStarted", expected)
        assert functions.stages(name) == [["AWSCURRENT"]]
        assert functions.password(name) == value["password"]
        assert len(functions.secrets.list_secret_version_ids(SecretId=name, IncludeDeprecated=True)["Versions"]) == 1
        if name == "bad":
            assert ended["errorMessage"] == f"Error when executing lambda {function_arn} during testSecret step"
            assert "secret words" not in json.dumps(ended)
