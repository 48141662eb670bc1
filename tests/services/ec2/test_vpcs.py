"""VPCs and subnets: the default one, blocks of addresses, what depends on what, filters and pages."""

from typing import Any

from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.ec2.networking import ARN, ask, filtered, new_gateway, new_group, new_subnet, new_vpc
from tests.services.refusals import refused

from strongroom.operations.registry import OPERATIONS

SERVED = """
AllocateAddress AssociateAddress AssociateRouteTable AttachInternetGateway AuthorizeSecurityGroupEgress
AuthorizeSecurityGroupIngress CreateDefaultSubnet CreateDefaultVpc CreateInternetGateway CreateNatGateway
CreateNetworkInterface CreateRoute CreateRouteTable CreateSecurityGroup CreateSubnet CreateTags CreateVpc
DeleteInternetGateway DeleteNatGateway DeleteNetworkInterface DeleteRoute DeleteRouteTable DeleteSecurityGroup
DeleteSubnet DeleteTags DeleteVpc DescribeAddresses DescribeAddressesAttribute DescribeAvailabilityZones
DescribeInternetGateways DescribeNatGateways DescribeNetworkAcls DescribeNetworkInterfaces DescribeRegions
DescribeRouteTables DescribeSecurityGroupRules DescribeSecurityGroups DescribeSubnets DescribeTags DescribeVpcAttribute
DescribeVpcs DetachInternetGateway DisassociateAddress DisassociateRouteTable ModifyNetworkInterfaceAttribute
ModifySecurityGroupRules ModifySubnetAttribute ModifyVpcAttribute ReleaseAddress ReplaceRoute
ReplaceRouteTableAssociation RevokeSecurityGroupEgress RevokeSecurityGroupIngress
UpdateSecurityGroupRuleDescriptionsEgress UpdateSecurityGroupRuleDescriptionsIngress
"""


def test_what_is_served() -> None:
    assert {name for service, name in OPERATIONS if service == "ec2"} == set(SERVED.split())


def test_the_default_vpc(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        (vpc,) = (await ask(house, "DescribeVpcs"))["Vpcs"]
        assert (vpc["CidrBlock"], vpc["IsDefault"], vpc["State"]) == ("172.31.0.0/16", True, "available")
        subnets = (await ask(house, "DescribeSubnets", Filters=filtered(default_for_az="true")))["Subnets"]
        assert sorted((each["AvailabilityZone"], each["CidrBlock"]) for each in subnets) == [
            ("us-east-1a", "172.31.0.0/20"),
            ("us-east-1b", "172.31.16.0/20"),
            ("us-east-1c", "172.31.32.0/20"),
        ]
        (gateway,) = (await ask(house, "DescribeInternetGateways"))["InternetGateways"]
        (table,) = (await ask(house, "DescribeRouteTables"))["RouteTables"]
        assert [(route["DestinationCidrBlock"], route["GatewayId"]) for route in table["Routes"]] == [
            ("172.31.0.0/16", "local"),
            ("0.0.0.0/0", gateway["InternetGatewayId"]),
        ]
        (group,) = (await ask(house, "DescribeSecurityGroups", GroupNames=["default"]))["SecurityGroups"]
        assert group["IpPermissions"][0]["UserIdGroupPairs"] == [{"GroupId": group["GroupId"], "UserId": ACCOUNT}]
        (acl,) = (await ask(house, "DescribeNetworkAcls"))["NetworkAcls"]
        assert len(acl["Associations"]) == 3
        # Another Region has one of its own; one that was removed does not come back by itself.
        (other,) = (await house.call("ec2", "DescribeVpcs", region="eu-west-1"))["Vpcs"]
        assert other["VpcId"] != vpc["VpcId"]
        with refused("DefaultVpcAlreadyExists"):
            await ask(house, "CreateDefaultVpc")
        await remove_default(house, vpc["VpcId"], gateway["InternetGatewayId"], subnets)
        assert (await ask(house, "DescribeVpcs"))["Vpcs"] == []
        with refused("VPCIdNotSpecified"):
            await ask(house, "CreateSecurityGroup", GroupName="x", Description="x")
        with refused("DefaultVpcDoesNotExist"):
            await ask(house, "CreateDefaultSubnet", AvailabilityZone="us-east-1a")
        assert (await ask(house, "CreateDefaultVpc"))["Vpc"]["IsDefault"]
        with refused("DefaultSubnetAlreadyExistsInAvailabilityZone"):
            await ask(house, "CreateDefaultSubnet", AvailabilityZone="us-east-1a")

    in_house(body)


async def remove_default(house: OpenedHouse, vpc: str, gateway: str, subnets: list[dict[str, Any]]) -> None:
    with refused("DependencyViolation", f"The vpc '{vpc}' has dependencies and cannot be deleted."):
        await ask(house, "DeleteVpc", VpcId=vpc)
    for subnet in subnets:
        await ask(house, "DeleteSubnet", SubnetId=subnet["SubnetId"])
    with refused("DependencyViolation"):
        await ask(house, "DeleteInternetGateway", InternetGatewayId=gateway)
    await ask(house, "DetachInternetGateway", InternetGatewayId=gateway, VpcId=vpc)
    await ask(house, "DeleteInternetGateway", InternetGatewayId=gateway)
    await ask(house, "DeleteVpc", VpcId=vpc)


def test_blocks_of_addresses(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = (await ask(house, "CreateVpc", CidrBlock="10.1.2.3/16"))["Vpc"]
        assert (made["CidrBlock"], made["State"]) == ("10.1.0.0/16", "pending")
        for block, code in (
            ("10.0.0.0/8", "InvalidVpc.Range"),
            ("10.0.0.0/29", "InvalidVpc.Range"),
            ("ten", "InvalidParameterValue"),
            ("10.0.0.0", "InvalidParameterValue"),
        ):
            with refused(code):
                await ask(house, "CreateVpc", CidrBlock=block)
        with refused("MissingParameter"):
            await ask(house, "CreateVpc")
        vpc = made["VpcId"]
        subnet = (await ask(house, "CreateSubnet", VpcId=vpc, CidrBlock="10.1.1.0/28"))["Subnet"]
        assert subnet["AvailableIpAddressCount"] == 11
        assert subnet["SubnetArn"] == f"{ARN}:subnet/{subnet['SubnetId']}"
        for block, code in (
            ("10.1.1.8/29", "InvalidSubnet.Range"),
            ("10.2.0.0/24", "InvalidSubnet.Range"),
            ("10.1.0.0/20", "InvalidSubnet.Conflict"),
        ):
            with refused(code):
                await new_subnet(house, vpc, block)
        with refused("InvalidParameterValue"):
            await new_subnet(house, vpc, "10.1.2.0/24", AvailabilityZone="us-east-1z")
        by_id = await ask(house, "CreateSubnet", VpcId=vpc, CidrBlock="10.1.2.0/24", AvailabilityZoneId="use1-az3")
        assert by_id["Subnet"]["AvailabilityZone"] == "us-east-1c"
        with refused("UnsupportedOperation", "Strongroom does not serve IPv6 yet."):
            await ask(house, "CreateVpc", CidrBlock="10.3.0.0/16", AmazonProvidedIpv6CidrBlock=True)

    in_house(body)


def test_attributes(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        vpc = await new_vpc(house)
        subnet = await new_subnet(house, vpc)

        async def attribute(name: str) -> dict[str, Any]:
            return await ask(house, "DescribeVpcAttribute", VpcId=vpc, Attribute=name)

        assert (await attribute("enableDnsSupport"))["EnableDnsSupport"] == {"Value": True}
        assert (await attribute("enableDnsHostnames"))["EnableDnsHostnames"] == {"Value": False}
        await ask(house, "ModifyVpcAttribute", VpcId=vpc, EnableDnsHostnames={"Value": True})
        assert (await attribute("enableDnsHostnames"))["EnableDnsHostnames"] == {"Value": True}
        with refused("InvalidParameterCombination"):
            both = {"EnableDnsHostnames": {"Value": True}, "EnableDnsSupport": {"Value": True}}
            await ask(house, "ModifyVpcAttribute", VpcId=vpc, **both)
        await ask(house, "ModifySubnetAttribute", SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
        (shown,) = (await ask(house, "DescribeSubnets", SubnetIds=[subnet]))["Subnets"]
        assert shown["MapPublicIpOnLaunch"] is True
        with refused("UnsupportedOperation"):
            await ask(house, "ModifySubnetAttribute", SubnetId=subnet, EnableDns64={"Value": True})

    in_house(body)


def test_filters(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        tags = [{"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "one"}, {"Key": "stage", "Value": "x*y"}]}]
        one, other = await new_vpc(house, TagSpecifications=tags), await new_vpc(house, "10.9.0.0/16")

        async def found(**values: Any) -> set[str]:
            return {vpc["VpcId"] for vpc in (await ask(house, "DescribeVpcs", Filters=filtered(**values)))["Vpcs"]}

        assert await found(cidr="10.*") == {one, other}
        assert await found(cidr=["10.0.?.0/16", "nothing"], is_default="false") == {one}
        assert await found(**{"tag:Name": "o?e"}) == {one}
        assert await found(**{"tag:name": "one"}) == set()
        assert await found(**{"tag:stage": "x\\*y"}) == {one}
        assert await found(**{"tag:stage": "x\\*"}) == set()
        assert await found(tag_key="stage") == {one}
        assert await found(vpc_id="a*" * 40 + "b") == set()
        with refused("InvalidParameterValue", "The filter 'colour' is invalid"):
            await found(colour="red")

    in_house(body)


def test_pages_and_ids(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        vpc = await new_vpc(house)
        made = {await new_subnet(house, vpc, f"10.0.{number}.0/24") for number in range(12)}
        only = {"Filters": filtered(vpc_id=vpc), "MaxResults": 5}
        seen: list[str] = []
        answer = await ask(house, "DescribeSubnets", **only)
        while True:
            seen += [subnet["SubnetId"] for subnet in answer["Subnets"]]
            if "NextToken" not in answer:
                break
            answer = await ask(house, "DescribeSubnets", NextToken=answer["NextToken"], **only)
        assert len(seen) == 12
        assert set(seen) == made
        with refused("InvalidNextToken"):
            await ask(house, "DescribeSubnets", NextToken="abc")
        with refused("InvalidParameterCombination"):
            await ask(house, "DescribeSubnets", SubnetIds=seen[:1], MaxResults=5)
        with refused("InvalidSubnetID.NotFound", "The subnet ID 'subnet-00000000' does not exist"):
            await ask(house, "DescribeSubnets", SubnetIds=[seen[0], "subnet-00000000"])
        with refused("InvalidVpcId.Malformed"):
            await ask(house, "DescribeVpcs", VpcIds=["vpc-zzz"])
        with refused("InvalidVpcID.NotFound"):
            await house.call("ec2", "DescribeVpcs", region="eu-west-1", VpcIds=[vpc])

    in_house(body)


def test_quotas(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        for number in range(4):
            await new_vpc(house, f"10.{number}.0.0/16")
        with refused("VpcLimitExceeded", "The maximum number of VPCs has been reached."):
            await new_vpc(house)

    in_house(body)


def test_what_is_in_a_vpc_keeps_it(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        vpc = await new_vpc(house)
        subnet = await new_subnet(house, vpc)
        group = await new_group(house, vpc)
        made = await ask(house, "CreateNetworkInterface", SubnetId=subnet, Groups=[group])
        interface = made["NetworkInterface"]["NetworkInterfaceId"]
        table = (await ask(house, "CreateRouteTable", VpcId=vpc))["RouteTable"]["RouteTableId"]
        gateway = await new_gateway(house, vpc)
        with refused("DependencyViolation", f"resource {group} has a dependent object"):
            await ask(house, "DeleteSecurityGroup", GroupId=group)
        with refused("DependencyViolation", f"The subnet '{subnet}' has dependencies and cannot be deleted."):
            await ask(house, "DeleteSubnet", SubnetId=subnet)
        for operation, params in (
            ("DeleteNetworkInterface", {"NetworkInterfaceId": interface}),
            ("DeleteSubnet", {"SubnetId": subnet}),
            ("DeleteSecurityGroup", {"GroupId": group}),
            ("DetachInternetGateway", {"InternetGatewayId": gateway, "VpcId": vpc}),
            ("DeleteRouteTable", {"RouteTableId": table}),
        ):
            with refused("DependencyViolation"):
                await ask(house, "DeleteVpc", VpcId=vpc)
            await ask(house, operation, **params)
        await ask(house, "DeleteVpc", VpcId=vpc)
        with refused("InvalidVpcID.NotFound"):
            await ask(house, "DeleteVpc", VpcId=vpc)

    in_house(body)
