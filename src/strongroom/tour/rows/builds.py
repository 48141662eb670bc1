"""M14: a build that reaches a database in a private subnet, one that cannot, and a secret that no log shows."""

import json
import secrets
import sys
from typing import Any

from strongroom.tour.command_line import File
from strongroom.tour.machine import (
    NETWORKS_REMEDY,
    POSTGRESQL_REMEDY,
    SANDBOX_REMEDY,
    why_no_postgresql,
    why_no_private_networks,
    why_no_sandbox,
)
from strongroom.tour.postgresql import Postgresql
from strongroom.tour.visit import Visit, allow, statements

_MIGRATION = "create table migrated (version int); insert into migrated values (7)"
_VERSION = "select version from migrated"
ADDRESS = "10.0.2.10"
BUCKET = "builds"
PROJECT = "migrate"
_BUILD_SECONDS_MAX = 60.0
_OWN_LINES = "events[?!starts_with(message, '[Container]')].message"


def show(visit: Visit) -> None:
    """Put a PostgreSQL into a private subnet, and run the same build with and without a VPC configuration."""
    visit.needs(why_no_postgresql(), POSTGRESQL_REMEDY)
    visit.needs(why_no_sandbox(), SANDBOX_REMEDY)
    visit.needs(why_no_private_networks(), NETWORKS_REMEDY)
    database = Postgresql(visit.premises, "private-database", ADDRESS, 5432)
    visit.say(
        "A VPC with a database in a private subnet. Only who is in the group `builds` may reach it, at port 5432:"
    )
    network = _network(visit, database)
    password = f"{visit.canary.word}-{secrets.token_hex(4)}"
    database.make_user("postgres", password)
    credentials = {"username": "postgres", "password": password}
    secret = visit.aws(
        "secretsmanager", "CreateSecret", Name="database", SecretString=json.dumps(credentials), query="ARN"
    )["ARN"]
    key_arn = visit.aws("kms", "CreateKey", Description="builds", query="KeyMetadata.Arn")["KeyMetadata"]["Arn"]
    _project(visit, database, secret, key_arn)

    visit.say("The same build, first in no VPC, then in the subnet:")
    ids = [_build(visit, each) for each in ({}, network)]
    outside, inside = (_ended(visit, each) for each in ids)
    log, log_inside = _log(visit, outside), _log(visit, inside)
    visit.prove("without a VPC configuration the build fails", expected="FAILED", seen=outside["buildStatus"])
    unreachable = "Network is unreachable"
    visit.prove_that("for it cannot reach the database", unreachable in log, expected=unreachable, seen=log)
    visit.prove("with one it succeeds", expected="SUCCEEDED", seen=inside["buildStatus"])
    with database.as_superuser() as connection:
        row = connection.execute(_VERSION).fetchone()
    visit.prove("and the database is changed", expected="7", seen=str(row[0] if row else "nothing"))
    visit.prove_that(
        "the secret shows as *** in the log", "with ***" in log_inside, expected="with ***", seen=log_inside
    )
    visit.prove("and nowhere as it is", expected=False, seen=password in log + log_inside)
    head = visit.aws("s3", "HeadObject", Bucket=BUCKET, Key="made/version", query="[ServerSideEncryption,SSEKMSKeyId]")
    visit.prove(
        "the artifact is encrypted under the project's key",
        expected=["aws:kms", key_arn],
        seen=[head["ServerSideEncryption"], head.get("SSEKMSKeyId")],
    )


def _network(visit: Visit, database: Postgresql) -> dict[str, Any]:
    vpc = visit.aws("ec2", "CreateVpc", CidrBlock="10.0.0.0/16", query="Vpc.VpcId")["Vpc"]["VpcId"]
    subnets = []
    for block in ("10.0.2.0/24", "10.0.1.0/24"):
        made = visit.aws("ec2", "CreateSubnet", VpcId=vpc, CidrBlock=block, query="Subnet.SubnetId")
        subnets.append(made["Subnet"]["SubnetId"])
    groups = []
    for name in ("database", "builds"):
        made = visit.aws("ec2", "CreateSecurityGroup", VpcId=vpc, GroupName=name, Description=name, query="GroupId")
        groups.append(made["GroupId"])
    rule = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": groups[1]}]}
    visit.aws("ec2", "AuthorizeSecurityGroupIngress", GroupId=groups[0], IpPermissions=[rule], query="Return")
    where = ["--subnet", subnets[0], "--security-group", groups[0], "--private-ip", ADDRESS]
    visit.note(
        f"strongroom vpc run --subnet {subnets[0]} --security-group {groups[0]} \\\n"
        f"    --private-ip {ADDRESS} -- postgres -D data -c listen_addresses={ADDRESS}",
        "... database system is ready to accept connections",
    )
    data = ["--data", str(visit.served.data)]
    database.start(sys.executable, "-m", "strongroom.cli", "vpc", "run", *data, *where, "--")
    return {"vpcId": vpc, "subnets": [subnets[1]], "securityGroupIds": [groups[1]]}


def _project(visit: Visit, database: Postgresql, secret: str, key_arn: str) -> None:
    visit.aws("s3", "CreateBucket", Bucket=BUCKET, query="Location")
    role_arn = _role(visit, secret)
    text = File.of_json("buildspec.json", _specification(database, secret))
    visit.make(text)
    source = File.of_json("source.json", {"type": "NO_SOURCE", "buildspec": text.content.decode()})
    visit.note("jq -n --rawfile text buildspec.json '{type: \"NO_SOURCE\", buildspec: $text}' > source.json")
    (visit.folder / source.name).write_bytes(source.content)
    visit.aws(
        "codebuild",
        "CreateProject",
        name=PROJECT,
        source=source,
        artifacts={"type": "S3", "location": BUCKET, "name": "made"},
        environment={"type": "LINUX_CONTAINER", "image": "host", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole=role_arn,
        encryptionKey=key_arn,
        query="project.name",
    )


def _role(visit: Visit, secret: str) -> str:
    """Make the role of the builds, which may read the one secret, and be in a network, and return its ARN."""
    trust = {"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}
    may = statements(
        allow("logs:*"),
        allow("secretsmanager:GetSecretValue", secret),
        allow("s3:PutObject", f"arn:aws:s3:::{BUCKET}/*"),
        allow(["kms:Decrypt", "kms:GenerateDataKey"]),
        allow(["ec2:DescribeVpcs", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups", "ec2:CreateNetworkInterface"]),
    )
    policy = File.of_json("trust.json", statements(trust))
    made = visit.aws("iam", "CreateRole", RoleName=PROJECT, AssumeRolePolicyDocument=policy, query="Role.Arn")
    visit.aws("iam", "PutRolePolicy", RoleName=PROJECT, PolicyName="own", PolicyDocument=File.of_json("may.json", may))
    arn: str = made["Role"]["Arn"]
    return arn


def _specification(database: Postgresql, secret: str) -> dict[str, Any]:
    """Return the build: it changes the database with the password from the secret, and says it aloud."""
    psql = f"{database.psql} -XAt -v ON_ERROR_STOP=1 -c"
    commands = ['echo "with $PGPASSWORD"', f"{psql} '{_MIGRATION}'", f"{psql} '{_VERSION}' > version"]
    return {
        "version": 0.2,
        "env": {
            "variables": {"PGHOST": ADDRESS, "PGUSER": "postgres", "PGCONNECT_TIMEOUT": "2"},
            "secrets-manager": {"PGPASSWORD": f"{secret}:password"},
        },
        "phases": {"build": {"commands": commands}},
        "artifacts": {"files": ["version"]},
    }


def _build(visit: Visit, network: dict[str, Any]) -> str:
    visit.aws("codebuild", "UpdateProject", name=PROJECT, vpcConfig=network, query="project.vpcConfig")
    build_id: str = visit.aws("codebuild", "StartBuild", projectName=PROJECT, query="build.id")["build"]["id"]
    return build_id


def _ended(visit: Visit, build_id: str) -> dict[str, Any]:
    client = visit.clients.client("codebuild")

    def found() -> dict[str, Any] | None:
        build: dict[str, Any] = client.batch_get_builds(ids=[build_id])["builds"][0]
        return build if build["buildComplete"] else None

    visit.until(f"the build {build_id} ends", _BUILD_SECONDS_MAX, found)
    builds = visit.aws("codebuild", "BatchGetBuilds", ids=[build_id], query="builds[0].[buildStatus,vpcConfig.vpcId]")[
        "builds"
    ]
    build: dict[str, Any] = builds[0]
    return build


def _log(visit: Visit, build: dict[str, Any]) -> str:
    place = {"logGroupName": build["logs"]["groupName"], "logStreamName": build["logs"]["streamName"]}
    told = visit.aws("logs", "GetLogEvents", **place, startFromHead=True, query=_OWN_LINES)["events"]
    return "".join(each["message"] for each in told)
