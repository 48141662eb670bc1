"""Ways to ask EC2, of a house without a server, and of a running one."""

from typing import Any

from tests.opened_house import ACCOUNT, OpenedHouse

ARN = f"arn:aws:ec2:us-east-1:{ACCOUNT}"
ANYWHERE = "0.0.0.0/0"


async def ask(house: OpenedHouse, operation: str, **params: Any) -> dict[str, Any]:
    """Perform one operation of EC2."""
    return await house.call("ec2", operation, **params)


async def new_vpc(house: OpenedHouse, block: str = "10.0.0.0/16", **params: Any) -> str:
    """Make a VPC and return its id."""
    vpc_id: str = (await ask(house, "CreateVpc", CidrBlock=block, **params))["Vpc"]["VpcId"]
    return vpc_id


async def new_subnet(house: OpenedHouse, vpc_id: str, block: str = "10.0.1.0/24", **params: Any) -> str:
    """Make a subnet and return its id."""
    made = await ask(house, "CreateSubnet", VpcId=vpc_id, CidrBlock=block, **params)
    subnet_id: str = made["Subnet"]["SubnetId"]
    return subnet_id


async def new_group(house: OpenedHouse, vpc_id: str, name: str = "group", **params: Any) -> str:
    """Make a security group and return its id."""
    made = await ask(house, "CreateSecurityGroup", VpcId=vpc_id, GroupName=name, Description="for tests", **params)
    group_id: str = made["GroupId"]
    return group_id


async def new_gateway(house: OpenedHouse, vpc_id: str) -> str:
    """Make an internet gateway of a VPC and return its id."""
    gateway_id: str = (await ask(house, "CreateInternetGateway"))["InternetGateway"]["InternetGatewayId"]
    await ask(house, "AttachInternetGateway", InternetGatewayId=gateway_id, VpcId=vpc_id)
    return gateway_id


def filtered(**values: Any) -> list[dict[str, Any]]:
    """Return filters: `vpc_id="vpc-1"` is the filter `vpc-id`."""
    return [
        {"Name": name.replace("_", "-"), "Values": value if isinstance(value, list) else [value]}
        for name, value in values.items()
    ]


def tcp(port: int, **peer: Any) -> list[dict[str, Any]]:
    """Return the permissions for a port: of a block (`block=...`) or of a group (`group=...`)."""
    permission: dict[str, Any] = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
    if "block" in peer:
        permission["IpRanges"] = [{"CidrIp": peer["block"]}]
    if "group" in peer:
        permission["UserIdGroupPairs"] = [{"GroupId": peer["group"]}]
    return [permission]
