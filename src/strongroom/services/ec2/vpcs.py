"""VPCs. Source: Amazon EC2 API Reference, the actions on VPCs; Amazon VPC User Guide, "VPC CIDR blocks"."""

from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer
from strongroom.services.ec2 import errors
from strongroom.services.ec2.access import inventory_of, made, named
from strongroom.services.ec2.addressing import sized_block
from strongroom.services.ec2.building import DEFAULT_GROUP, build_vpc
from strongroom.services.ec2.default_vpc import build_default_vpc
from strongroom.services.ec2.inventory import Inventory, Resource
from strongroom.services.ec2.kinds import (
    INTERNET_GATEWAY,
    NAT_GATEWAY,
    NETWORK_ACL,
    NETWORK_INTERFACE,
    ROUTE_TABLE,
    SECURITY_GROUP,
    VPC,
)
from strongroom.services.ec2.listing import Listing, attribute, describe
from strongroom.services.ec2.quotas import VPCS_QUOTA, must_have_room
from strongroom.services.ec2.served import change, ec2_operation
from strongroom.services.ec2.tag_specifications import shown_tags, specified_tags
from strongroom.storage.connection import Connection

_NOT_SERVED = {
    "Ipv6Pool": "IPv6",
    "Ipv6CidrBlock": "IPv6",
    "Ipv6IpamPoolId": "IPv6",
    "Ipv6NetmaskLength": "IPv6",
    "Ipv6CidrBlockNetworkBorderGroup": "IPv6",
    "AmazonProvidedIpv6CidrBlock": "IPv6",
    "Ipv4IpamPoolId": "IPAM",
    "Ipv4NetmaskLength": "IPAM",
    "VpcEncryptionControl": "encryption controls of VPCs",
}

_ATTRIBUTES = {
    "enableDnsSupport": "EnableDnsSupport",
    "enableDnsHostnames": "EnableDnsHostnames",
    "enableNetworkAddressUsageMetrics": "EnableNetworkAddressUsageMetrics",
}


def refuse_unserved(params: dict[str, Any], unserved: dict[str, str]) -> None:
    """Raise AwsError for a parameter that is there, and asks for what is not served."""
    for name, what in unserved.items():
        if params.get(name):
            raise errors.not_served(what)


def shown_vpc(inventory: Inventory, vpc: Resource) -> dict[str, Any]:
    """Return a VPC as answers show it."""
    return {
        "VpcId": vpc.id,
        "OwnerId": vpc.account_id,
        "State": "available",
        "CidrBlock": vpc["CidrBlock"],
        "CidrBlockAssociationSet": [
            {
                "AssociationId": vpc["CidrBlockAssociationId"],
                "CidrBlock": vpc["CidrBlock"],
                "CidrBlockState": {"State": "associated"},
            }
        ],
        "DhcpOptionsId": vpc["DhcpOptionsId"],
        "InstanceTenancy": vpc["InstanceTenancy"],
        "IsDefault": vpc["IsDefault"],
        "Ipv6CidrBlockAssociationSet": [],
        "Tags": shown_tags(vpc.tags),
    }


VPCS = Listing(
    kind=VPC,
    member="Vpcs",
    ids="VpcIds",
    show=shown_vpc,
    filters={
        "cidr": attribute("CidrBlock"),
        "cidr-block-association.cidr-block": attribute("CidrBlock"),
        "cidr-block-association.association-id": attribute("CidrBlockAssociationId"),
        "cidr-block-association.state": lambda inventory, vpc: ("associated",),
        "dhcp-options-id": attribute("DhcpOptionsId"),
        "ipv6-cidr-block-association.association-id": lambda inventory, vpc: (),
        "ipv6-cidr-block-association.ipv6-cidr-block": lambda inventory, vpc: (),
        "ipv6-cidr-block-association.ipv6-pool": lambda inventory, vpc: (),
        "ipv6-cidr-block-association.state": lambda inventory, vpc: (),
        "is-default": attribute("IsDefault"),
        "isDefault": attribute("IsDefault"),
        "owner-id": lambda inventory, vpc: (vpc.account_id,),
        "state": lambda inventory, vpc: ("available",),
        "vpc-id": lambda inventory, vpc: (vpc.id,),
    },
)


@ec2_operation("CreateVpc", made(VPC))
async def create_vpc(call: Call) -> Answer:
    """Make a VPC of a block of 16 to 65,536 addresses. Source: API Reference, CreateVpc."""
    params = call.params
    refuse_unserved(params, _NOT_SERVED)
    if not params.get("CidrBlock"):
        raise AwsError("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")
    block = sized_block(params["CidrBlock"], "cidrBlock", "InvalidVpc.Range")
    tenancy = params.get("InstanceTenancy") or "default"
    if tenancy not in ("default", "dedicated"):
        raise errors.invalid_value(tenancy, "instanceTenancy", "Valid values are: default, dedicated.")
    tags = specified_tags(params, VPC)

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        must_have_room(call, VPCS_QUOTA, len(inventory.all(VPC)))
        vpc = build_vpc(inventory, block, tenancy=tenancy, is_default=False, tags=tags[VPC.name])
        return {"Vpc": shown_vpc(inventory, vpc) | {"State": "pending"}}

    return await change(call, write)


@ec2_operation("DescribeVpcs", reads_only=True)
async def describe_vpcs(call: Call) -> Answer:
    """List VPCs. Source: API Reference, DescribeVpcs."""
    return await call.read(describe(call, VPCS))


@ec2_operation("DeleteVpc", named(VPC, "VpcId"))
async def delete_vpc(call: Call) -> Answer:
    """Remove a VPC that has nothing left but what it was made with. Source: API Reference, DeleteVpc."""

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        vpc = inventory.get(VPC, call.params["VpcId"])
        main = inventory.main_route_table(vpc.id)
        groups = inventory.within(SECURITY_GROUP, vpc.id)
        left = [
            *inventory.subnets_of(vpc.id),
            *(table for table in inventory.within(ROUTE_TABLE, vpc.id) if table.id != main.id),
            *(group for group in groups if group["GroupName"] != DEFAULT_GROUP),
            *inventory.within(INTERNET_GATEWAY, vpc.id),
            *inventory.within(NETWORK_INTERFACE, vpc.id),
            *(nat for nat in inventory.within(NAT_GATEWAY, vpc.id) if nat["State"] not in ("deleted", "failed")),
        ]
        if left:
            raise errors.has_dependencies("vpc", vpc.id)
        for group in groups:
            for rule in inventory.rules_of(group.id):
                inventory.remove(rule)
            inventory.remove(group)
        for resource in (main, *inventory.within(NETWORK_ACL, vpc.id), vpc):
            inventory.remove(resource)
        return {}

    return await change(call, write)


@ec2_operation("CreateDefaultVpc")
async def create_default_vpc(call: Call) -> Answer:
    """Make a default VPC in place of one that was removed. Source: API Reference, CreateDefaultVpc."""

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        present = inventory.default_vpc()
        if present is not None:
            raise AwsError(
                "DefaultVpcAlreadyExists",
                f"A Default VPC already exists for this account in this region: {present.id}.",
            )
        must_have_room(call, VPCS_QUOTA, len(inventory.all(VPC)))
        return {"Vpc": shown_vpc(inventory, build_default_vpc(inventory))}

    return await change(call, write)


@ec2_operation("ModifyVpcAttribute", named(VPC, "VpcId"))
async def modify_vpc_attribute(call: Call) -> Answer:
    """Change one attribute of a VPC. Source: API Reference, ModifyVpcAttribute."""
    sent = [name for name in _ATTRIBUTES.values() if call.params.get(name) is not None]
    if not sent:
        raise AwsError("MissingParameter", "The request must contain an attribute to modify.")
    if len(sent) > 1:
        raise errors.combination("Fields for multiple attribute types specified: " + ", ".join(sent))
    value = bool(call.params[sent[0]].get("Value"))

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        vpc = inventory.get(VPC, call.params["VpcId"])
        vpc.attributes[sent[0]] = value
        inventory.save(vpc)
        return {}

    return await change(call, write)


@ec2_operation("DescribeVpcAttribute", named(VPC, "VpcId"), reads_only=True)
async def describe_vpc_attribute(call: Call) -> Answer:
    """Tell one attribute of a VPC. Source: API Reference, DescribeVpcAttribute."""
    name = _ATTRIBUTES.get(call.params["Attribute"])
    if name is None:
        raise errors.invalid_value(call.params["Attribute"], "attribute", "Unknown attribute.")
    vpc = await call.read(lambda connection: inventory_of(call, connection).get(VPC, call.params["VpcId"]))
    return {"VpcId": vpc.id, name: {"Value": vpc[name]}}
