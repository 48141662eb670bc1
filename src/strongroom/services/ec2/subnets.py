"""Subnets. Source: Amazon EC2 API Reference, the actions on subnets; Amazon VPC User Guide, "Subnet CIDR blocks"."""

import ipaddress
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer
from strongroom.services.ec2 import errors
from strongroom.services.ec2.access import inventory_of, made, named
from strongroom.services.ec2.addressing import sized_block, usable_count
from strongroom.services.ec2.building import build_subnet
from strongroom.services.ec2.default_vpc import BLOCK, SUBNET_PREFIX
from strongroom.services.ec2.inventory import Inventory, Resource
from strongroom.services.ec2.kinds import NAT_GATEWAY, NETWORK_INTERFACE, ROUTE_TABLE, SUBNET, VPC
from strongroom.services.ec2.listing import Listing, attribute, describe
from strongroom.services.ec2.quotas import SUBNETS_QUOTA, must_have_room
from strongroom.services.ec2.served import change, ec2_operation
from strongroom.services.ec2.tag_specifications import shown_tags, specified_tags
from strongroom.services.ec2.vpcs import refuse_unserved
from strongroom.services.ec2.zones import chosen_zone, zone_id
from strongroom.storage.connection import Connection

_NOT_SERVED = {
    "Ipv6CidrBlock": "IPv6",
    "Ipv6Native": "IPv6",
    "Ipv6IpamPoolId": "IPv6",
    "Ipv6NetmaskLength": "IPv6",
    "Ipv4IpamPoolId": "IPAM",
    "Ipv4NetmaskLength": "IPAM",
    "OutpostArn": "Outposts",
}

_NOT_MODIFIABLE = {
    "AssignIpv6AddressOnCreation": "IPv6",
    "MapCustomerOwnedIpOnLaunch": "customer-owned addresses",
    "CustomerOwnedIpv4Pool": "customer-owned addresses",
    "EnableDns64": "IPv6",
    "EnableLniAtDeviceIndex": "Outposts",
    "DisableLniAtDeviceIndex": "Outposts",
}


def block_of(subnet: Resource) -> ipaddress.IPv4Network:
    """Return a subnet's block of addresses."""
    return ipaddress.IPv4Network(subnet["CidrBlock"])


def interfaces_in(inventory: Inventory, subnet: Resource) -> list[Resource]:
    """Return the network interfaces of a subnet."""
    return [each for each in inventory.all(NETWORK_INTERFACE) if each["SubnetId"] == subnet.id]


def _available(inventory: Inventory, subnet: Resource) -> int:
    return usable_count(block_of(subnet)) - len(interfaces_in(inventory, subnet))


def shown_subnet(inventory: Inventory, subnet: Resource) -> dict[str, Any]:
    """Return a subnet as answers show it."""
    zone = subnet["AvailabilityZone"]
    shown = {
        name: subnet[name]
        for name in (
            "VpcId",
            "CidrBlock",
            "AvailabilityZone",
            "DefaultForAz",
            "MapPublicIpOnLaunch",
            "AssignIpv6AddressOnCreation",
            "EnableDns64",
            "PrivateDnsNameOptionsOnLaunch",
        )
    }
    return shown | {
        "SubnetId": subnet.id,
        "SubnetArn": subnet.arn,
        "OwnerId": subnet.account_id,
        "State": "available",
        "AvailabilityZoneId": zone_id(zone),
        "AvailableIpAddressCount": _available(inventory, subnet),
        "MapCustomerOwnedIpOnLaunch": False,
        "Ipv6Native": False,
        "Ipv6CidrBlockAssociationSet": [],
        "Tags": shown_tags(subnet.tags),
    }


SUBNETS = Listing(
    kind=SUBNET,
    member="Subnets",
    ids="SubnetIds",
    show=shown_subnet,
    filters={
        "availability-zone": attribute("AvailabilityZone"),
        "availabilityZone": attribute("AvailabilityZone"),
        "availability-zone-id": lambda inventory, subnet: (zone_id(subnet["AvailabilityZone"]),),
        "availabilityZoneId": lambda inventory, subnet: (zone_id(subnet["AvailabilityZone"]),),
        "available-ip-address-count": lambda inventory, subnet: (_available(inventory, subnet),),
        "cidr-block": attribute("CidrBlock"),
        "cidr": attribute("CidrBlock"),
        "cidrBlock": attribute("CidrBlock"),
        "default-for-az": attribute("DefaultForAz"),
        "defaultForAz": attribute("DefaultForAz"),
        "enable-dns64": attribute("EnableDns64"),
        "ipv6-cidr-block-association.association-id": lambda inventory, subnet: (),
        "ipv6-cidr-block-association.ipv6-cidr-block": lambda inventory, subnet: (),
        "ipv6-cidr-block-association.state": lambda inventory, subnet: (),
        "ipv6-native": lambda inventory, subnet: (False,),
        "map-public-ip-on-launch": attribute("MapPublicIpOnLaunch"),
        "owner-id": lambda inventory, subnet: (subnet.account_id,),
        "private-dns-name-options-on-launch.hostname-type": lambda inventory, subnet: (
            subnet["PrivateDnsNameOptionsOnLaunch"]["HostnameType"],
        ),
        "state": lambda inventory, subnet: ("available",),
        "subnet-arn": lambda inventory, subnet: (subnet.arn,),
        "subnet-id": lambda inventory, subnet: (subnet.id,),
        "vpc-id": attribute("VpcId"),
    },
)


@ec2_operation("CreateSubnet", made(SUBNET), named(VPC, "VpcId"))
async def create_subnet(call: Call) -> Answer:
    """Make a subnet: a part of a VPC's block that no other subnet has. Source: API Reference, CreateSubnet."""
    params = call.params
    refuse_unserved(params, _NOT_SERVED)
    if not params.get("CidrBlock"):
        raise errors.missing("cidrBlock")
    block = sized_block(params["CidrBlock"], "cidrBlock", "InvalidSubnet.Range")
    tags = specified_tags(params, SUBNET)[SUBNET.name]

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        vpc = inventory.get(VPC, params["VpcId"])
        siblings = inventory.subnets_of(vpc.id)
        if not block.subnet_of(ipaddress.IPv4Network(vpc["CidrBlock"])):
            raise AwsError("InvalidSubnet.Range", f"The CIDR '{block}' is invalid.")
        if any(block.overlaps(block_of(sibling)) for sibling in siblings):
            raise AwsError("InvalidSubnet.Conflict", f"The CIDR '{block}' conflicts with another subnet")
        must_have_room(call, SUBNETS_QUOTA, len(siblings))
        zone = chosen_zone(call.region, params.get("AvailabilityZone"), params.get("AvailabilityZoneId"), len(siblings))
        return {"Subnet": shown_subnet(inventory, build_subnet(inventory, vpc, block, zone, tags))}

    return await change(call, write)


@ec2_operation("CreateDefaultSubnet")
async def create_default_subnet(call: Call) -> Answer:
    """Make the default subnet of a zone anew. Source: API Reference, CreateDefaultSubnet."""
    params = call.params
    refuse_unserved(params, {"Ipv6Native": "IPv6"})
    if not (params.get("AvailabilityZone") or params.get("AvailabilityZoneId")):
        raise errors.missing("availabilityZone")
    zone = chosen_zone(call.region, params.get("AvailabilityZone"), params.get("AvailabilityZoneId"), 0)

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        vpc = inventory.default_vpc()
        if vpc is None:
            raise AwsError("DefaultVpcDoesNotExist", "No default VPC exists for this account in this region.")
        siblings = inventory.subnets_of(vpc.id)
        for sibling in siblings:
            if sibling["DefaultForAz"] and sibling["AvailabilityZone"] == zone:
                raise AwsError(
                    "DefaultSubnetAlreadyExistsInAvailabilityZone",
                    f"'{sibling.id}' is already the default subnet in {zone}.",
                )
        must_have_room(call, SUBNETS_QUOTA, len(siblings))
        for block in BLOCK.subnets(new_prefix=SUBNET_PREFIX):
            if not any(block.overlaps(block_of(sibling)) for sibling in siblings):
                subnet = build_subnet(inventory, vpc, block, zone, {}, is_default=True)
                return {"Subnet": shown_subnet(inventory, subnet)}
        raise AwsError("InsufficientCidrBlocks", "The specified CIDR block is not available.")

    return await change(call, write)


@ec2_operation("DescribeSubnets", reads_only=True)
async def describe_subnets(call: Call) -> Answer:
    """List subnets. Source: API Reference, DescribeSubnets."""
    return await call.read(describe(call, SUBNETS))


@ec2_operation("DeleteSubnet", named(SUBNET, "SubnetId"))
async def delete_subnet(call: Call) -> Answer:
    """Remove a subnet in which nothing is. Source: API Reference, DeleteSubnet."""

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        subnet = inventory.get(SUBNET, call.params["SubnetId"])
        gateways = [nat for nat in inventory.within(NAT_GATEWAY, subnet.vpc_id) if nat["State"] == "available"]
        if interfaces_in(inventory, subnet) or any(nat["SubnetId"] == subnet.id for nat in gateways):
            raise errors.has_dependencies("subnet", subnet.id)
        for table in inventory.within(ROUTE_TABLE, subnet.vpc_id):
            kept = [each for each in table["Associations"] if each.get("SubnetId") != subnet.id]
            if len(kept) != len(table["Associations"]):
                table.attributes["Associations"] = kept
                inventory.save(table)
        inventory.remove(subnet)
        return {}

    return await change(call, write)


@ec2_operation("ModifySubnetAttribute", named(SUBNET, "SubnetId"))
async def modify_subnet_attribute(call: Call) -> Answer:
    """Change one attribute of a subnet. Source: API Reference, ModifySubnetAttribute."""
    params = call.params
    refuse_unserved({name: value for name, value in params.items() if value != {"Value": False}}, _NOT_MODIFIABLE)
    sent = [name for name in params if name not in ("SubnetId", "DryRun")]
    if len(sent) != 1:
        raise errors.combination("Exactly one attribute can be modified at a time.")

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        subnet = inventory.get(SUBNET, params["SubnetId"])
        options = subnet["PrivateDnsNameOptionsOnLaunch"]
        if "MapPublicIpOnLaunch" in params:
            subnet.attributes["MapPublicIpOnLaunch"] = bool(params["MapPublicIpOnLaunch"].get("Value"))
        elif "PrivateDnsHostnameTypeOnLaunch" in params:
            if params["PrivateDnsHostnameTypeOnLaunch"] not in ("ip-name", "resource-name"):
                raise errors.invalid_value(params["PrivateDnsHostnameTypeOnLaunch"], "privateDnsHostnameTypeOnLaunch")
            options["HostnameType"] = params["PrivateDnsHostnameTypeOnLaunch"]
        elif "EnableResourceNameDnsARecordOnLaunch" in params:
            value = params["EnableResourceNameDnsARecordOnLaunch"].get("Value")
            options["EnableResourceNameDnsARecord"] = bool(value)
        elif "EnableResourceNameDnsAAAARecordOnLaunch" in params:
            value = params["EnableResourceNameDnsAAAARecordOnLaunch"].get("Value")
            options["EnableResourceNameDnsAAAARecord"] = bool(value)
        inventory.save(subnet)
        return {}

    return await change(call, write)
