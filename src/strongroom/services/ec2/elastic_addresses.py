"""Elastic IP addresses, which NAT gateways have: of a block that is for documentation, for nothing leads to them here.

Source: Amazon EC2 API Reference, AllocateAddress, DescribeAddresses, ReleaseAddress; RFC 5737.
"""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer
from strongroom.services.ec2 import errors
from strongroom.services.ec2.access import found, inventory_of, made, named
from strongroom.services.ec2.inventory import Inventory, Resource, new_id
from strongroom.services.ec2.kinds import ELASTIC_IP, INTERNET_GATEWAY, NETWORK_INTERFACE
from strongroom.services.ec2.listing import Listing, Values, attribute, describe
from strongroom.services.ec2.quotas import ADDRESSES_QUOTA, must_have_room
from strongroom.services.ec2.served import change, ec2_operation
from strongroom.services.ec2.tag_specifications import shown_tags, specified_tags
from strongroom.services.ec2.vpcs import refuse_unserved
from strongroom.storage.connection import Connection

_POOL = [f"{block}.{last}" for block in ("203.0.113", "198.51.100", "192.0.2") for last in range(1, 255)]
_NOT_SERVED = {
    "Address": "chosen addresses",
    "CustomerOwnedIpv4Pool": "customer-owned addresses",
    "IpamPoolId": "IPAM",
}


def shown_address(inventory: Inventory, address: Resource) -> dict[str, Any]:
    """Return an Elastic IP address as answers show it."""
    shown = {
        "AllocationId": address.id,
        "PublicIp": address["PublicIp"],
        "PublicIpv4Pool": "amazon",
        "Domain": "vpc",
        "NetworkBorderGroup": address.region,
        "Tags": shown_tags(address.tags),
    }
    interface = inventory.find(NETWORK_INTERFACE, address.get("NetworkInterfaceId", ""))
    if interface is not None:
        shown |= {
            "AssociationId": address["AssociationId"],
            "NetworkInterfaceId": interface.id,
            "NetworkInterfaceOwnerId": address.account_id,
            "PrivateIpAddress": interface["PrivateIpAddress"],
        }
    return shown


def _as_shown(name: str) -> Values:
    return lambda inventory, address: (shown_address(inventory, address).get(name),)


ADDRESSES = Listing(
    kind=ELASTIC_IP,
    member="Addresses",
    ids="AllocationIds",
    show=shown_address,
    filters={
        "allocation-id": lambda inventory, address: (address.id,),
        "association-id": _as_shown("AssociationId"),
        "domain": lambda inventory, address: ("vpc",),
        "instance-id": lambda inventory, address: (),
        "network-border-group": lambda inventory, address: (address.region,),
        "network-interface-id": _as_shown("NetworkInterfaceId"),
        "network-interface-owner-id": _as_shown("NetworkInterfaceOwnerId"),
        "private-ip-address": _as_shown("PrivateIpAddress"),
        "public-ip": attribute("PublicIp"),
    },
)


def _meant(inventory: Inventory, params: Mapping[str, Any]) -> Resource:
    """Return the address that a request names by its allocation or by itself. Raises AwsError."""
    if params.get("AllocationId"):
        return inventory.get(ELASTIC_IP, params["AllocationId"])
    if not params.get("PublicIp"):
        raise errors.missing("allocationId")
    for address in inventory.all(ELASTIC_IP):
        if address["PublicIp"] == params["PublicIp"]:
            return address
    raise AwsError("InvalidAddress.NotFound", f"Address '{params['PublicIp'][:64]}' not found.")


def _named(inventory: Inventory, params: Mapping[str, Any]) -> Iterable[str]:
    if params.get("AllocationId"):
        return (params["AllocationId"],)
    try:
        return (_meant(inventory, params).id,)
    except AwsError:
        return ("*",)


@ec2_operation("AllocateAddress", made(ELASTIC_IP))
async def allocate_address(call: Call) -> Answer:
    """Take an address of the pool. Source: API Reference, AllocateAddress."""
    params = call.params
    refuse_unserved(params, _NOT_SERVED)
    if params.get("Domain") not in (None, "vpc"):
        raise errors.invalid_value(params["Domain"], "domain")
    if params.get("PublicIpv4Pool") not in (None, "amazon"):
        raise errors.not_served("address pools of your own")
    if params.get("NetworkBorderGroup") not in (None, call.region):
        raise errors.invalid_value(params["NetworkBorderGroup"], "networkBorderGroup")
    tags = specified_tags(params, ELASTIC_IP)[ELASTIC_IP.name]

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        allocated = [address["PublicIp"] for address in inventory.all(ELASTIC_IP)]
        must_have_room(call, ADDRESSES_QUOTA, len(allocated))
        free = sorted(set(_POOL).difference(allocated))
        if not free:
            raise AwsError("InsufficientAddressCapacity", "There are not enough free public addresses.")
        address = inventory.add(ELASTIC_IP, {"PublicIp": secrets.choice(free)}, tags)
        shown = shown_address(inventory, address)
        return {name: shown[name] for name in shown if name != "Tags"}

    return await change(call, write)


@ec2_operation("DescribeAddresses", reads_only=True)
async def describe_addresses(call: Call) -> Answer:
    """List Elastic IP addresses. Source: API Reference, DescribeAddresses."""
    wanted = call.params.get("PublicIps") or ()

    def read(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        named_ids = [_meant(inventory, {"PublicIp": each}).id for each in wanted]
        return describe(call, ADDRESSES, named_ids)(connection)

    return await call.read(read)


@ec2_operation("DescribeAddressesAttribute", reads_only=True)
async def describe_addresses_attribute(call: Call) -> Answer:
    """Tell the domain names of addresses: they have none. Source: API Reference, DescribeAddressesAttribute."""

    def read(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        wanted = call.params.get("AllocationIds") or [address.id for address in inventory.all(ELASTIC_IP)]
        addresses = [inventory.get(ELASTIC_IP, each) for each in wanted]
        return {"Addresses": [{"PublicIp": each["PublicIp"], "AllocationId": each.id} for each in addresses]}

    return await call.read(read)


@ec2_operation("AssociateAddress", found(ELASTIC_IP, _named), named(NETWORK_INTERFACE, "NetworkInterfaceId"))
async def associate_address(call: Call) -> Answer:
    """Give an address to a network interface. Source: API Reference, AssociateAddress."""
    params = call.params
    refuse_unserved(params, {"InstanceId": "instances", "PrivateIpAddress": "secondary addresses"})
    if not params.get("NetworkInterfaceId"):
        raise errors.missing("networkInterfaceId")

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        address = _meant(inventory, params)
        interface = inventory.get(NETWORK_INTERFACE, params["NetworkInterfaceId"])
        if address.get("NetworkInterfaceId") == interface.id:
            return {"AssociationId": address["AssociationId"]}
        if not inventory.within(INTERNET_GATEWAY, interface.vpc_id):
            raise AwsError("Gateway.NotAttached", f"Network {interface.vpc_id} is not attached to any internet gateway")
        others = [other for other in inventory.all(ELASTIC_IP) if other.get("NetworkInterfaceId") == interface.id]
        if (address.get("NetworkInterfaceId") or others) and params.get("AllowReassociation") is False:
            raise errors.already_associated(f"resource {address.id} is already associated")
        for other in (*others, address):
            _must_not_be_of_gateway(inventory, other)
        for other in others:
            _free(inventory, other)
        address.attributes |= {"NetworkInterfaceId": interface.id, "AssociationId": new_id("eipassoc")}
        inventory.save(address)
        return {"AssociationId": address["AssociationId"]}

    return await change(call, write)


def _associated(inventory: Inventory, params: Mapping[str, Any]) -> Resource:
    """Return the address of an association, or of itself. Raises AwsError."""
    association_id = params.get("AssociationId")
    if not association_id:
        return _meant(inventory, params)
    for address in inventory.all(ELASTIC_IP):
        if address.get("AssociationId") == association_id:
            return address
    raise AwsError("InvalidAssociationID.NotFound", f"The association ID '{association_id[:255]}' does not exist")


def _named_by_association(inventory: Inventory, params: Mapping[str, Any]) -> Iterable[str]:
    try:
        return (_associated(inventory, params).id,)
    except AwsError:
        return ("*",)


@ec2_operation("DisassociateAddress", found(ELASTIC_IP, _named_by_association))
async def disassociate_address(call: Call) -> Answer:
    """Take an address from a network interface. Source: API Reference, DisassociateAddress."""

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        address = _associated(inventory, call.params)
        _must_not_be_of_gateway(inventory, address)
        _free(inventory, address)
        return {}

    return await change(call, write)


def _free(inventory: Inventory, address: Resource) -> None:
    for name in ("NetworkInterfaceId", "AssociationId"):
        address.attributes.pop(name, None)
    inventory.save(address)


def _must_not_be_of_gateway(inventory: Inventory, address: Resource) -> None:
    interface = inventory.find(NETWORK_INTERFACE, address.get("NetworkInterfaceId", ""))
    if interface is not None and interface["InterfaceType"] == "nat_gateway":
        raise AwsError("AuthFailure", "You do not have permission to access the specified resource.")


@ec2_operation("ReleaseAddress", found(ELASTIC_IP, _named))
async def release_address(call: Call) -> Answer:
    """Give an address back that nothing has. Source: API Reference, ReleaseAddress."""

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        address = _meant(inventory, call.params)
        if address.get("NetworkInterfaceId"):
            raise AwsError("InvalidIPAddress.InUse", f"Address {address['PublicIp']} is in use.")
        inventory.remove(address)
        return {}

    return await change(call, write)
