"""`strongroom build run`: a folder is built on a real server, and nothing but the log and the build is left of it."""

import json
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from tests.cli.operators_command import command_line
from tests.running_server import RunningServer
from tests.services.codebuild.building import ENVIRONMENT, LOGS, Workshop, allow, client_of, demand_sandbox, document

from strongroom.cli import build_leftovers
from strongroom.cli.__main__ import main
from strongroom.cli.build_belongings import Belongings, bucket_prefix
from strongroom.cli.build_follow import LOOK_SECONDS, OutputLostError, advice, follow, outcome, tell, write_out
from strongroom.cli.build_role import Home

pytest_plugins = ["tests.networks_possible"]

PASSWORD = "correct-horse-battery-1"
PARAMETER = "staple-of-parameters-2"


@pytest.fixture(scope="module", autouse=True)
def sandbox() -> None:
    demand_sandbox()


class Ran(NamedTuple):
    """How a run ended, what it printed, and what it said."""

    status: int
    log: str
    said: str

    @property
    def printed(self) -> list[str]:
        return [line for line in self.log.splitlines() if not line.startswith("[Container] ")]

    @property
    def build_id(self) -> str:
        return self.said.partition("strongroom: build ")[2].partition("\n")[0]


def build_run(server: RunningServer, folder: Path, *options: str, **variables: str) -> Ran:
    """Run the command in a process of its own."""
    command, environment = command_line(server, "build", "run", str(folder), *options, **variables)
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    return Ran(done.returncode, done.stdout, done.stderr)


class Runner(Protocol):
    def __call__(self, folder: Path, *options: str) -> Ran: ...


@pytest.fixture
def run_here(server: RunningServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Runner:
    """Runs the command in this process: to start another one takes longer than most builds."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(server.home / "config"))

    def run(folder: Path, *options: str) -> Ran:
        capsys.readouterr()
        status = 0
        arguments = ["build", "run", str(folder), *options, "--data", str(server.data)]
        monkeypatch.setattr(sys, "argv", ["strongroom", *arguments])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # The command line is read from sys.argv, in a test as well.
                main()
        except SystemExit as ended:
            status = int(ended.code or 0)
        return Ran(status, *capsys.readouterr())

    return run


def folder_of(tmp_path: Path, *commands: str, **members: Any) -> Path:
    """Return a folder with a build specification of these commands."""
    folder = tmp_path / "shop"
    folder.mkdir(exist_ok=True)
    specification = {"version": 0.2, "phases": {"build": {"commands": list(commands)}}} | members
    (folder / "buildspec.yml").write_text(json.dumps(specification))
    return folder


def found(server: RunningServer, build_id: str) -> dict[str, Any]:
    build: dict[str, Any] = client_of(server, "codebuild").batch_get_builds(ids=[build_id])["builds"][0]
    return build


def session_and_home(server: RunningServer) -> tuple[Mock, Home]:
    account_id = client_of(server, "sts").get_caller_identity()["Account"]
    return Mock(client=lambda service: client_of(server, service)), Home(account_id, "us-east-1")


def left(server: RunningServer) -> list[str]:
    """Return what is there of what runs make for themselves."""
    buckets = [each["Name"] for each in client_of(server, "s3").list_buckets()["Buckets"]]
    pages = client_of(server, "iam").get_paginator("list_roles").paginate()
    roles = [each["RoleName"] for page in pages for each in page["Roles"]]
    made = [name for name in (*buckets, *roles) if name.startswith("strongroom-build-")]
    newest = {"sortBy": "CREATED_TIME", "sortOrder": "DESCENDING"}
    projects = client_of(server, "codebuild").list_projects(**newest)["projects"]
    groups = client_of(server, "codebuild").list_report_groups(**newest)["reportGroups"]
    return made + [name for name in (*projects, *groups) if "shop-" in name]


def test_a_folder_is_built_with_secrets_and_artifacts(server: RunningServer, tmp_path: Path) -> None:
    kms, ssm, secrets = (client_of(server, service) for service in ("kms", "ssm", "secretsmanager"))
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    ssm.put_parameter(Name="/shop/token", Type="SecureString", Value=PARAMETER, KeyId=key)
    secrets.create_secret(Name="shop/db", SecretString=json.dumps({"password": PASSWORD}), KmsKeyId=key)
    folder = folder_of(
        tmp_path,
        "echo $GREETING, $HERE: $(cat who) $TOKEN $PGPASSWORD",
        "mkdir out; echo $PGPASSWORD | sha256sum >out/sum; echo '#!/bin/sh' >out/run; chmod 755 out/run",
        "seq 1 5000",
        artifacts={"files": ["out/run"], "secondary-artifacts": {"sums": {"files": ["sum"], "base-directory": "out"}}},
    )
    (folder / "who").write_text("reader")
    ran = build_run(
        server,
        folder,
        *("--env", "GREETING=hello", "--env", "HERE", "--parameter", "TOKEN=/shop/token"),
        *("--secret", "PGPASSWORD=shop/db:password", "--artifacts", str(tmp_path / "got")),
        HERE="dear",
    )
    assert ran.status == 0, ran.said
    assert ran.printed == ["hello, dear: reader *** ***", *map(str, range(1, 5001))]
    assert "SUCCEEDED" in ran.said
    assert "BUILD " in ran.said
    assert (tmp_path / "got" / "out" / "run").stat().st_mode & 0o111
    assert len((tmp_path / "got" / "sums" / "sum").read_text()) > 64
    assert PASSWORD not in ran.said
    build = found(server, ran.build_id)
    assert (build["buildStatus"], build["initiator"]) == ("SUCCEEDED", "root")
    assert left(server) == []


def test_a_build_that_fails_and_what_it_may_not_read(server: RunningServer, run_here: Runner, tmp_path: Path) -> None:
    client_of(server, "secretsmanager").create_secret(Name="shop/denied", SecretString=PASSWORD)
    results = '<testsuite><testcase name="good"/><testcase name="bad"><failure/></testcase></testsuite>'
    folder = folder_of(
        tmp_path,
        "echo got $PW; exit 3",
        env={"secrets-manager": {"PW": "shop/denied"}},
        reports={"units": {"files": ["results.xml"]}},
    )
    (folder / "results.xml").write_text(results)
    denied = run_here(folder)
    assert (denied.status, denied.printed) == (1, [])
    assert "secretsmanager:GetSecretValue" in denied.said
    assert "--grant-secrets" in denied.said
    granted = run_here(folder, "--grant-secrets", "--timeout", "5")
    assert (granted.status, granted.printed) == (1, ["got ***"])
    assert "exit status 3" in granted.said
    assert "-units FAILED: 2 tests, 1 SUCCEEDED, 1 FAILED\nstrongroom:   failed: bad\n" in granted.said
    assert found(server, granted.build_id)["timeoutInMinutes"] == 5
    assert left(server) == []


def test_a_build_is_stopped_with_the_command(server: RunningServer, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "echo beg''un; sleep 60")
    command, environment = command_line(server, "build", "run", str(folder))
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as running:
        assert running.stdout is not None
        # It comes while the command still runs, for the next minute.
        assert "begun\n" in iter(running.stdout.readline, "")
        running.send_signal(signal.SIGINT)
        log, said = running.communicate(timeout=30)
    assert running.returncode == 130, said
    assert "Traceback" not in log + said
    assert found(server, Ran(130, log, said).build_id)["buildStatus"] == "STOPPED"
    assert left(server) == []


def test_a_build_is_stopped_when_nobody_listens_any_more(server: RunningServer, tmp_path: Path) -> None:
    """Ctrl-C that also ends the program behind `2>&1 |`, and a terminal that is closed."""
    folder = folder_of(tmp_path, "echo beg''un; sleep 60")
    command, environment = command_line(server, "build", "run", str(folder))
    pipe, terminal = os.pipe(), os.openpty()
    running = [
        subprocess.Popen(command, stdout=end, stderr=end, env=environment, start_new_session=True)
        for end in (pipe[1], terminal[1])
    ]
    build_ids = []
    for reading, writing in (pipe, terminal):
        os.close(writing)
        with open(reading, "rb", buffering=0) as heard:  # What is left of it is closed then, unread.
            said = b""
            while b"begun" not in said:
                said += heard.read(4096)
        build_ids.append(Ran(0, "", said.decode().replace("\r", "")).build_id)
    for each, number in zip(running, (signal.SIGINT, signal.SIGHUP), strict=True):
        each.send_signal(number)
        assert each.wait(30) == 128 + number
    assert [found(server, build_id)["buildStatus"] for build_id in build_ids] == ["STOPPED", "STOPPED"]
    assert left(server) == []


def test_a_log_that_nobody_takes_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, ours = os.openpty()
    with open(ours, "w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        monkeypatch.setattr(sys, "stderr", terminal)
        os.close(theirs)
        tell("not heard")
        os.dup2(os.open("/dev/full", os.O_WRONLY), terminal.fileno())
        with pytest.raises(OutputLostError, match="No space"):
            write_out("text")
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)  # Closed before the command began.
    tell("not heard")
    write_out("text")


def test_following_waits_when_it_is_told_to_slow_down(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    slow_down = ClientError({"Error": {"Code": "ThrottlingException"}}, "BatchGetBuilds")
    ended = {"builds": [{"logs": {"cloudWatchLogs": {}}, "currentPhase": "COMPLETED", "buildComplete": True}]}
    session = Mock()
    session.client.return_value.batch_get_builds.side_effect = [slow_down, slow_down, ended]
    assert follow(session, "shop:1", Mock(), Mock()) == ended["builds"][0]
    assert slept == [LOOK_SECONDS] * 2


def test_what_a_killed_run_left_is_taken_away_by_the_next(
    server: RunningServer, run_here: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = client_of(server, "s3")
    session, home = session_and_home(server)
    run_id, name = "0123456789ab", "shop-0123456789ab"
    killed = Belongings(session, home, run_id, name)
    killed.make_bucket()
    killed.put_source(BytesIO(b"source"))
    s3.create_multipart_upload(Bucket=killed.bucket, Key="artifacts/half")
    role_arn = killed.make_role(home.arn("codebuild", f"project/{name}"), {"build": document(LOGS)})
    project = {"source": {"type": "NO_SOURCE", "buildspec": "version: 0.2"}, "artifacts": {"type": "NO_ARTIFACTS"}}
    killed.make_project(project | {"environment": ENVIRONMENT, "serviceRole": role_arn}, reports=True)
    client_of(server, "codebuild").create_report_group(
        name=f"{name}-units", type="TEST", exportConfig={"exportConfigType": "NO_EXPORT"}
    )
    somebodys = f"{bucket_prefix(home)}ba9876543210"
    s3.create_bucket(Bucket=somebodys)  # Its name is like theirs, but it has not their tag.
    folder = folder_of(tmp_path, "true")
    made = {killed.bucket, killed.name, name, home.arn("codebuild", f"report-group/{name}-units"), somebodys}
    assert run_here(folder, "--project", "not-there").status == 2
    assert set(left(server)) == made  # Their build may still run.
    monkeypatch.setattr(build_leftovers, "NEEDED", timedelta(0))
    ran = run_here(folder, "--project", "not-there")
    assert ran.said.startswith(f"strongroom: taking away what the run {name} left\n")
    assert len(ran.said.splitlines()) == 2
    assert left(server) == [somebodys]
    s3.delete_bucket(Bucket=somebodys)
    assert killed.close() == []  # It passes over what is not there.


def unheard(make: Callable[..., Any]) -> Callable[..., None]:
    def make_unheard(**params: Any) -> None:
        make(**params)
        raise ReadTimeoutError(endpoint_url="here")

    return make_unheard


def test_what_may_have_been_made_is_taken_away(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that did not come says nothing about what is there."""
    session, home = session_and_home(server)
    belongings = Belongings(session, home, "abcdefabcdef", "shop-abcdefabcdef")
    for service, operation in (("s3", "create_bucket"), ("iam", "create_role")):
        client = client_of(server, service)
        monkeypatch.setattr(client, operation, unheard(getattr(client, operation)))
    with pytest.raises(ReadTimeoutError):
        belongings.make_bucket()
    with pytest.raises(ReadTimeoutError):
        belongings.make_role(home.arn("codebuild", "project/shop-abcdefabcdef"), {})
    assert len(left(server)) == 2
    assert belongings.close() == []
    assert left(server) == []


def test_a_project_that_is_there(server: RunningServer, run_here: Runner, tmp_path: Path) -> None:
    """Its role, variables and specification; the folder's files; and what it stores elsewhere is not stored."""
    workshop = Workshop(server)
    artifacts = {"type": "S3", "location": "no-such-bucket-here"}
    variables = [{"name": "A", "value": "project"}, {"name": "B", "value": "project"}]
    project = workshop.project(
        '{"version": 0.2, "phases": {"build": {"commands": ["echo $A $B $(cat who)"]}}}',
        artifacts=artifacts,
        environment={
            "type": "LINUX_CONTAINER",
            "image": "host",
            "computeType": "BUILD_GENERAL1_SMALL",
            "environmentVariables": variables,
        },
    )
    folder = folder_of(tmp_path, "echo of the folder", artifacts={"files": ["who"]})
    (folder / "who").write_text("reader")
    ran = run_here(folder, "--project", project, "--env", "B=here")
    assert (ran.status, ran.printed) == (0, ["project here reader"]), ran.said
    assert found(server, ran.build_id)["serviceRole"] == workshop.role
    got = tmp_path / "got"
    other = run_here(folder, "--project", project, "--buildspec", "buildspec.yml", "--artifacts", str(got))
    assert (other.status, other.printed) == (0, ["of the folder"]), other.said
    assert (got / "who").read_text() == "reader"
    assert left(server) == []


@pytest.mark.usefixtures("networks")
def test_a_build_in_a_vpc_with_more_permissions(server: RunningServer, run_here: Runner, tmp_path: Path) -> None:
    ec2 = client_of(server, "ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    (tmp_path / "policy.json").write_text(json.dumps({"Version": "2012-10-17", "Statement": allow("kms:ListKeys")}))
    folder = folder_of(tmp_path, "grep -o -m1 '10[.]0[.]1[.][0-9]*' /proc/net/fib_trie")
    ran = run_here(folder, "--subnet", subnet, "--policy", str(tmp_path / "policy.json"))
    assert ran.status == 0, ran.said
    assert ran.printed[0].startswith("10.0.1.")
    assert found(server, ran.build_id)["networkInterface"]["subnetId"] == subnet
    assert left(server) == []


def test_what_cannot_be_started(server: RunningServer, run_here: Runner, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "true")
    for options, told in (
        (("--secret", "PW=not-there"), "there is no secret not-there"),
        (("--secret", "PW"), "NAME=SECRET"),
        (("--env", "NO_SUCH_VARIABLE_HERE"), "no such variable"),
        (("--project", "not-there"), "there is no project not-there"),
        (("--project", "p", "--subnet", "subnet-1"), "--project"),
        (("--security-group", "sg-1"), "--subnet"),
        (("--artifacts", str(tmp_path / "got")), "no artifacts"),
        (("--timeout", "1"), "timeoutInMinutes"),
    ):
        ran = run_here(folder, *options)
        assert (ran.status, ran.log) == (2, ""), ran
        assert told in ran.said
        assert len(ran.said.splitlines()) == 1, ran.said
    assert left(server) == []


def test_what_is_said_where_there_is_no_sandbox() -> None:
    at = datetime(2026, 12, 1, tzinfo=UTC)
    told = {"phaseStatus": "FAULT", "contexts": [{"message": "there is no sandbox: bubblewrap is not installed"}]}
    build = {
        "id": "shop:1",
        "buildStatus": "FAULT",
        "startTime": at,
        "endTime": at,
        "phases": [{"phaseType": "PROVISIONING", "startTime": at, "endTime": at} | told],
    }
    assert "  there is no sandbox: bubblewrap is not installed" in outcome(build)
    assert "strongroom doctor" in advice(build, is_role_made=True)
