"""Internet gateways. Source: Amazon EC2 API Reference, the actions on internet gateways."""

from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer
from strongroom.services.ec2 import errors
from strongroom.services.ec2.access import inventory_of, made, named
from strongroom.services.ec2.building import build_internet_gateway
from strongroom.services.ec2.inventory import Inventory, Resource
from strongroom.services.ec2.kinds import ELASTIC_IP, INTERNET_GATEWAY, NETWORK_INTERFACE, VPC
from strongroom.services.ec2.listing import Listing, describe
from strongroom.services.ec2.quotas import INTERNET_GATEWAYS_QUOTA, must_have_room
from strongroom.services.ec2.served import change, ec2_operation
from strongroom.services.ec2.tag_specifications import shown_tags, specified_tags
from strongroom.storage.connection import Connection


def shown_gateway(inventory: Inventory, gateway: Resource) -> dict[str, Any]:
    """Return an internet gateway as answers show it."""
    return {
        "InternetGatewayId": gateway.id,
        "OwnerId": gateway.account_id,
        "Attachments": [{"State": "available", "VpcId": gateway.vpc_id}] if gateway.vpc_id else [],
        "Tags": shown_tags(gateway.tags),
    }


INTERNET_GATEWAYS = Listing(
    kind=INTERNET_GATEWAY,
    member="InternetGateways",
    ids="InternetGatewayIds",
    show=shown_gateway,
    filters={
        "attachment.state": lambda inventory, gateway: ("available",) if gateway.vpc_id else (),
        "attachment.vpc-id": lambda inventory, gateway: (gateway.vpc_id,) if gateway.vpc_id else (),
        "internet-gateway-id": lambda inventory, gateway: (gateway.id,),
        "owner-id": lambda inventory, gateway: (gateway.account_id,),
    },
)


@ec2_operation("CreateInternetGateway", made(INTERNET_GATEWAY))
async def create_internet_gateway(call: Call) -> Answer:
    """Make an internet gateway, of no VPC yet. Source: API Reference, CreateInternetGateway."""
    tags = specified_tags(call.params, INTERNET_GATEWAY)[INTERNET_GATEWAY.name]

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        must_have_room(call, INTERNET_GATEWAYS_QUOTA, len(inventory.all(INTERNET_GATEWAY)))
        return {"InternetGateway": shown_gateway(inventory, build_internet_gateway(inventory, "", tags))}

    return await change(call, write)


@ec2_operation("DescribeInternetGateways", reads_only=True)
async def describe_internet_gateways(call: Call) -> Answer:
    """List internet gateways. Source: API Reference, DescribeInternetGateways."""
    return await call.read(describe(call, INTERNET_GATEWAYS))


@ec2_operation("AttachInternetGateway", named(INTERNET_GATEWAY, "InternetGatewayId"), named(VPC, "VpcId"))
async def attach_internet_gateway(call: Call) -> Answer:
    """Give a VPC an internet gateway. Source: API Reference, AttachInternetGateway."""

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        gateway = inventory.get(INTERNET_GATEWAY, call.params["InternetGatewayId"])
        vpc = inventory.get(VPC, call.params["VpcId"])
        if gateway.vpc_id:
            raise errors.already_associated(f"resource {gateway.id} is already attached to network {gateway.vpc_id}")
        if inventory.within(INTERNET_GATEWAY, vpc.id):
            raise errors.invalid(f"Network {vpc.id} already has an internet gateway attached")
        gateway.attributes["VpcId"] = vpc.id
        inventory.save(gateway)
        return {}

    return await change(call, write)


@ec2_operation("DetachInternetGateway", named(INTERNET_GATEWAY, "InternetGatewayId"), named(VPC, "VpcId"))
async def detach_internet_gateway(call: Call) -> Answer:
    """Take its internet gateway from a VPC. Source: API Reference, DetachInternetGateway."""

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        gateway = inventory.get(INTERNET_GATEWAY, call.params["InternetGatewayId"])
        vpc = inventory.get(VPC, call.params["VpcId"])
        if gateway.vpc_id != vpc.id:
            raise AwsError("Gateway.NotAttached", f"resource {gateway.id} is not attached to network {vpc.id}")
        public = {address.get("NetworkInterfaceId") for address in inventory.all(ELASTIC_IP)}
        if any(interface.id in public for interface in inventory.within(NETWORK_INTERFACE, vpc.id)):
            raise errors.dependency(
                f"Network {vpc.id} has some mapped public address(es). Please unmap those public address(es) before "
                "detaching the gateway."
            )
        gateway.attributes["VpcId"] = ""
        inventory.save(gateway)
        return {}

    return await change(call, write)


@ec2_operation("DeleteInternetGateway", named(INTERNET_GATEWAY, "InternetGatewayId"))
async def delete_internet_gateway(call: Call) -> Answer:
    """Remove an internet gateway that no VPC has. Source: API Reference, DeleteInternetGateway."""

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        gateway = inventory.get(INTERNET_GATEWAY, call.params["InternetGatewayId"])
        if gateway.vpc_id:
            raise errors.has_dependencies("internetGateway", gateway.id)
        inventory.remove(gateway)
        return {}

    return await change(call, write)
