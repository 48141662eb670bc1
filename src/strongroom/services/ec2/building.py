"""VPCs and their parts as they are when they are new: what AWS makes with each, and what it fills in.

Source: Amazon VPC User Guide, "Create a VPC", "Default VPC components", "Default security groups", "Main route table".
"""

import ipaddress
import secrets
from collections.abc import Mapping
from typing import Any

from strongroom.services.ec2.inventory import Inventory, Resource, new_id
from strongroom.services.ec2.kinds import (
    INTERNET_GATEWAY,
    NETWORK_ACL,
    NETWORK_INTERFACE,
    ROUTE_TABLE,
    SECURITY_GROUP,
    SECURITY_GROUP_RULE,
    SUBNET,
    VPC,
)

ANYWHERE = "0.0.0.0/0"
DEFAULT_GROUP = "default"
ALL_PROTOCOLS = "-1"

Tags = Mapping[str, str]


def build_vpc(
    inventory: Inventory, block: ipaddress.IPv4Network, *, tenancy: str, is_default: bool, tags: Tags
) -> Resource:
    """Make a VPC, with its main route table, its default security group and its default network ACL."""
    vpc = inventory.add(
        VPC,
        {
            "CidrBlock": str(block),
            "CidrBlockAssociationId": new_id("vpc-cidr-assoc"),
            "DhcpOptionsId": "default",
            "InstanceTenancy": tenancy,
            "IsDefault": is_default,
            "EnableDnsSupport": True,
            "EnableDnsHostnames": is_default,
            "EnableNetworkAddressUsageMetrics": False,
        },
        tags,
    )
    table = build_route_table(inventory, vpc, {})
    table["Associations"].append({"Main": True, "RouteTableAssociationId": new_id("rtbassoc")})
    inventory.save(table)
    group = build_security_group(inventory, vpc, DEFAULT_GROUP, "default VPC security group", {})
    itself = {"ReferencedGroupInfo": {"GroupId": group.id, "UserId": inventory.account_id}}
    build_rule(inventory, group, is_egress=False, protocol=ALL_PROTOCOLS, ports=(-1, -1), peer=itself)
    inventory.add(NETWORK_ACL, {"VpcId": vpc.id, "IsDefault": True})
    return vpc


def build_subnet(
    inventory: Inventory,
    vpc: Resource,
    block: ipaddress.IPv4Network,
    zone: str,
    tags: Tags,
    *,
    is_default: bool = False,
) -> Resource:
    """Make a subnet in a VPC."""
    return inventory.add(
        SUBNET,
        {
            "VpcId": vpc.id,
            "CidrBlock": str(block),
            "AvailabilityZone": zone,
            "DefaultForAz": is_default,
            "MapPublicIpOnLaunch": is_default,
            "AssignIpv6AddressOnCreation": False,
            "EnableDns64": False,
            "PrivateDnsNameOptionsOnLaunch": {
                "HostnameType": "ip-name",
                "EnableResourceNameDnsARecord": False,
                "EnableResourceNameDnsAAAARecord": False,
            },
            "NetworkAclAssociationId": new_id("aclassoc"),
        },
        tags,
    )


def build_route_table(inventory: Inventory, vpc: Resource, tags: Tags) -> Resource:
    """Make a route table, which leads nowhere but within the VPC."""
    return inventory.add(ROUTE_TABLE, {"VpcId": vpc.id, "Associations": [], "Routes": []}, tags)


def build_internet_gateway(inventory: Inventory, vpc_id: str, tags: Tags) -> Resource:
    """Make an internet gateway, attached to a VPC unless `vpc_id` is empty."""
    return inventory.add(INTERNET_GATEWAY, {"VpcId": vpc_id}, tags)


def build_security_group(inventory: Inventory, vpc: Resource, name: str, description: str, tags: Tags) -> Resource:
    """Make a security group that lets everything out and nothing in."""
    group = inventory.add(SECURITY_GROUP, {"VpcId": vpc.id, "GroupName": name, "Description": description}, tags)
    build_rule(inventory, group, is_egress=True, protocol=ALL_PROTOCOLS, ports=(-1, -1), peer={"CidrIpv4": ANYWHERE})
    return group


def build_rule(
    inventory: Inventory,
    group: Resource,
    *,
    is_egress: bool,
    protocol: str,
    ports: tuple[int, int],
    peer: Mapping[str, Any],
    tags: Tags | None = None,
) -> Resource:
    """Make a rule of a security group. `peer` is its source or destination, and its description if it has one."""
    attributes = {
        "GroupId": group.id,
        "VpcId": group.vpc_id,
        "IsEgress": is_egress,
        "IpProtocol": protocol,
        "FromPort": ports[0],
        "ToPort": ports[1],
        **peer,
    }
    return inventory.add(SECURITY_GROUP_RULE, attributes, tags)


def build_network_interface(
    inventory: Inventory, subnet: Resource, address: str, group_ids: list[str], tags: Tags, **more: Any
) -> Resource:
    """Make a network interface; `more` are attributes that differ from those of one that a client makes."""
    attributes = {
        "VpcId": subnet.vpc_id,
        "SubnetId": subnet.id,
        "AvailabilityZone": subnet["AvailabilityZone"],
        "PrivateIpAddress": address,
        "Groups": group_ids,
        "Description": "",
        "InterfaceType": "interface",
        "MacAddress": new_mac_address(),
        "RequesterManaged": False,
        "SourceDestCheck": True,
        "Status": "available",
    }
    return inventory.add(NETWORK_INTERFACE, attributes | more, tags)


def new_mac_address() -> str:
    """Return an address of the range that is for local use."""
    return "02:" + secrets.token_bytes(5).hex(":")
