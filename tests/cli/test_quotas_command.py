"""`strongroom quotas`: an operator lowers, raises and grants quotas while a server runs, and sees them used."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError
from tests.cli.operators_command import command_line, strongroom
from tests.running_server import RunningServer, running_server
from tests.services.refusals import refused

ACCOUNT = "000000000000"
SYMMETRIC = "L-6E3AF000"
QUOTA = {"ServiceCode": "kms", "QuotaCode": SYMMETRIC}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that enforces request quotas."""
    home = tmp_path_factory.mktemp("strict")
    with running_server(home, environment={"STRONGROOM_REQUEST_QUOTAS": "on"}) as running:
        yield running


@pytest.fixture
def reset(strict: RunningServer) -> Iterator[None]:
    yield
    strongroom(strict, "quotas", "reset")


def through(server: RunningServer, calls: int, region: str = "us-east-1") -> int:
    """Return how many of so many GenerateRandom are let through."""
    kms, count = server.client("kms", region=region), 0
    for _ in range(calls):
        try:
            kms.generate_random(NumberOfBytes=8)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ThrottlingException":
                raise
        else:
            count += 1
    return count


def value_of(server: RunningServer, region: str = "us-east-1") -> float:
    value: float = server.client("service-quotas", region=region).get_service_quota(**QUOTA)["Quota"]["Value"]
    return value


@pytest.mark.usefixtures("reset")
def test_a_quota_is_lowered_and_raised_and_reset_at_once(strict: RunningServer) -> None:
    assert through(strict, 5) == 5
    told = strongroom(strict, "quotas", "set", SYMMETRIC, "0")
    assert told == (
        "kms/L-6E3AF000, Cryptographic operations (symmetric) request rate: 0 for every account in every Region\n"
    )
    assert through(strict, 3) == 0
    kms = strict.client("kms")
    with refused(
        "ThrottlingException",
        "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.",
    ):
        kms.generate_random(NumberOfBytes=8)
    told = strongroom(strict, "quotas", "set", SYMMETRIC.lower(), "1000000")
    assert ": 1,000,000 for every account in every Region (in place of 1 set before)\n" in told
    assert through(strict, 50) == 50
    assert "1 values taken back" in strongroom(strict, "quotas", "reset", SYMMETRIC)
    assert value_of(strict) == 100_000


@pytest.mark.usefixtures("reset")
def test_a_quota_of_one_account_and_region(strict: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    # Variables that tell a server its Region and account do not narrow what an operator sets.
    monkeypatch.setenv("STRONGROOM_REGION", "eu-west-1")
    monkeypatch.setenv("STRONGROOM_ACCOUNT_ID", ACCOUNT)
    strongroom(strict, "quotas", "set", SYMMETRIC, "50")
    strongroom(strict, "quotas", "set", SYMMETRIC, "0", "--account-id", ACCOUNT, "--region", "eu-west-1")
    assert (through(strict, 3, "eu-west-1"), through(strict, 3)) == (0, 3)
    assert (value_of(strict, "eu-west-1"), value_of(strict, "eu-central-1")) == (0, 50)
    told = strongroom(strict, "quotas", "reset", "--region", "eu-west-1")
    assert told == "every quota: 1 values taken back for every account in eu-west-1\n"
    assert value_of(strict, "eu-west-1") == 50


def test_a_requested_increase_is_approved_or_denied(strict: RunningServer) -> None:
    client = strict.client("service-quotas")
    first = client.request_service_quota_increase(DesiredValue=200_000, **QUOTA)["RequestedQuota"]
    client.create_support_case(RequestId=first["Id"])
    waiting = json.loads(strongroom(strict, "quotas", "requests", "--format", "json"))
    assert [(each["Id"], each["Status"], each["DesiredValue"]) for each in waiting] == [
        (first["Id"], "CASE_OPENED", 200_000)
    ]
    assert first["Id"] in strongroom(strict, "quotas", "requests")
    assert "APPROVED" in strongroom(strict, "quotas", "approve", first["Id"])
    assert value_of(strict) == 200_000
    assert client.get_requested_service_quota_change(RequestId=first["Id"])["RequestedQuota"]["Status"] == "APPROVED"
    second = client.request_service_quota_increase(DesiredValue=300_000, **QUOTA)["RequestedQuota"]
    assert "DENIED" in strongroom(strict, "quotas", "deny", second["Id"])
    assert value_of(strict) == 200_000
    assert strongroom(strict, "quotas", "requests") == ""
    assert "is DENIED already" in strongroom(strict, "quotas", "approve", second["Id"], status=2)
    assert "there is no quota request" in strongroom(strict, "quotas", "approve", "0" * 40, status=2)
    strongroom(strict, "quotas", "reset", SYMMETRIC)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("set", "L-00000000", "5"), "there is no quota 'L-00000000'"),
        (("set", SYMMETRIC, "-1"), "0 to 10000000000"),
        (("set", SYMMETRIC, "nan"), "0 to 10000000000"),
        (("set", SYMMETRIC, "1e11"), "0 to 10000000000"),
        (("set", SYMMETRIC, "5", "--account-id", "999999999999"), "there is no account 999999999999"),
        (("set", SYMMETRIC, "5", "--region", "Not a Region"), "does not look like a Region"),
    ],
)
def test_what_is_refused(strict: RunningServer, arguments: tuple[str, ...], why: str) -> None:
    assert why in strongroom(strict, "quotas", *arguments, status=2)
    assert value_of(strict) == 100_000


@pytest.mark.usefixtures("reset")
def test_use_against_quota(strict: RunningServer) -> None:
    kms = strict.client("kms", region="ap-south-1")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/one", TargetKeyId=key)
    strongroom(strict, "quotas", "set", SYMMETRIC, "20", "--region", "ap-south-1")
    let_through = through(strict, 60, "ap-south-1")
    shown = json.loads(strongroom(strict, "quotas", "--region", "ap-south-1", "--format", "json"))
    by_code = {each["QuotaCode"]: each for each in shown if each["AccountId"] == ACCOUNT}
    symmetric = by_code[SYMMETRIC]
    assert (symmetric["Taken"], symmetric["Throttled"]) == (let_through, 60 - let_through)
    assert (symmetric["Value"], symmetric["DefaultValue"], symmetric["PerSecond"]) == (20, 10_000, True)
    assert (by_code["L-C2F1777E"]["Used"], by_code["L-C2F1777E"]["PerSecond"]) == (1, False)
    assert by_code["L-340F62FB"]["Used"] == 1
    table = strongroom(strict, "quotas", "--account-id", ACCOUNT)
    assert re.search("Quota +Code +Account +Region +Used +Quota +% +Taken +Throttled", table)
    assert strongroom(strict, "quotas", "--account-id", "999999999999", "--format", "json") == "[]\n"


@pytest.mark.usefixtures("reset")
def test_the_live_table_follows(strict: RunningServer) -> None:
    # Of so slow a quota nothing is taken ahead of need, so that every look is exact.
    strongroom(strict, "quotas", "set", SYMMETRIC, "500", "--account-id", ACCOUNT, "--region", "ca-central-1")
    command, environment = command_line(strict, "quotas", "--watch", "--format", "json", "--region", "ca-central-1")
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        (unused,) = json.loads(watching.stdout.readline())
        assert (unused["Value"], unused["Used"], unused["Taken"]) == (500, 0, None)
        through(strict, 10, "ca-central-1")
        looks: list[list[dict[str, Any]]] = []
        while len(looks) < 60 and not (looks and looks[-1] and looks[-1][0]["Taken"] == 10):
            looks.append(json.loads(watching.stdout.readline()))
        watching.terminate()
    seen = [use for look in looks for use in look]
    assert (seen[-1]["QuotaCode"], seen[-1]["Taken"], seen[-1]["Throttled"]) == (SYMMETRIC, 10, 0)
    # A look tells the rate since the look before: together they tell of all the requests.
    assert any(use["Used"] > 0 for use in seen)


def test_metrics_tell_of_each_quota(strict: RunningServer) -> None:
    strongroom(strict, "quotas", "set", SYMMETRIC, "0", "--region", "sa-east-1")
    through(strict, 2, "sa-east-1")
    text = urllib3.request("GET", f"{strict.http}/_strongroom/metrics").data.decode()
    labels = f'{{account="{ACCOUNT}",quota="kms/{SYMMETRIC}",region="sa-east-1"}}'
    assert f"strongroom_quota_throttled_total{labels} 2.0" in text
    assert f"strongroom_quota_requests_total{labels} 0.0" in text
    strongroom(strict, "quotas", "reset")


def test_new_accounts_ask_for_what_the_template_says(strict: RunningServer) -> None:
    client = strict.client("service-quotas")
    client.put_service_quota_increase_request_into_template(AwsRegion="us-east-1", DesiredValue=123_456, **QUOTA)
    client.associate_service_quota_template()
    strongroom(strict, "accounts", "create", "--account-id", "222233334444", "--name", "new")
    waiting = json.loads(strongroom(strict, "quotas", "requests", "--format", "json"))
    assert [(each["AccountId"], each["DesiredValue"]) for each in waiting] == [("222233334444", 123_456)]
    client.disassociate_service_quota_template()


def test_before_a_server_was_there(tmp_path: Path, strict: RunningServer) -> None:
    command, environment = command_line(strict, "quotas")
    command[command.index("--data") + 1] = str(tmp_path / "nothing")
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=30)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no server was ready" in done.stderr
