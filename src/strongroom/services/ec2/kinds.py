"""The kinds of EC2 resources that are served: what their ids look like, and how they are told to be missing.

Source: Amazon EC2 API Reference, "Error codes for the Amazon EC2 API"; Service Authorization Reference, "Actions,
resources, and condition keys for Amazon EC2" (types of resource).
"""

import re
from dataclasses import dataclass, field

from strongroom.base.errors import AwsError


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. `name` is its type in ARNs and in tag specifications, `id_member` the member that names it in answers.

    `missing` is the text for an id that nobody has, with a place for the id.
    """

    name: str
    prefix: str
    id_member: str
    not_found_code: str
    malformed_code: str
    missing: str
    pattern: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Ids of resources from before 2018 have 8 digits, all others 17.
        object.__setattr__(self, "pattern", re.compile(rf"{self.prefix}-[0-9a-f]{{8}}([0-9a-f]{{9}})?", re.ASCII))

    def not_found(self, resource_id: str) -> AwsError:
        """Return the refusal of an id: of one that no resource has, or of what is no id of this kind."""
        if self.pattern.fullmatch(resource_id) is None:
            return AwsError(self.malformed_code, f'Invalid id: "{resource_id[:255]}" (expecting "{self.prefix}-...")')
        return AwsError(self.not_found_code, self.missing.format(resource_id))


VPC = Kind("vpc", "vpc", "VpcId", "InvalidVpcID.NotFound", "InvalidVpcId.Malformed", "The vpc ID '{}' does not exist")
SUBNET = Kind(
    "subnet",
    "subnet",
    "SubnetId",
    "InvalidSubnetID.NotFound",
    "InvalidSubnetId.Malformed",
    "The subnet ID '{}' does not exist",
)
SECURITY_GROUP = Kind(
    "security-group",
    "sg",
    "GroupId",
    "InvalidGroup.NotFound",
    "InvalidGroupId.Malformed",
    "The security group '{}' does not exist",
)
SECURITY_GROUP_RULE = Kind(
    "security-group-rule",
    "sgr",
    "SecurityGroupRuleId",
    "InvalidSecurityGroupRuleId.NotFound",
    "InvalidSecurityGroupRuleId.Malformed",
    "The security group rule ID '{}' does not exist",
)
ROUTE_TABLE = Kind(
    "route-table",
    "rtb",
    "RouteTableId",
    "InvalidRouteTableID.NotFound",
    "InvalidRouteTableId.Malformed",
    "The routeTable ID '{}' does not exist",
)
INTERNET_GATEWAY = Kind(
    "internet-gateway",
    "igw",
    "InternetGatewayId",
    "InvalidInternetGatewayID.NotFound",
    "InvalidInternetGatewayId.Malformed",
    "The internetGateway ID '{}' does not exist",
)
NAT_GATEWAY = Kind(
    "natgateway",
    "nat",
    "NatGatewayId",
    "NatGatewayNotFound",
    "NatGatewayMalformed",
    "NatGateway {} was not found",
)
ELASTIC_IP = Kind(
    "elastic-ip",
    "eipalloc",
    "AllocationId",
    "InvalidAllocationID.NotFound",
    "InvalidParameterValue",
    "The allocation ID '{}' does not exist",
)
NETWORK_INTERFACE = Kind(
    "network-interface",
    "eni",
    "NetworkInterfaceId",
    "InvalidNetworkInterfaceID.NotFound",
    "InvalidNetworkInterfaceId.Malformed",
    "The networkInterface ID '{}' does not exist",
)
NETWORK_ACL = Kind(
    "network-acl",
    "acl",
    "NetworkAclId",
    "InvalidNetworkAclID.NotFound",
    "InvalidNetworkAclId.Malformed",
    "The networkAcl ID '{}' does not exist",
)

KINDS = {
    kind.prefix: kind
    for kind in (
        VPC,
        SUBNET,
        SECURITY_GROUP,
        SECURITY_GROUP_RULE,
        ROUTE_TABLE,
        INTERNET_GATEWAY,
        NAT_GATEWAY,
        ELASTIC_IP,
        NETWORK_INTERFACE,
        NETWORK_ACL,
    )
}
"""The kinds by the prefix of their ids."""


def kind_of(resource_id: str) -> Kind | None:
    """Return the kind that an id is of, or None for what is no id of any kind served here."""
    kind = KINDS.get(resource_id.partition("-")[0])
    return kind if kind is not None and kind.pattern.fullmatch(resource_id) else None
