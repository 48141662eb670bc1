"""The default VPC that every account has in every Region, made when the account first turns to EC2 there.

Source: Amazon VPC User Guide, "Default VPCs", "Default VPC components": 172.31.0.0/16, a /20 subnet for each zone, an
internet gateway, and a main route table that leads to it.
"""

import ipaddress

from strongroom.operations.house import House
from strongroom.operations.trail import Resource as AuditedResource
from strongroom.operations.trail import service_event
from strongroom.services.ec2 import tables
from strongroom.services.ec2.building import ANYWHERE, build_internet_gateway, build_subnet, build_vpc
from strongroom.services.ec2.inventory import Inventory, Resource
from strongroom.services.ec2.zones import zone_names
from strongroom.storage.connection import Connection

BLOCK = ipaddress.IPv4Network("172.31.0.0/16")
SUBNET_PREFIX = 20


def build_default_vpc(inventory: Inventory) -> Resource:
    """Make the default VPC with its subnets, its internet gateway and the route to it."""
    vpc = build_vpc(inventory, BLOCK, tenancy="default", is_default=True, tags={})
    for zone, block in zip(zone_names(inventory.region), BLOCK.subnets(new_prefix=SUBNET_PREFIX), strict=False):
        build_subnet(inventory, vpc, block, zone, {}, is_default=True)
    gateway = build_internet_gateway(inventory, vpc.id, {})
    table = inventory.main_route_table(vpc.id)
    table["Routes"].append({"DestinationCidrBlock": ANYWHERE, "GatewayId": gateway.id})
    inventory.save(table)
    return vpc


class DefaultVpcs:
    """Knows in which Regions an account's default VPC was made, so that it is made once."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._known: set[tuple[str, str]] = set()

    async def ensure(self, account_id: str, region: str) -> None:
        """Make an account's default VPC in a Region, unless that was done before."""
        place = account_id, region
        if place in self._known:
            return
        if not await self._house.store.read(lambda connection: tables.is_opened(connection, account_id, region)):
            await self._house.store.write(lambda connection: self._make(connection, account_id, region))
        self._known.add(place)

    def _make(self, connection: Connection, account_id: str, region: str) -> None:
        if tables.is_opened(connection, account_id, region):
            return
        now = self._house.clock.now()
        tables.insert_opened(connection, account_id, region)
        vpc = build_default_vpc(Inventory(connection, account_id, region, now))
        made = AuditedResource(vpc.arn, account_id, "AWS::EC2::VPC")
        event = service_event("ec2", "ec2.amazonaws.com", "CreateDefaultVpc", region, made, now)
        self._house.audit.insert_event(connection, event)
