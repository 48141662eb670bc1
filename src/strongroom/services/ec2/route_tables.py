"""Route tables, and which subnets go by them. Source: Amazon EC2 API Reference, the actions on route tables; Amazon VPC
User Guide, "Configure route tables"."""

from collections.abc import Iterable, Mapping
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer
from strongroom.services.ec2 import errors
from strongroom.services.ec2.access import found, inventory_of, made, named
from strongroom.services.ec2.building import build_route_table
from strongroom.services.ec2.inventory import Inventory, Resource, new_id
from strongroom.services.ec2.kinds import INTERNET_GATEWAY, NAT_GATEWAY, ROUTE_TABLE, SUBNET, VPC
from strongroom.services.ec2.listing import Listing, Values, attribute, describe
from strongroom.services.ec2.quotas import ROUTE_TABLES_QUOTA, must_have_room
from strongroom.services.ec2.served import change, ec2_operation
from strongroom.services.ec2.tag_specifications import shown_tags, specified_tags
from strongroom.services.ec2.vpcs import refuse_unserved
from strongroom.storage.connection import Connection

Association = dict[str, Any]

_ASSOCIATED = {"State": "associated"}


def state_of(inventory: Inventory, table: Resource, route: Mapping[str, Any]) -> str:
    """Return whether a route leads anywhere: `active`, or `blackhole` when its target is there no more."""
    if route.get("GatewayId"):
        gateway = inventory.find(INTERNET_GATEWAY, route["GatewayId"])
        return "active" if gateway is not None and gateway.vpc_id == table.vpc_id else "blackhole"
    nat = inventory.find(NAT_GATEWAY, route["NatGatewayId"])
    return "active" if nat is not None and nat["State"] == "available" else "blackhole"


def local_block(inventory: Inventory, table: Resource) -> str:
    """Return the block of addresses that every route table of a VPC keeps within it."""
    block: str = inventory.get(VPC, table.vpc_id)["CidrBlock"]
    return block


def shown_routes(inventory: Inventory, table: Resource) -> list[dict[str, Any]]:
    """Return the routes of a table as answers show them: the one within the VPC first."""
    local = {
        "DestinationCidrBlock": local_block(inventory, table),
        "GatewayId": "local",
        "Origin": "CreateRouteTable",
        "State": "active",
    }
    return [
        local,
        *(route | {"Origin": "CreateRoute", "State": state_of(inventory, table, route)} for route in table["Routes"]),
    ]


def _shown_association(table: Resource, association: Association) -> dict[str, Any]:
    return association | {"RouteTableId": table.id, "AssociationState": _ASSOCIATED}


def shown_table(inventory: Inventory, table: Resource) -> dict[str, Any]:
    """Return a route table as answers show it."""
    return {
        "RouteTableId": table.id,
        "VpcId": table.vpc_id,
        "OwnerId": table.account_id,
        "Associations": [_shown_association(table, each) for each in table["Associations"]],
        "Routes": shown_routes(inventory, table),
        "PropagatingVgws": [],
        "Tags": shown_tags(table.tags),
    }


def _of_routes(name: str) -> Values:
    return lambda inventory, table: [route.get(name) for route in shown_routes(inventory, table)]


def _of_associations(name: str) -> Values:
    return lambda inventory, table: [each.get(name) for each in table["Associations"]]


def _nothing(inventory: Inventory, table: Resource) -> Iterable[object]:
    return ()


ROUTE_TABLES = Listing(
    kind=ROUTE_TABLE,
    member="RouteTables",
    ids="RouteTableIds",
    show=shown_table,
    filters={
        "association.gateway-id": _nothing,
        "association.main": _of_associations("Main"),
        "association.route-table-association-id": _of_associations("RouteTableAssociationId"),
        "association.route-table-id": lambda inventory, table: [table.id] if table["Associations"] else [],
        "association.subnet-id": _of_associations("SubnetId"),
        "owner-id": lambda inventory, table: (table.account_id,),
        "route-table-id": lambda inventory, table: (table.id,),
        "route.destination-cidr-block": _of_routes("DestinationCidrBlock"),
        "route.gateway-id": _of_routes("GatewayId"),
        "route.nat-gateway-id": _of_routes("NatGatewayId"),
        "route.origin": _of_routes("Origin"),
        "route.state": _of_routes("State"),
        "vpc-id": attribute("VpcId"),
        **dict.fromkeys(
            (
                "route.destination-ipv6-cidr-block",
                "route.destination-prefix-list-id",
                "route.egress-only-internet-gateway-id",
                "route.instance-id",
                "route.transit-gateway-id",
                "route.vpc-peering-connection-id",
                "transit-gateway-id",
            ),
            _nothing,
        ),
    },
)


@ec2_operation("CreateRouteTable", made(ROUTE_TABLE), named(VPC, "VpcId"))
async def create_route_table(call: Call) -> Answer:
    """Make a route table. Source: API Reference, CreateRouteTable."""
    params = call.params
    tags = specified_tags(params, ROUTE_TABLE)[ROUTE_TABLE.name]
    token = {"ClientToken": params["ClientToken"]} if params.get("ClientToken") else {}

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        vpc = inventory.get(VPC, params["VpcId"])
        siblings = inventory.within(ROUTE_TABLE, vpc.id)
        for sibling in siblings if token else ():
            if sibling.get("ClientToken") == params["ClientToken"]:
                return token | {"RouteTable": shown_table(inventory, sibling)}
        must_have_room(call, ROUTE_TABLES_QUOTA, len(siblings))
        table = build_route_table(inventory, vpc, tags)
        if token:
            table.attributes |= token
            inventory.save(table)
        return token | {"RouteTable": shown_table(inventory, table)}

    return await change(call, write)


@ec2_operation("DescribeRouteTables", reads_only=True)
async def describe_route_tables(call: Call) -> Answer:
    """List route tables. Source: API Reference, DescribeRouteTables."""
    return await call.read(describe(call, ROUTE_TABLES))


@ec2_operation("DeleteRouteTable", named(ROUTE_TABLE, "RouteTableId"))
async def delete_route_table(call: Call) -> Answer:
    """Remove a route table that nothing goes by. Source: API Reference, DeleteRouteTable."""

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        table = inventory.get(ROUTE_TABLE, call.params["RouteTableId"])
        if table["Associations"]:
            raise errors.has_dependencies("routeTable", table.id)
        inventory.remove(table)
        return {}

    return await change(call, write)


@ec2_operation("AssociateRouteTable", named(ROUTE_TABLE, "RouteTableId"), named(SUBNET, "SubnetId"))
async def associate_route_table(call: Call) -> Answer:
    """Have a subnet go by a route table. Source: API Reference, AssociateRouteTable."""
    params = call.params
    refuse_unserved(params, {"GatewayId": "route tables of gateways", "PublicIpv4Pool": "pools of addresses"})
    if not params.get("SubnetId"):
        raise errors.missing("subnetId")

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        table = inventory.get(ROUTE_TABLE, params["RouteTableId"])
        subnet = inventory.get(SUBNET, params["SubnetId"])
        if table.vpc_id != subnet.vpc_id:
            raise errors.invalid(f"Route table {table.id} and network {subnet.id} belong to different networks")
        for other in inventory.within(ROUTE_TABLE, table.vpc_id):
            for association in other["Associations"]:
                if association.get("SubnetId") != subnet.id:
                    continue
                if other.id != table.id:
                    raise errors.already_associated(
                        f"the specified association for route table {table.id} conflicts with an existing association"
                    )
                return _associated(association)
        return _associated(_associate(inventory, table, {"Main": False, "SubnetId": subnet.id}))

    return await change(call, write)


def _associate(inventory: Inventory, table: Resource, association: Association) -> Association:
    made_one = association | {"RouteTableAssociationId": new_id("rtbassoc")}
    table["Associations"].append(made_one)
    inventory.save(table)
    return made_one


def _associated(association: Association) -> Answer:
    return {"AssociationId": association["RouteTableAssociationId"], "AssociationState": _ASSOCIATED}


def _association(inventory: Inventory, association_id: str) -> tuple[Resource, Association]:
    """Return an association and the table that it is with. Raises AwsError (`InvalidAssociationID.NotFound`)."""
    for table in inventory.all(ROUTE_TABLE):
        for association in table["Associations"]:
            if association["RouteTableAssociationId"] == association_id:
                return table, association
    raise AwsError("InvalidAssociationID.NotFound", f"The association ID '{association_id[:255]}' does not exist")


def _table_of_association(inventory: Inventory, params: Mapping[str, Any]) -> Iterable[str]:
    try:
        return (_association(inventory, params["AssociationId"])[0].id,)
    except AwsError:
        # One that is not there: whoever may not use every table is told no more.
        return ("*",)


def _subnet_of_association(inventory: Inventory, params: Mapping[str, Any]) -> Iterable[str]:
    try:
        subnet_id = _association(inventory, params["AssociationId"])[1].get("SubnetId")
    except AwsError:
        subnet_id = None
    return () if subnet_id is None else (subnet_id,)


@ec2_operation(
    "DisassociateRouteTable", found(ROUTE_TABLE, _table_of_association), found(SUBNET, _subnet_of_association)
)
async def disassociate_route_table(call: Call) -> Answer:
    """Have a subnet go by the main route table again. Source: API Reference, DisassociateRouteTable."""

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        table, association = _association(inventory, call.params["AssociationId"])
        if association["Main"]:
            identity = association["RouteTableAssociationId"]
            raise errors.invalid(f"cannot disassociate the main route table association {identity}")
        table["Associations"].remove(association)
        inventory.save(table)
        return {}

    return await change(call, write)


@ec2_operation(
    "ReplaceRouteTableAssociation",
    named(ROUTE_TABLE, "RouteTableId"),
    found(SUBNET, _subnet_of_association),
)
async def replace_route_table_association(call: Call) -> Answer:
    """Have a subnet, or all that have none of their own, go by another table.

    Source: API Reference, ReplaceRouteTableAssociation.
    """

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        table, association = _association(inventory, call.params["AssociationId"])
        target = inventory.get(ROUTE_TABLE, call.params["RouteTableId"])
        if table.vpc_id != target.vpc_id:
            raise errors.invalid(f"Route table {target.id} and route table {table.id} belong to different networks")
        table["Associations"].remove(association)
        inventory.save(table)
        kept = {name: value for name, value in association.items() if name != "RouteTableAssociationId"}
        replaced = _associate(inventory, target, kept)
        return {"NewAssociationId": replaced["RouteTableAssociationId"], "AssociationState": _ASSOCIATED}

    return await change(call, write)
