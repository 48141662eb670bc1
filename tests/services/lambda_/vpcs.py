"""Functions in VPCs, of a house without a server."""

from typing import Any, NamedTuple

from tests.opened_house import OpenedHouse
from tests.services.ec2.networking import new_group, new_subnet, new_vpc
from tests.services.kms.made_identities import document
from tests.services.lambda_.functions import ROLE_NAME, allow

INTERFACES = ("ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface")


class Network(NamedTuple):
    """A VPC with one subnet and one security group."""

    vpc: str
    subnet: str
    group: str

    @property
    def config(self) -> dict[str, Any]:
        """The VpcConfig of a function that is to be in it."""
        return {"SubnetIds": [self.subnet], "SecurityGroupIds": [self.group]}


async def new_network(house: OpenedHouse, first: str = "10.0") -> Network:
    """Make a network whose addresses begin so."""
    vpc = await new_vpc(house, f"{first}.0.0/16")
    return Network(vpc, await new_subnet(house, vpc, f"{first}.1.0/24"), await new_group(house, vpc))


async def let_role(house: OpenedHouse, *actions: str) -> None:
    """Have the role of functions allowed exactly this."""
    policy = document(allow(*actions or ("none:None",)))
    await house.call("iam", "PutRolePolicy", RoleName=ROLE_NAME, PolicyName="vpc", PolicyDocument=policy)
