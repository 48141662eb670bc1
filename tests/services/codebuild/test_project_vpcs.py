"""A project's vpcConfig: what it may name, what the service role must be allowed, and where it cannot be in force."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.opened_house import OpenedHouse, opened_house
from tests.services.codebuild.building import allow, document
from tests.services.codebuild.test_projects import SETTINGS, with_role
from tests.services.ec2.networking import new_group, new_subnet, new_vpc
from tests.services.refusals import refused

from strongroom.runners.networks.keeping import NetworkKeeper, NetworksUnavailable

LOOKS = ("ec2:DescribeVpcs", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups")


def in_house(home: Path, body: Callable[[OpenedHouse], Awaitable[None]], **choices: Any) -> None:
    """Run a coroutine function of a fresh house on SQLite, whose role `builder` may look for networks."""

    async def main() -> None:
        async with opened_house(home, **choices) as opened:
            await with_role(opened, allow([*LOOKS, "ec2:CreateNetworkInterface"]))
            await body(opened)

    asyncio.run(main())


async def network(opened: OpenedHouse, first: str = "10.0") -> dict[str, Any]:
    """Return the vpcConfig of a new network whose addresses begin so."""
    vpc = await new_vpc(opened, f"{first}.0.0/16")
    subnets, groups = [await new_subnet(opened, vpc, f"{first}.1.0/24")], [await new_group(opened, vpc)]
    return {"vpcId": vpc, "subnets": subnets, "securityGroupIds": groups}


async def created(opened: OpenedHouse, **members: Any) -> dict[str, Any]:
    answer = await opened.call("codebuild", "CreateProject", name="app", **(SETTINGS | members))
    project: dict[str, Any] = answer["project"]
    return project


def test_a_project_is_put_into_a_vpc_and_taken_out(tmp_path: Path) -> None:
    async def body(opened: OpenedHouse) -> None:
        vpc, other = await network(opened), await network(opened, "10.1")
        assert (await created(opened, vpcConfig=vpc))["vpcConfig"] == vpc
        for changes, expected in (
            ({"description": "d"}, vpc),
            ({"vpcConfig": other}, other),
            ({"vpcConfig": {}}, None),
            ({"vpcConfig": vpc}, vpc),
            ({"vpcConfig": {"subnets": [], "securityGroupIds": []}}, None),
        ):
            answer = await opened.call("codebuild", "UpdateProject", name="app", **changes)
            assert answer["project"].get("vpcConfig") == expected

    in_house(tmp_path, body)


def test_what_cannot_be_a_vpc_config(tmp_path: Path) -> None:
    async def body(opened: OpenedHouse) -> None:
        vpc, other = await network(opened), await network(opened, "10.1")
        no_vpc, no_subnet, no_group = "vpc-00000000", "subnet-00000000", "sg-00000000"
        for changes, message in (
            ({"vpcId": no_vpc}, f"The vpc ID '{no_vpc}' does not exist"),
            ({"subnets": [no_subnet]}, f"The subnet ID '{no_subnet}' does not exist"),
            ({"securityGroupIds": [no_group]}, f"The security group '{no_group}' does not exist"),
            ({"vpcId": other["vpcId"]}, f"The subnets and security groups are not in the VPC {other['vpcId']}"),
            ({"subnets": vpc["subnets"] + other["subnets"]}, "The subnets are not all in the same VPC."),
            (
                {"securityGroupIds": other["securityGroupIds"]},
                f"The security group '{other['securityGroupIds'][0]}' does not exist in VPC '{vpc['vpcId']}'",
            ),
            ({"subnets": []}, "Invalid vpcConfig: subnets is required with the other members"),
        ):
            with refused("InvalidInputException", message):
                await created(opened, vpcConfig=vpc | changes)

    in_house(tmp_path, body)


def test_the_role_must_be_allowed_to_look(tmp_path: Path) -> None:
    async def body(opened: OpenedHouse) -> None:
        vpc = await network(opened)
        for missing in LOOKS:
            others = [action for action in LOOKS if action != missing]
            policy = document(allow(others))
            await opened.call("iam", "PutRolePolicy", RoleName="builder", PolicyName="p", PolicyDocument=policy)
            with refused("InvalidInputException", f"Not authorized to perform {missing.partition(':')[2]}"):
                await created(opened, vpcConfig=vpc)

    in_house(tmp_path, body)


def test_a_build_does_not_start_where_there_can_be_no_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def start(token: str = "") -> NetworkKeeper:
        raise NetworksUnavailable("the kernel has no nftables")

    async def body(opened: OpenedHouse) -> None:
        monkeypatch.setattr(NetworkKeeper, "start", start)
        await created(opened, vpcConfig=await network(opened))
        message = "The build's VPC cannot be in force on this server: the kernel has no nftables"
        with refused("InvalidInputException", message):
            await opened.call("codebuild", "StartBuild", projectName="app")
        assert (await opened.call("codebuild", "ListBuilds"))["ids"] == []

    in_house(tmp_path, body)


def test_a_build_without_a_sandbox_is_in_no_vpc(tmp_path: Path) -> None:
    async def body(opened: OpenedHouse) -> None:
        await created(opened, vpcConfig=await network(opened))
        with refused("InvalidInputException", match="builds run without a sandbox"):
            await opened.call("codebuild", "StartBuild", projectName="app")

    in_house(tmp_path, body, sandbox="unsafe")
