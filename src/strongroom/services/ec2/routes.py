"""Routes of route tables: to internet gateways and NAT gateways. Source: Amazon EC2 API Reference, CreateRoute,
ReplaceRoute, DeleteRoute; Amazon VPC User Guide, "Route table concepts"."""

import ipaddress
from collections.abc import Mapping
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer
from strongroom.services.ec2 import errors
from strongroom.services.ec2.access import inventory_of, named
from strongroom.services.ec2.addressing import parse_block
from strongroom.services.ec2.inventory import Inventory, Resource
from strongroom.services.ec2.kinds import INTERNET_GATEWAY, NAT_GATEWAY, ROUTE_TABLE
from strongroom.services.ec2.quotas import ROUTES_QUOTA, must_have_room
from strongroom.services.ec2.route_tables import local_block
from strongroom.services.ec2.served import change, ec2_operation
from strongroom.services.ec2.vpcs import refuse_unserved
from strongroom.storage.connection import Connection

_NOT_SERVED = {
    "DestinationPrefixListId": "prefix lists",
    "DestinationIpv6CidrBlock": "IPv6",
    "EgressOnlyInternetGatewayId": "IPv6",
    "VpcEndpointId": "routes to VPC endpoints",
    "TransitGatewayId": "routes to transit gateways",
    "LocalGatewayId": "routes to local gateways",
    "CarrierGatewayId": "routes to carrier gateways",
    "CoreNetworkArn": "routes to core networks",
    "OdbNetworkArn": "routes to ODB networks",
    "InstanceId": "routes to instances",
    "NetworkInterfaceId": "routes to network interfaces",
    "VpcPeeringConnectionId": "routes to VPC peering connections",
}


def _destination(params: Mapping[str, Any]) -> ipaddress.IPv4Network:
    if not params.get("DestinationCidrBlock"):
        raise errors.missing("destinationCidrBlock")
    return parse_block(params["DestinationCidrBlock"], "destinationCidrBlock")


def _target(inventory: Inventory, table: Resource, params: Mapping[str, Any]) -> dict[str, str]:
    """Return where a route leads. Raises AwsError for what is not there, or is another VPC's."""
    sent = [name for name in ("GatewayId", "NatGatewayId") if params.get(name)]
    if len(sent) != 1:
        raise errors.combination("The request must contain exactly one of gatewayId, natGatewayId")
    if sent[0] == "NatGatewayId":
        nat = inventory.find(NAT_GATEWAY, params["NatGatewayId"])
        if nat is None or nat["State"] == "deleted":
            raise AwsError(
                "InvalidNatGatewayID.NotFound", f"The natGateway ID '{params['NatGatewayId'][:255]}' does not exist"
            )
        if nat.vpc_id != table.vpc_id:
            raise errors.invalid(f"route table {table.id} and network gateway {nat.id} belong to different networks")
        return {"NatGatewayId": nat.id}
    gateway = inventory.find(INTERNET_GATEWAY, params["GatewayId"])
    if gateway is None:
        raise AwsError("InvalidGatewayID.NotFound", f"The gateway ID '{params['GatewayId'][:255]}' does not exist")
    if gateway.vpc_id != table.vpc_id:
        raise errors.invalid(f"route table {table.id} and network gateway {gateway.id} belong to different networks")
    return {"GatewayId": gateway.id}


def _index_of(table: Resource, destination: str) -> int | None:
    for index, route in enumerate(table["Routes"]):
        if route["DestinationCidrBlock"] == destination:
            return index
    return None


@ec2_operation("CreateRoute", named(ROUTE_TABLE, "RouteTableId"))
async def create_route(call: Call) -> Answer:
    """Add a route. One that is there already, the same, is left as it is. Source: API Reference, CreateRoute."""
    params = call.params
    refuse_unserved(params, _NOT_SERVED)
    destination = _destination(params)

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        table = inventory.get(ROUTE_TABLE, params["RouteTableId"])
        local = ipaddress.IPv4Network(local_block(inventory, table))
        route = {"DestinationCidrBlock": str(destination), **_target(inventory, table, params)}
        if destination == local:
            raise AwsError("RouteAlreadyExists", f"The route identified by {destination} already exists.")
        if destination.subnet_of(local):
            raise errors.invalid(
                f"The destination CIDR block {destination} is equal to or more specific than one of this VPC's CIDR "
                "blocks. This route can target only an interface or an instance."
            )
        index = _index_of(table, str(destination))
        if index is not None:
            if table["Routes"][index] == route:
                return {"Return": True}
            raise AwsError("RouteAlreadyExists", f"The route identified by {destination} already exists.")
        must_have_room(call, ROUTES_QUOTA, len(table["Routes"]) + 1)
        table["Routes"].append(route)
        inventory.save(table)
        return {"Return": True}

    return await change(call, write)


@ec2_operation("ReplaceRoute", named(ROUTE_TABLE, "RouteTableId"))
async def replace_route(call: Call) -> Answer:
    """Have a route lead elsewhere. Source: API Reference, ReplaceRoute."""
    params = call.params
    refuse_unserved(params, _NOT_SERVED | {"LocalTarget": "replaced local routes"})
    destination = str(_destination(params))

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        table = inventory.get(ROUTE_TABLE, params["RouteTableId"])
        target = _target(inventory, table, params)
        index = _index_of(table, destination)
        if index is None:
            raise errors.invalid(
                f"There is no route defined for '{destination}' in the route table. Use CreateRoute instead."
            )
        table["Routes"][index] = {"DestinationCidrBlock": destination, **target}
        inventory.save(table)
        return {}

    return await change(call, write)


@ec2_operation("DeleteRoute", named(ROUTE_TABLE, "RouteTableId"))
async def delete_route(call: Call) -> Answer:
    """Remove a route. Source: API Reference, DeleteRoute."""
    params = call.params
    refuse_unserved(params, _NOT_SERVED)
    destination = str(_destination(params))

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        table = inventory.get(ROUTE_TABLE, params["RouteTableId"])
        if destination == local_block(inventory, table):
            raise errors.invalid(f"cannot remove local route {destination} in route table {table.id}")
        index = _index_of(table, destination)
        if index is None:
            raise AwsError(
                "InvalidRoute.NotFound",
                f"no route with destination-cidr-block {destination} in route table {table.id}",
            )
        del table["Routes"][index]
        inventory.save(table)
        return {}

    return await change(call, write)
