"""A PostgreSQL in a private subnet: builds and functions in the VPC use it, with a password that shows nowhere."""

import contextlib
import gzip
import io
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.faults.secrets_on_disk import search
from tests.faults.test_canary import await_audit_trail, public_files
from tests.postgresql import programs_or_skip
from tests.rotation_functions.functions import make_function
from tests.running_server import RunningServer, eventually, running_server
from tests.services.codebuild.building import Workshop, allow, context, demand_sandbox

ADDRESS = "10.0.2.10"
MIGRATION = "create table migrated (version int); insert into migrated values (7);"
_NOBODY = 65_534


class PrivateDatabase:
    """A VPC with a PostgreSQL in a private subnet, whose password is in Secrets Manager, and who may reach it."""

    def __init__(self, server: RunningServer, held: contextlib.ExitStack) -> None:
        self.server = server
        self.psql = str(programs_or_skip() / "psql")
        self.password = secrets.token_urlsafe(24)
        made = server.client("secretsmanager").create_secret(
            Name="database", SecretString=json.dumps({"username": "postgres", "password": self.password})
        )
        self.secret: str = made["ARN"]
        self.ec2 = server.client("ec2")
        self.vpc: str = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        private = self.subnet("10.0.2.0/24")
        self.public = self.subnet("10.0.1.0/24")
        of_database, self.application, self.other = (self.group(name) for name in ("database", "application", "other"))
        for group, port in ((self.application, 5432), (self.other, 5433)):
            rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "UserIdGroupPairs": [{"GroupId": group}]}
            self.ec2.authorize_security_group_ingress(GroupId=of_database, IpPermissions=[rule])
        self.directory = Path(tempfile.mkdtemp(prefix="private-postgresql-", dir="/tmp"))
        held.callback(shutil.rmtree, self.directory, ignore_errors=True)
        self._start(held, private, of_database)

    def subnet(self, block: str) -> str:
        made: str = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=block)["Subnet"]["SubnetId"]
        return made

    def group(self, name: str) -> str:
        made: str = self.ec2.create_security_group(VpcId=self.vpc, GroupName=name, Description=name)["GroupId"]
        return made

    def interfaces(self) -> list[str]:
        """Return the descriptions of the interfaces that somebody is behind, but for the database's own."""
        wanted = [{"Name": "subnet-id", "Values": [self.public]}]
        return [
            each["Description"] for each in self.ec2.describe_network_interfaces(Filters=wanted)["NetworkInterfaces"]
        ]

    def versions(self) -> list[int]:
        """Return what has been migrated, as the database's own machine sees it."""
        with psycopg.connect(f"host={self.directory} user=postgres") as connection:
            return [row[0] for row in connection.execute("select version from migrated").fetchall()]

    def _start(self, held: contextlib.ExitStack, subnet: str, group: str) -> None:
        programs, data = programs_or_skip(), self.directory / "data"
        file = self.directory / "password"
        file.write_text(self.password)
        who: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root.
            who = ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
            for path in (self.directory, file):
                os.chown(path, _NOBODY, _NOBODY)
        made = [*who, str(programs / "initdb"), "-D", str(data), "-U", "postgres", "--no-sync", "-E", "UTF8"]
        made += ["--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={file}", "--locale=C.UTF-8"]
        subprocess.run(made, cwd="/", check=True, capture_output=True)
        file.unlink()
        with (data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 10.0.0.0/16 scram-sha-256\n")
        where = ["--data", str(self.server.data), "--subnet", subnet, "--security-group", group]
        command = [sys.executable, "-m", "strongroom.cli", "vpc", "run", *where, "--private-ip", ADDRESS, "--", *who]
        command += [str(programs / "postgres"), "-D", str(data), "-k", str(self.directory)]
        command += ["-c", f"listen_addresses={ADDRESS}", "-c", "fsync=off", "-c", "shared_buffers=16MB"]
        process = held.enter_context(subprocess.Popen(command, cwd="/", stderr=subprocess.PIPE, text=True))
        held.callback(process.terminate)
        assert process.stderr is not None
        said = ""
        while "ready to accept connections" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line


@pytest.fixture(scope="module")
def database(networks: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateDatabase]:
    demand_sandbox()
    home = tmp_path_factory.mktemp("private")
    with running_server(home, options=("--log-level", "debug")) as server, contextlib.ExitStack() as held:
        yield PrivateDatabase(server, held)


def migrating(database: PrivateDatabase, workshop: Workshop) -> str:
    """Return a project that migrates the database, in no VPC."""
    s3 = database.server.client("s3")
    s3.create_bucket(Bucket="migrations")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("7.sql", MIGRATION)
    s3.put_object(Bucket="migrations", Key="source.zip", Body=packed.getvalue())
    psql = f"{database.psql} -XAt -v ON_ERROR_STOP=1"
    commands = [
        f"{psql} -f 7.sql",
        f"{psql} -c 'select version from migrated' >migrated",
        'echo "with $PGPASSWORD"; env | sort; sh -c "exit 0" "$PGPASSWORD"',
    ]
    env = {
        "variables": {"PGHOST": ADDRESS, "PGUSER": "postgres", "PGCONNECT_TIMEOUT": "2"},
        "secrets-manager": {"PGPASSWORD": f"{database.secret}:password"},
    }
    text = {
        "version": 0.2,
        "env": env,
        # Another user is another sandbox, in the same place of the network.
        "phases": {"install": {"commands": ["id -un"]}, "build": {"run-as": "nobody", "commands": commands}},
        "artifacts": {"files": ["migrated"]},
    }
    return workshop.project(
        source={"type": "S3", "location": "migrations/source.zip", "buildspec": json.dumps(text)},
        artifacts={"type": "S3", "location": "migrations", "name": "made"},
        logsConfig={"s3Logs": {"status": "ENABLED", "location": "migrations/logs", "encryptionDisabled": True}},
    )


def test_builds_reach_what_their_vpc_lets_them_reach(database: PrivateDatabase) -> None:
    reading = allow(["secretsmanager:GetSecretValue", "s3:GetObject", "s3:PutObject", "kms:*"])
    workshop = Workshop(database.server, reading)
    project = migrating(database, workshop)
    network = {"vpcId": database.vpc, "subnets": [database.public], "securityGroupIds": [database.application]}
    with pytest.raises(
        workshop.client.exceptions.InvalidInputException, match="Not authorized to perform DescribeVpcs"
    ):
        workshop.client.update_project(name=project, vpcConfig=network)
    seeing = allow("ec2:Describe*"), allow("ec2:CreateNetworkInterface")
    workshop.allow(allow("logs:*"), reading, *seeing)

    def started(vpc: dict[str, Any]) -> str:
        shown = workshop.client.update_project(name=project, vpcConfig=vpc)["project"]
        assert shown.get("vpcConfig", {}) == vpc
        build_id: str = workshop.client.start_build(projectName=project)["build"]["id"]
        return build_id

    ids = [started(vpc) for vpc in (network, {}, network | {"securityGroupIds": [database.other]})]
    inside, outside, wrong = (workshop.ended(each) for each in ids)
    logs = [workshop.log(each) for each in (inside, outside, wrong)]
    assert inside["buildStatus"] == "SUCCEEDED", logs[0]
    assert (inside["vpcConfig"], inside["networkInterface"]["subnetId"]) == (network, database.public)
    assert "with ***\n" in logs[0]
    assert database.versions() == [7]
    for failed, log, reason in (
        (outside, logs[1], "Network is unreachable"),
        (wrong, logs[2], "timeout expired"),
    ):
        assert (failed["buildStatus"], context(failed, "BUILD")[1]) == ("FAILED", "COMMAND_EXECUTION_ERROR")
        assert reason in log
    assert "networkInterface" not in outside
    assert database.interfaces() == []
    see_no_password(database, [inside, outside, wrong], logs)
    # A role that may not have an interface gets none.
    workshop.allow(allow("logs:*"), reading)
    refused = workshop.build(project)
    status, code, message = context(refused, "PROVISIONING")
    assert (refused["buildStatus"], status, code) == ("FAILED", "FAILED", "VPC_CLIENT_ERROR")
    assert message.startswith("Unexpected EC2 error: UnauthorizedOperation")


def see_no_password(database: PrivateDatabase, builds: list[dict[str, Any]], logs: list[str]) -> None:
    """Search all that was told of some builds, and all that the server has on its disk."""
    server, told = database.server, [("the password", database.password.encode())]
    await_audit_trail(server)
    pages = server.client("cloudtrail").get_paginator("lookup_events").paginate()
    events = [each["CloudTrailEvent"] for page in pages for each in page["Events"]]
    assert any(re.search('"eventName": ?"CreateNetworkInterface"', event) for event in events)
    kept = {"builds": json.dumps(builds, default=str).encode(), "the audit trail": "\n".join(events).encode()}
    kept |= {f"log {number}": log.encode() for number, log in enumerate(logs)}
    s3 = server.client("s3")
    for each in s3.list_objects_v2(Bucket="migrations")["Contents"]:
        content = s3.get_object(Bucket="migrations", Key=each["Key"])["Body"].read()
        kept[each["Key"]] = gzip.decompress(content) if each["Key"].endswith(".gz") else content
    assert kept["made/migrated"] == b"7\n"
    assert len([name for name in kept if name.endswith(".gz")]) == 3
    assert search(kept, told) == []
    assert search(public_files(server.home), told) == []
    assert database.password not in "".join(path.read_text() for path in server.home.glob("*.log"))


CODE = """
import json, os, subprocess
import boto3

secret = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET"])["SecretString"]

def handler(event, context):
    psql = [os.environ["PSQL"], "-XAtc", "select 6 * 7", f"host={os.environ['HOST']} user=postgres connect_timeout=2"]
    environment = {"PGPASSWORD": json.loads(secret)["password"]}
    done = subprocess.run(psql, env=environment, capture_output=True, text=True)
    return done.stdout.strip() or done.stderr
"""


def test_functions_reach_what_their_vpc_lets_them_reach(database: PrivateDatabase) -> None:
    server, functions = database.server, database.server.client("lambda")
    interfaces = ["ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface"]
    make_function(server, "asks", CODE, statements=[allow(["secretsmanager:GetSecretValue", "kms:*", *interfaces])])
    variables = {"SECRET": database.secret, "PSQL": database.psql, "HOST": ADDRESS}
    functions.update_function_configuration(FunctionName="asks", Environment={"Variables": variables}, MemorySize=512)

    def answer() -> str:
        told: str = json.loads(functions.invoke(FunctionName="asks")["Payload"].read())
        return told

    def moved(*groups: str) -> dict[str, Any]:
        subnets = [database.public] if groups else []
        vpc = {"SubnetIds": subnets, "SecurityGroupIds": list(groups)}
        answer: dict[str, Any] = functions.update_function_configuration(FunctionName="asks", VpcConfig=vpc)
        return answer

    assert "Network is unreachable" in answer()
    assert moved(database.application)["VpcConfig"] == {
        "SubnetIds": [database.public],
        "SecurityGroupIds": [database.application],
        "VpcId": database.vpc,
        "Ipv6AllowedForDualStack": False,
    }
    assert [answer(), answer()] == ["42", "42"]
    assert database.interfaces() == ["AWS Lambda VPC ENI-asks"]
    assert "VpcConfig" not in moved()
    assert "Network is unreachable" in answer()
    eventually(10, lambda: database.interfaces() == [])
    moved(database.other)
    assert "timeout expired" in answer()
    functions.delete_function(FunctionName="asks")
    eventually(10, lambda: database.interfaces() == [])
