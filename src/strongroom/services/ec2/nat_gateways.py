"""NAT gateways. Source: Amazon EC2 API Reference, the actions on NAT gateways; Amazon VPC User Guide, "NAT gateways",
"Troubleshoot NAT gateways"."""

from collections.abc import Mapping
from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer
from strongroom.services.ec2 import errors
from strongroom.services.ec2.access import inventory_of, made, named
from strongroom.services.ec2.building import build_network_interface
from strongroom.services.ec2.inventory import Inventory, Resource, new_id
from strongroom.services.ec2.kinds import ELASTIC_IP, INTERNET_GATEWAY, NAT_GATEWAY, NETWORK_INTERFACE, SUBNET
from strongroom.services.ec2.listing import Listing, attribute, describe
from strongroom.services.ec2.placing import chosen_address
from strongroom.services.ec2.quotas import NAT_GATEWAYS_QUOTA, must_have_room
from strongroom.services.ec2.served import change, ec2_operation
from strongroom.services.ec2.tag_specifications import shown_tags, specified_tags
from strongroom.services.ec2.vpcs import refuse_unserved
from strongroom.storage.connection import Connection

SHOWN_AFTER_DELETION_SECONDS = 3_600.0
"""For how long one that was deleted is still described, as deleted."""

_NOT_SERVED = {
    "AvailabilityZoneAddresses": "regional NAT gateways",
    "SecondaryAllocationIds": "secondary addresses",
    "SecondaryPrivateIpAddresses": "secondary addresses",
    "SecondaryPrivateIpAddressCount": "secondary addresses",
}


def shown_nat_gateway(inventory: Inventory, nat: Resource) -> dict[str, Any]:
    """Return a NAT gateway as answers show it."""
    shown = {
        "NatGatewayId": nat.id,
        "VpcId": nat.vpc_id,
        "SubnetId": nat["SubnetId"],
        "State": nat["State"],
        "ConnectivityType": nat["ConnectivityType"],
        "CreateTime": as_datetime(nat.created_at),
        "NatGatewayAddresses": [nat["Address"]],
        "Tags": shown_tags(nat.tags),
    }
    if nat.get("DeleteTime") is not None:
        shown["DeleteTime"] = as_datetime(nat["DeleteTime"])
    for name in ("FailureCode", "FailureMessage"):
        if nat.get(name):
            shown[name] = nat[name]
    return shown


def _is_shown(inventory: Inventory, nat: Resource) -> bool:
    deleted_at: float | None = nat.get("DeleteTime")
    return deleted_at is None or inventory.now - deleted_at < SHOWN_AFTER_DELETION_SECONDS


NAT_GATEWAYS = Listing(
    kind=NAT_GATEWAY,
    member="NatGateways",
    ids="NatGatewayIds",
    show=shown_nat_gateway,
    filters_member="Filter",
    is_shown=_is_shown,
    filters={
        "connectivity-type": attribute("ConnectivityType"),
        "nat-gateway-id": lambda inventory, nat: (nat.id,),
        "state": attribute("State"),
        "subnet-id": attribute("SubnetId"),
        "vpc-id": attribute("VpcId"),
    },
)


def _checked(params: Mapping[str, Any]) -> str:
    """Return the kind of connectivity that is asked for. Raises AwsError for what does not go with it."""
    refuse_unserved(dict(params), _NOT_SERVED)
    if params.get("AvailabilityMode") not in (None, "zonal") or params.get("VpcId"):
        raise errors.not_served("regional NAT gateways")
    connectivity = params.get("ConnectivityType") or "public"
    if connectivity not in ("public", "private"):
        raise errors.invalid_value(connectivity, "connectivityType")
    if not params.get("SubnetId"):
        raise errors.missing("subnetId")
    if connectivity == "public" and not params.get("AllocationId"):
        raise errors.missing("allocationId")
    if connectivity == "private" and params.get("AllocationId"):
        raise errors.combination("A private NAT gateway cannot have an Elastic IP address.")
    return connectivity


@ec2_operation("CreateNatGateway", made(NAT_GATEWAY), named(SUBNET, "SubnetId"), named(ELASTIC_IP, "AllocationId"))
async def create_nat_gateway(call: Call) -> Answer:
    """Make a NAT gateway in a subnet; a public one fails where the VPC has no internet gateway.

    Source: API Reference, CreateNatGateway.
    """
    params = call.params
    connectivity = _checked(params)
    tags = specified_tags(params, NAT_GATEWAY)[NAT_GATEWAY.name]
    token = {"ClientToken": params["ClientToken"]} if params.get("ClientToken") else {}

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        for sibling in inventory.all(NAT_GATEWAY) if token else ():
            if sibling.get("ClientToken") == params["ClientToken"]:
                return token | {"NatGateway": shown_nat_gateway(inventory, sibling)}
        subnet = inventory.get(SUBNET, params["SubnetId"])
        zone = subnet["AvailabilityZone"]
        present = [nat for nat in inventory.all(NAT_GATEWAY) if nat["State"] == "available"]
        must_have_room(call, NAT_GATEWAYS_QUOTA, sum(nat["AvailabilityZone"] == zone for nat in present))
        address = _free_address(inventory, params["AllocationId"]) if connectivity == "public" else None
        nat = _build(inventory, subnet, address, connectivity, params.get("PrivateIpAddress"), tags | {}, token)
        return token | {"NatGateway": shown_nat_gateway(inventory, nat) | {"State": "pending"}}

    return await change(call, write)


def _free_address(inventory: Inventory, allocation_id: str) -> Resource:
    address = inventory.get(ELASTIC_IP, allocation_id)
    if address.get("NetworkInterfaceId"):
        raise AwsError(
            "Resource.AlreadyAssociated",
            f"resource {allocation_id} is already associated with {address['AssociationId']}",
        )
    return address


def _build(
    inventory: Inventory,
    subnet: Resource,
    address: Resource | None,
    connectivity: str,
    private_address: str | None,
    tags: dict[str, str],
    token: dict[str, str],
) -> Resource:
    attributes: dict[str, Any] = {
        "VpcId": subnet.vpc_id,
        "SubnetId": subnet.id,
        "AvailabilityZone": subnet["AvailabilityZone"],
        "ConnectivityType": connectivity,
        "State": "available",
        "Address": {"IsPrimary": True, "Status": "succeeded"},
        **token,
    }
    if address is not None:
        attributes["Address"] |= {"AllocationId": address.id, "PublicIp": address["PublicIp"]}
    if address is not None and not inventory.within(INTERNET_GATEWAY, subnet.vpc_id):
        message = f"Network {subnet.vpc_id} has no Internet gateway attached"
        attributes |= {
            "State": "failed",
            "FailureCode": "Gateway.NotAttached",
            "FailureMessage": message,
            "DeleteTime": inventory.now,
        }
        attributes["Address"] |= {"Status": "failed", "FailureMessage": message}
        return inventory.add(NAT_GATEWAY, attributes, tags)
    nat = inventory.add(NAT_GATEWAY, attributes, tags)
    interface = build_network_interface(
        inventory,
        subnet,
        chosen_address(inventory, subnet, private_address),
        [],
        {},
        Description=f"Interface for NAT Gateway {nat.id}",
        InterfaceType="nat_gateway",
        RequesterManaged=True,
        SourceDestCheck=False,
        Status="in-use",
        Attachment={
            "AttachmentId": new_id("ela-attach"),
            "AttachTime": inventory.now,
            "DeleteOnTermination": False,
            "DeviceIndex": 1,
            "InstanceOwnerId": "amazon-aws",
            "Status": "attached",
        },
    )
    attributes["Address"] |= {"NetworkInterfaceId": interface.id, "PrivateIp": interface["PrivateIpAddress"]}
    if address is not None:
        address.attributes |= {"NetworkInterfaceId": interface.id, "AssociationId": new_id("eipassoc")}
        inventory.save(address)
        attributes["Address"]["AssociationId"] = address["AssociationId"]
    inventory.save(nat)
    return nat


@ec2_operation("DescribeNatGateways", reads_only=True)
async def describe_nat_gateways(call: Call) -> Answer:
    """List NAT gateways, for an hour also those that were deleted. Source: API Reference, DescribeNatGateways."""
    return await call.read(describe(call, NAT_GATEWAYS))


@ec2_operation("DeleteNatGateway", named(NAT_GATEWAY, "NatGatewayId"))
async def delete_nat_gateway(call: Call) -> Answer:
    """Remove a NAT gateway; its Elastic IP address is free again. Source: API Reference, DeleteNatGateway."""

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        nat = inventory.get(NAT_GATEWAY, call.params["NatGatewayId"])
        if not _is_shown(inventory, nat):
            raise NAT_GATEWAY.not_found(nat.id)
        interface = inventory.find(NETWORK_INTERFACE, nat["Address"].get("NetworkInterfaceId", ""))
        if interface is not None:
            for address in inventory.all(ELASTIC_IP):
                if address.get("NetworkInterfaceId") == interface.id:
                    del address.attributes["NetworkInterfaceId"], address.attributes["AssociationId"]
                    inventory.save(address)
            inventory.remove(interface)
        if nat["State"] != "deleted":
            nat.attributes |= {"State": "deleted", "DeleteTime": inventory.now}
            inventory.save(nat)
        # Those of which nobody is told any more.
        for other in inventory.all(NAT_GATEWAY):
            if not _is_shown(inventory, other):
                inventory.remove(other)
        return {"NatGatewayId": nat.id}

    return await change(call, write)
