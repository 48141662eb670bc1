"""EC2 over HTTP, by unmodified clients; and commands of an operator's in a subnet."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from tests.clients.installed import aws_command
from tests.running_server import RunningServer, running_server
from tests.services.ec2.networking import filtered
from tests.services.refusals import refused


@pytest.fixture
def ec2(server: RunningServer) -> Any:
    return server.client("ec2")


def test_boto3(server: RunningServer, ec2: Any) -> None:
    tags = [{"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "<of boto3> & others"}]}]
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16", TagSpecifications=tags)["Vpc"]["VpcId"]
    ec2.get_waiter("vpc_available").wait(VpcIds=[vpc])
    assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Tags"][0]["Value"] == "<of boto3> & others"
    for number in range(7):
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.20.{number}.0/24")
    pages = ec2.get_paginator("describe_subnets").paginate(
        Filters=filtered(vpc_id=vpc), PaginationConfig={"PageSize": 5}
    )
    assert [len(page["Subnets"]) for page in pages] == [5, 2]
    group = ec2.create_security_group(VpcId=vpc, GroupName="web", Description="for boto3")["GroupId"]
    permission = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    assert ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])["Return"] is True
    with refused("InvalidPermission.Duplicate"):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    with refused("MissingParameter", "The request must contain the parameter vpcId"):
        ec2.create_subnet(CidrBlock="10.20.9.0/24")
    with refused("InvalidParameterValue"):
        ec2.describe_vpcs(MaxResults=4)
    with refused("DryRunOperation"):
        ec2.create_vpc(CidrBlock="10.21.0.0/16", DryRun=True)
    with refused("UnsupportedOperationException", "Strongroom does not serve ec2:RunInstances yet."):
        ec2.run_instances(MinCount=1, MaxCount=1)
    with refused("AuthFailure"):
        server.client("ec2", aws_access_key_id="AKIAWHOISTHIS0000000").describe_vpcs()


def test_aws_cli(server: RunningServer) -> None:
    aws = aws_command()

    def run(*arguments: str) -> Any:
        command = [aws, "ec2", *arguments, "--output", "json"]
        done = subprocess.run(command, env=server.environment(), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    vpc = run("create-vpc", "--cidr-block", "10.30.0.0/16", "--query", "Vpc.VpcId")
    subnet = run("create-subnet", "--vpc-id", vpc, "--cidr-block", "10.30.1.0/24", "--query", "Subnet.SubnetId")
    shown = run("describe-subnets", "--filters", f"Name=vpc-id,Values={vpc}", "--query", "Subnets[].SubnetId")
    assert shown == [subnet]


def run_in(server: RunningServer, subnet: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "strongroom.cli", "vpc", "run", "--data", str(server.data), "--subnet", subnet]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=30)


def test_commands_in_a_subnet(networks: None, tmp_path_factory: pytest.TempPathFactory) -> None:
    with running_server(tmp_path_factory.mktemp("networks")) as server:
        ec2 = server.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        code = (
            "import socket, os; s = socket.socket(); s.bind(('10.0.1.77', 0)); print(os.geteuid()); raise SystemExit(7)"
        )
        done = run_in(server, subnet, "--private-ip", "10.0.1.77", "--", sys.executable, "-c", code)
        assert (done.returncode, done.stdout.strip()) == (7, str(os.geteuid())), done.stderr
        assert "strongroom: 10.0.1.77 in subnet-" in done.stderr
        assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []
        done = run_in(server, "subnet-00000000", "--", "true")
        assert (done.returncode, done.stderr.strip()) == (
            2,
            "strongroom: InvalidSubnetID.NotFound: The subnet ID 'subnet-00000000' does not exist",
        )
        # A command ends with its server.
        long = [sys.executable, "-m", "strongroom.cli", "vpc", "run", "--data", str(server.data), "--subnet", subnet]
        process = subprocess.Popen([*long, "--", "sleep", "1000"], stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        assert process.stderr.readline().startswith("strongroom: 10.0.1.4 in ")
        server.kill()
        assert process.wait(20) == 128 + 15
        assert "the server ended, and the network with it" in process.stderr.read()
        process.stderr.close()
