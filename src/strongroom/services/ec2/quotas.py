"""How many networks' parts an account may have in a Region, under the codes by which Service Quotas knows them.

Source: Amazon VPC User Guide, "Amazon VPC quotas"; Service Quotas (codes).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from strongroom.operations.call import Call
from strongroom.operations.quotas.quota import Measure, ResourceQuota, ResourceUse, declare
from strongroom.services.ec2 import errors, tables
from strongroom.services.ec2.kinds import (
    ELASTIC_IP,
    INTERNET_GATEWAY,
    NETWORK_INTERFACE,
    SECURITY_GROUP,
    VPC,
    Kind,
)
from strongroom.storage.connection import Connection

_VPC, _EC2 = "vpc", "ec2"


@dataclass(frozen=True)
class Room:
    """A quota, and how its being used up is told."""

    quota: ResourceQuota
    code: str
    noun: str


def _by_account(kind: Kind) -> Measure:
    def measure(connection: Connection) -> Iterable[ResourceUse]:
        counts: dict[tuple[str, str], int] = {}
        for row in tables.count_by_account(connection, kind.name):
            place = row.account_id, row.region
            counts[place] = counts.get(place, 0) + 1
        return [ResourceUse(account_id, region, used) for (account_id, region), used in counts.items()]

    return measure


def _room(service: str, code: str, name: str, default: float, error: str, noun: str, kind: Kind | None = None) -> Room:
    measure: Callable[[Connection], Iterable[ResourceUse]] | None = None if kind is None else _by_account(kind)
    return Room(ResourceQuota(service, code, name, default, measure=measure), error, noun)


VPCS_QUOTA = _room(_VPC, "L-F678F1CE", "VPCs per Region", 5, "VpcLimitExceeded", "VPCs", VPC)
SUBNETS_QUOTA = _room(_VPC, "L-407747CB", "Subnets per VPC", 200, "SubnetLimitExceeded", "subnets")
SECURITY_GROUPS_QUOTA = _room(
    _VPC,
    "L-E79EC296",
    "VPC security groups per Region",
    2_500,
    "SecurityGroupLimitExceeded",
    "security groups",
    SECURITY_GROUP,
)
RULES_QUOTA = _room(
    _VPC,
    "L-0EA8095F",
    "Inbound or outbound rules per security group",
    60,
    "RulesPerSecurityGroupLimitExceeded",
    "rules per security group",
)
GROUPS_PER_INTERFACE_QUOTA = _room(
    _VPC,
    "L-2AFB9258",
    "Security groups per network interface",
    5,
    "SecurityGroupsPerInterfaceLimitExceeded",
    "security groups per interface",
)
ROUTE_TABLES_QUOTA = _room(_VPC, "L-589F43AA", "Route tables per VPC", 200, "RouteTableLimitExceeded", "route tables")
ROUTES_QUOTA = _room(_VPC, "L-93826ACB", "Routes per route table", 500, "RouteLimitExceeded", "routes per route table")
INTERNET_GATEWAYS_QUOTA = _room(
    _VPC,
    "L-A4707A72",
    "Internet gateways per Region",
    5,
    "InternetGatewayLimitExceeded",
    "internet gateways",
    INTERNET_GATEWAY,
)
NAT_GATEWAYS_QUOTA = _room(
    _VPC, "L-FE5A380F", "NAT gateways per Availability Zone", 5, "NatGatewayLimitExceeded", "NAT Gateways"
)
NETWORK_INTERFACES_QUOTA = _room(
    _VPC,
    "L-DF5E4CA3",
    "Network interfaces per Region",
    5_000,
    "NetworkInterfaceLimitExceeded",
    "network interfaces",
    NETWORK_INTERFACE,
)
ADDRESSES_QUOTA = _room(_EC2, "L-0263D0A3", "EC2-VPC Elastic IPs", 5, "AddressLimitExceeded", "addresses", ELASTIC_IP)


def must_have_room(call: Call, room: Room, used: int, more: int = 1) -> None:
    """Raise AwsError (`VpcLimitExceeded` and its like) unless there is room for `more` beside those that are there."""
    if used + more > call.house.quotas.most(room.quota, call.account_id, call.region):
        raise errors.limit_exceeded(room.code, room.noun)


declare(
    "Amazon Virtual Private Cloud (Amazon VPC)",
    [
        room.quota
        for room in (
            VPCS_QUOTA,
            SUBNETS_QUOTA,
            SECURITY_GROUPS_QUOTA,
            RULES_QUOTA,
            GROUPS_PER_INTERFACE_QUOTA,
            ROUTE_TABLES_QUOTA,
            ROUTES_QUOTA,
            INTERNET_GATEWAYS_QUOTA,
            NAT_GATEWAYS_QUOTA,
            NETWORK_INTERFACES_QUOTA,
        )
    ],
)
declare("Amazon Elastic Compute Cloud (Amazon EC2)", [ADDRESSES_QUOTA.quota])
