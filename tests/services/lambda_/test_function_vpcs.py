"""A function's VpcConfig: what it may name, who has to be allowed what, and how it is told."""

from pathlib import Path
from typing import Any

from tests.services.ec2.networking import new_subnet
from tests.services.lambda_.functions import TRUST, Functions, allow, with_functions
from tests.services.lambda_.vpcs import INTERFACES, let_role, new_network
from tests.services.refusals import refused


def test_a_function_is_put_into_a_vpc_and_taken_out(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        network = await new_network(functions.house)
        other = await new_subnet(functions.house, network.vpc, "10.0.9.0/24")
        await let_role(functions.house, *INTERFACES)
        shown = network.config | {"VpcId": network.vpc, "Ipv6AllowedForDualStack": False}
        assert (await functions.make(VpcConfig=network.config | {"Ipv6AllowedForDualStack": False}))[
            "VpcConfig"
        ] == shown
        version = await functions("PublishVersion")
        assert version["VpcConfig"] == shown
        # What a request says nothing of stays, also when the role's permissions are gone by then.
        await let_role(functions.house)
        assert (await functions("UpdateFunctionConfiguration", Timeout=5))["VpcConfig"] == shown
        await let_role(functions.house, *INTERFACES)
        both = {"SubnetIds": [network.subnet, other], "SecurityGroupIds": [network.group]}
        changed = await functions("UpdateFunctionConfiguration", VpcConfig=both)
        assert changed["VpcConfig"] == shown | both
        for empty in ({}, {"SubnetIds": [], "SecurityGroupIds": []}):
            await functions("UpdateFunctionConfiguration", VpcConfig=network.config)
            assert "VpcConfig" not in await functions("UpdateFunctionConfiguration", VpcConfig=empty)
            assert "VpcConfig" not in await functions("GetFunctionConfiguration")
        assert (await functions("GetFunctionConfiguration", Qualifier="1"))["VpcConfig"] == shown

    with_functions(tmp_path, body)


def test_what_cannot_be_a_vpc_config(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        network, other = await new_network(functions.house), await new_network(functions.house, "10.1")
        await let_role(functions.house, *INTERFACES)
        subnets, groups = [network.subnet], [network.group]
        told = "Error occurred while Describe{0}. EC2 Error Code: {1}.NotFound. EC2 Error Message: "
        of_group = told.format("SecurityGroups", "InvalidGroup")
        no_subnet, no_group = "subnet-0123456789abcdef0", "sg-0123456789abcdef0"
        cases: tuple[tuple[dict[str, Any], str], ...] = (
            ({"SubnetIds": subnets}, "SubnetIds and SecurityIds must coexist or be both empty list."),
            ({"SecurityGroupIds": groups}, "SubnetIds and SecurityIds must coexist or be both empty list."),
            (
                {"SubnetIds": [no_subnet], "SecurityGroupIds": groups},
                told.format("Subnets", "InvalidSubnetID") + f"The subnet ID '{no_subnet}' does not exist",
            ),
            (
                {"SubnetIds": subnets, "SecurityGroupIds": [no_group]},
                of_group + f"The security group '{no_group}' does not exist",
            ),
            (
                {"SubnetIds": subnets, "SecurityGroupIds": [other.group]},
                of_group + f"The security group '{other.group}' does not exist in VPC '{network.vpc}'",
            ),
            (
                {"SubnetIds": [network.subnet, other.subnet], "SecurityGroupIds": groups},
                "The subnets are not all in the same VPC.",
            ),
            (
                network.config | {"Ipv6AllowedForDualStack": True},
                "Strongroom does not serve IPv6 in networks (VpcConfig.Ipv6AllowedForDualStack) yet.",
            ),
        )
        for vpc, message in cases:
            with refused("InvalidParameterValueException", message):
                await functions.make(VpcConfig=vpc)
        assert (await functions("ListFunctions", None))["Functions"] == []

    with_functions(tmp_path, body)


def test_the_role_must_be_allowed_its_interfaces(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        network = await new_network(functions.house)
        for missing in INTERFACES:
            await let_role(functions.house, *(action for action in INTERFACES if action != missing))
            name = missing.partition(":")[2]
            told = f"The provided execution role does not have permissions to call {name} on EC2"
            with refused("InvalidParameterValueException", told):
                await functions.make(VpcConfig=network.config)
        await let_role(functions.house, *INTERFACES)
        await functions.make(VpcConfig=network.config)
        poor = await functions.house.call("iam", "CreateRole", RoleName="poor", AssumeRolePolicyDocument=TRUST)
        with refused("InvalidParameterValueException", match="permissions to call CreateNetworkInterface on EC2"):
            await functions("UpdateFunctionConfiguration", Role=poor["Role"]["Arn"])
        # It is not asked about what it gives up at the same time.
        await functions("UpdateFunctionConfiguration", Role=poor["Role"]["Arn"], VpcConfig={})

    with_functions(tmp_path, body)


def test_the_caller_must_be_allowed_to_look(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        network, other = await new_network(functions.house), await new_network(functions.house, "10.1")
        await let_role(functions.house, *INTERFACES)
        lambdas, subnets = allow("lambda:*", "iam:PassRole"), allow("ec2:DescribeSubnets")
        denied = "Your access has been denied by EC2, please make sure your request credentials have permission to "
        for name, statements, needed in (
            ("ann", (lambdas,), f"DescribeSubnets for {network.subnet}. EC2 Error Code: UnauthorizedOperation."),
            ("bob", (lambdas, subnets), f"DescribeSecurityGroups for {network.group}. EC2 Error Code: Unauthorized"),
        ):
            caller = await functions.user(name, *statements)
            with refused("AccessDeniedException", match=denied + needed):
                await functions.make(VpcConfig=network.config, caller=caller)
        only = {"Condition": {"StringNotEqualsIfExists": {"lambda:VpcIds": network.vpc}}}
        in_no_other = allow("lambda:*") | {"Effect": "Deny"} | only
        in_one = {"Condition": {"ForAllValues:StringEquals": {"lambda:VpcIds": [network.vpc]}}}
        for name, mine in (("eve", (allow("lambda:*"), in_no_other)), ("dan", (allow("lambda:*") | in_one,))):
            caller = await functions.user(name, *mine, allow("ec2:Describe*", "iam:PassRole"))
            with refused("AccessDeniedException"):
                await functions.make(name, VpcConfig=other.config, caller=caller)
            await functions.make(name, VpcConfig=network.config, caller=caller)
            with refused("AccessDeniedException"):
                await functions("UpdateFunctionConfiguration", name, VpcConfig=other.config, caller=caller)

    with_functions(tmp_path, body)
