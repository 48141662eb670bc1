"""Route tables, internet and NAT gateways, Elastic IP addresses; and where a subnet leads in the end."""

from typing import Any

from tests.opened_house import ACCOUNT, OpenedHouse
from tests.services.ec2.conftest import InSqliteHouse
from tests.services.ec2.networking import ANYWHERE, ask, filtered, new_gateway, new_subnet, new_vpc
from tests.services.refusals import refused

from strongroom.services.ec2.inventory import Inventory
from strongroom.services.ec2.kinds import SUBNET
from strongroom.services.ec2.plans import blocks_led_out


async def new_table(house: OpenedHouse, vpc: str) -> str:
    table_id: str = (await ask(house, "CreateRouteTable", VpcId=vpc))["RouteTable"]["RouteTableId"]
    return table_id


async def led_out(house: OpenedHouse, subnet: str) -> tuple[str, ...]:
    def read(connection: Any) -> tuple[str, ...]:
        inventory = Inventory(connection, ACCOUNT, "us-east-1", 0.0)
        return blocks_led_out(inventory, inventory.get(SUBNET, subnet))

    return await house.house.store.read(read)


def test_associations(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        vpc, other_vpc = await new_vpc(house), await new_vpc(house, "10.9.0.0/16")
        subnet, foreign = await new_subnet(house, vpc), await new_subnet(house, other_vpc, "10.9.0.0/24")
        one, two = await new_table(house, vpc), await new_table(house, vpc)
        first = await ask(house, "AssociateRouteTable", RouteTableId=one, SubnetId=subnet)
        again = await ask(house, "AssociateRouteTable", RouteTableId=one, SubnetId=subnet)
        assert first == again
        with refused("Resource.AlreadyAssociated"):
            await ask(house, "AssociateRouteTable", RouteTableId=two, SubnetId=subnet)
        with refused("InvalidParameterValue"):
            await ask(house, "AssociateRouteTable", RouteTableId=two, SubnetId=foreign)
        with refused("DependencyViolation", f"The routeTable '{one}' has dependencies and cannot be deleted."):
            await ask(house, "DeleteRouteTable", RouteTableId=one)
        moved = await ask(house, "ReplaceRouteTableAssociation", AssociationId=first["AssociationId"], RouteTableId=two)
        await ask(house, "DeleteRouteTable", RouteTableId=one)
        with refused("InvalidAssociationID.NotFound"):
            await ask(house, "DisassociateRouteTable", AssociationId=first["AssociationId"])
        (main,) = (
            await ask(house, "DescribeRouteTables", Filters=filtered(vpc_id=vpc, **{"association.main": "true"}))
        )["RouteTables"]
        main_association = main["Associations"][0]["RouteTableAssociationId"]
        with refused("InvalidParameterValue"):
            await ask(house, "DisassociateRouteTable", AssociationId=main_association)
        await ask(house, "DisassociateRouteTable", AssociationId=moved["NewAssociationId"])
        await ask(house, "ReplaceRouteTableAssociation", AssociationId=main_association, RouteTableId=two)
        (main,) = (
            await ask(house, "DescribeRouteTables", Filters=filtered(vpc_id=vpc, **{"association.main": "true"}))
        )["RouteTables"]
        assert main["RouteTableId"] == two

    in_sqlite_house(body)


def test_routes(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        vpc, other_vpc = await new_vpc(house), await new_vpc(house, "10.9.0.0/16")
        table, gateway = await new_table(house, vpc), await new_gateway(house, vpc)
        foreign = await new_gateway(house, other_vpc)
        out = {"RouteTableId": table, "DestinationCidrBlock": ANYWHERE}
        assert await ask(house, "CreateRoute", GatewayId=gateway, **out) == {"Return": True}
        assert await ask(house, "CreateRoute", GatewayId=gateway, **out) == {"Return": True}
        for code, route in (
            ("InvalidGatewayID.NotFound", {"GatewayId": "igw-00000000", **out}),
            ("InvalidParameterValue", {"GatewayId": foreign, **out}),
            ("RouteAlreadyExists", {**out, "GatewayId": gateway, "DestinationCidrBlock": "10.0.0.0/16"}),
            ("InvalidParameterValue", {**out, "GatewayId": gateway, "DestinationCidrBlock": "10.0.5.0/24"}),
            ("UnsupportedOperation", {**out, "TransitGatewayId": "tgw-1"}),
            ("MissingParameter", {"RouteTableId": table, "GatewayId": gateway}),
            ("InvalidParameterCombination", out),
        ):
            with refused(code):
                await ask(house, "CreateRoute", **route)
        with refused("InvalidParameterValue"):
            await ask(house, "ReplaceRoute", RouteTableId=table, DestinationCidrBlock="1.0.0.0/8", GatewayId=gateway)
        with refused("InvalidParameterValue"):
            await ask(house, "DeleteRoute", RouteTableId=table, DestinationCidrBlock="10.0.0.0/16")
        await ask(house, "DetachInternetGateway", InternetGatewayId=gateway, VpcId=vpc)
        (shown,) = (await ask(house, "DescribeRouteTables", RouteTableIds=[table]))["RouteTables"]
        assert [route["State"] for route in shown["Routes"]] == ["active", "blackhole"]
        await ask(house, "DeleteRoute", **out)
        with refused("InvalidRoute.NotFound"):
            await ask(house, "DeleteRoute", **out)

    in_sqlite_house(body)


def test_a_nat_gateway_leads_out(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        vpc = await new_vpc(house)
        public, private = await new_subnet(house, vpc), await new_subnet(house, vpc, "10.0.2.0/24")
        address = await ask(house, "AllocateAddress", Domain="vpc")
        allocation = address["AllocationId"]
        with refused("MissingParameter"):
            await ask(house, "CreateNatGateway", SubnetId=public)
        failed = (await ask(house, "CreateNatGateway", SubnetId=public, AllocationId=allocation))["NatGateway"]
        (failed,) = (await ask(house, "DescribeNatGateways", NatGatewayIds=[failed["NatGatewayId"]]))["NatGateways"]
        assert (failed["State"], failed["FailureCode"]) == ("failed", "Gateway.NotAttached")
        gateway = await new_gateway(house, vpc)
        made = await ask(house, "CreateNatGateway", SubnetId=public, AllocationId=allocation, ClientToken="once")
        nat = made["NatGateway"]["NatGatewayId"]
        again = await ask(house, "CreateNatGateway", SubnetId=public, AllocationId=allocation, ClientToken="once")
        assert again["NatGateway"]["NatGatewayId"] == nat
        with refused("Resource.AlreadyAssociated"):
            await ask(house, "CreateNatGateway", SubnetId=public, AllocationId=allocation)
        out = {"DestinationCidrBlock": ANYWHERE}
        inner, outer = await new_table(house, vpc), await new_table(house, vpc)
        await ask(house, "AssociateRouteTable", RouteTableId=inner, SubnetId=private)
        await ask(house, "AssociateRouteTable", RouteTableId=outer, SubnetId=public)
        await ask(house, "CreateRoute", RouteTableId=inner, NatGatewayId=nat, **out)
        # A NAT gateway leads no further than its own subnet.
        assert await led_out(house, private) == ()
        await ask(house, "CreateRoute", RouteTableId=outer, GatewayId=gateway, **out)
        assert await led_out(house, private) == await led_out(house, public) == (ANYWHERE,)
        with refused("InvalidIPAddress.InUse"):
            await ask(house, "ReleaseAddress", AllocationId=allocation)
        with refused("DependencyViolation"):
            await ask(house, "DetachInternetGateway", InternetGatewayId=gateway, VpcId=vpc)
        with refused("DependencyViolation"):
            await ask(house, "DeleteSubnet", SubnetId=public)
        await ask(house, "DeleteNatGateway", NatGatewayId=nat)
        assert await led_out(house, private) == ()
        shown = (await ask(house, "DescribeNatGateways", Filter=filtered(state="deleted")))["NatGateways"]
        assert [each["NatGatewayId"] for each in shown] == [nat]
        assert (await ask(house, "DescribeNetworkInterfaces"))["NetworkInterfaces"] == []
        await ask(house, "ReleaseAddress", AllocationId=allocation)
        with refused("InvalidAllocationID.NotFound"):
            await ask(house, "ReleaseAddress", AllocationId=allocation)

    in_sqlite_house(body)


def test_addresses(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        vpc = await new_vpc(house)
        subnet = await new_subnet(house, vpc)
        made = await ask(house, "CreateNetworkInterface", SubnetId=subnet)
        interface = made["NetworkInterface"]["NetworkInterfaceId"]
        address = await ask(house, "AllocateAddress")
        both = {"AllocationId": address["AllocationId"], "NetworkInterfaceId": interface}
        with refused("Gateway.NotAttached"):
            await ask(house, "AssociateAddress", **both)
        await new_gateway(house, vpc)
        association = (await ask(house, "AssociateAddress", **both))["AssociationId"]
        (shown,) = (await ask(house, "DescribeAddresses", PublicIps=[address["PublicIp"]]))["Addresses"]
        assert (shown["AssociationId"], shown["PrivateIpAddress"]) == (association, "10.0.1.4")
        await ask(house, "DisassociateAddress", AssociationId=association)
        with refused("InvalidAssociationID.NotFound"):
            await ask(house, "DisassociateAddress", AssociationId=association)
        for _ in range(4):
            await ask(house, "AllocateAddress")
        with refused("AddressLimitExceeded"):
            await ask(house, "AllocateAddress")

    in_sqlite_house(body)
