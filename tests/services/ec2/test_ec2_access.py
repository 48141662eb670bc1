"""Who may do what to which network; trials; tags, when something is made and later."""

from typing import Any

from tests.identities_made import Identities, Made, allow
from tests.opened_house import OpenedHouse
from tests.services.ec2.conftest import InSqliteHouse
from tests.services.ec2.networking import ARN, ask, filtered, new_group, new_subnet, new_vpc, tcp
from tests.services.refusals import refused

from strongroom.operations.registry import OPERATIONS
from strongroom.policy_check.vocabulary.services import service_names

DENIED = "UnauthorizedOperation"


async def as_user(house: OpenedHouse, made: Made, operation: str, **params: Any) -> dict[str, Any]:
    found = await house.house.principals.find(made.access_key_id, None)
    assert found is not None
    return await house.call("ec2", operation, caller=found.caller, **params)


def test_a_resource_is_allowed_by_its_arn(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        vpc, other = await new_vpc(house), await new_vpc(house, "10.9.0.0/16")
        within = [allow("ec2:CreateSubnet", [f"{ARN}:vpc/{vpc}", f"{ARN}:subnet/*"])]
        user = await Identities(house.house).user("ann", *within)
        await as_user(house, user, "CreateSubnet", VpcId=vpc, CidrBlock="10.0.5.0/24")
        with refused(DENIED):
            await as_user(house, user, "CreateSubnet", VpcId=other, CidrBlock="10.9.5.0/24")
        # Whether it is there is told to nobody who may not use it.
        with refused(DENIED):
            await as_user(house, user, "DeleteVpc", VpcId="vpc-00000000")
        with refused(DENIED):
            await as_user(house, user, "DescribeVpcs")

    in_sqlite_house(body)


def test_condition_keys(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        vpc, other = await new_vpc(house), await new_vpc(house, "10.9.0.0/16")
        group = await new_group(house, vpc, TagSpecifications=tagged("security-group", team="red"))
        foreign = await new_group(house, other)
        in_vpc = {"ArnEquals": {"ec2:Vpc": f"{ARN}:vpc/{vpc}"}}
        identities = Identities(house.house)
        by_vpc = await identities.user("by-vpc", allow("ec2:*SecurityGroup*", "*", Condition=in_vpc))
        of_red = {"StringEquals": {"aws:ResourceTag/team": "red"}}
        by_tag = await identities.user("by-tag", allow("ec2:DeleteSecurityGroup", "*", Condition=of_red))
        rules = tcp(80, block="10.0.0.0/8")
        await as_user(house, by_vpc, "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=rules)
        with refused(DENIED):
            await as_user(house, by_vpc, "AuthorizeSecurityGroupIngress", GroupId=foreign, IpPermissions=rules)
        with refused(DENIED):
            await as_user(house, by_tag, "DeleteSecurityGroup", GroupId=foreign)
        await as_user(house, by_tag, "DeleteSecurityGroup", GroupId=group)
        here = {"StringEquals": {"ec2:Region": "us-east-1"}}
        by_region = await identities.user("by-region", allow("ec2:DescribeVpcs", "*", Condition=here))
        await as_user(house, by_region, "DescribeVpcs")

    in_sqlite_house(body)


def tagged(kind: str, **tags: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]


def test_tags_of_what_is_made_take_a_permission_of_their_own(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        identities = Identities(house.house)
        create = allow("ec2:CreateVpc", f"{ARN}:vpc/*")
        when_made = {"StringEquals": {"ec2:CreateAction": "CreateVpc"}}
        tag = allow("ec2:CreateTags", f"{ARN}:vpc/*", Condition=when_made)
        without = await identities.user("without", create)
        plain = await identities.user("plain", create, tag)
        red = {"StringEquals": {"aws:RequestTag/team": "red"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}
        only_red = await identities.user("red", allow("ec2:CreateVpc", "*", Condition=red), tag)
        with refused(DENIED):
            await as_user(
                house, without, "CreateVpc", CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc", team="red")
            )
        made = await as_user(
            house, plain, "CreateVpc", CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc", team="blue")
        )
        with refused(DENIED):
            await as_user(
                house, plain, "CreateTags", Resources=[made["Vpc"]["VpcId"]], Tags=[{"Key": "team", "Value": "red"}]
            )
        for tags in ({}, {"team": "blue"}, {"team": "red", "other": "x"}):
            with refused(DENIED):
                more = {"TagSpecifications": tagged("vpc", **tags)} if tags else {}
                await as_user(house, only_red, "CreateVpc", CidrBlock="10.0.0.0/16", **more)
        await as_user(
            house, only_red, "CreateVpc", CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc", team="red")
        )

    in_sqlite_house(body)


def test_trials(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        user = await Identities(house.house).user("ann", allow("ec2:CreateVpc"))
        with refused("DryRunOperation", "Request would have succeeded, but DryRun flag is set."):
            await as_user(house, user, "CreateVpc", CidrBlock="10.0.0.0/16", DryRun=True)
        with refused(DENIED):
            await as_user(house, user, "DescribeVpcs", DryRun=True)
        assert len((await ask(house, "DescribeVpcs"))["Vpcs"]) == 1

    in_sqlite_house(body)


def test_tags(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        vpc = await new_vpc(house)
        subnet = await new_subnet(house, vpc, TagSpecifications=tagged("subnet", Name="a"))
        both = {"Resources": [vpc, subnet], "Tags": [{"Key": "stage", "Value": "test"}]}
        await ask(house, "CreateTags", **both)
        shown = (await ask(house, "DescribeTags", Filters=filtered(resource_id=[vpc, subnet])))["Tags"]
        assert {(tag["ResourceType"], tag["Key"], tag["Value"]) for tag in shown} == {
            ("vpc", "stage", "test"),
            ("subnet", "stage", "test"),
            ("subnet", "Name", "a"),
        }
        await ask(house, "DeleteTags", Resources=[subnet], Tags=[{"Key": "stage", "Value": "other"}, {"Key": "Name"}])
        left = (await ask(house, "DescribeTags", Filters=filtered(resource_type="subnet")))["Tags"]
        assert [(tag["Key"], tag["Value"]) for tag in left] == [("stage", "test")]
        for code, key in (("InvalidParameterValue", "aws:mine"), ("InvalidParameterValue", "x" * 129)):
            with refused(code):
                await ask(house, "CreateTags", Resources=[vpc], Tags=[{"Key": key, "Value": "x"}])
        with refused("TagLimitExceeded"):
            many = [{"Key": f"key-{number}", "Value": "x"} for number in range(50)]
            await ask(house, "CreateTags", Resources=[vpc], Tags=many)
        with refused("InvalidID"):
            await ask(house, "CreateTags", Resources=["i-0123456789abcdef0"], Tags=[{"Key": "a", "Value": "b"}])
        with refused("InvalidParameterValue", "'subnet' is not a valid taggable resource type for this operation."):
            await new_vpc(house, "10.8.0.0/16", TagSpecifications=tagged("subnet", Name="a"))

    in_sqlite_house(body)


def test_actions_are_those_that_aws_has() -> None:
    names = service_names("ec2")
    assert names is not None
    for service, name in OPERATIONS:
        if service == "ec2":
            assert name.lower() in names.actions, name


def test_regions_and_zones(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        zones = (await ask(house, "DescribeAvailabilityZones", Filters=filtered(state="available")))[
            "AvailabilityZones"
        ]
        assert [(zone["ZoneName"], zone["ZoneId"]) for zone in zones] == [
            ("us-east-1a", "use1-az1"),
            ("us-east-1b", "use1-az2"),
            ("us-east-1c", "use1-az3"),
        ]
        elsewhere = await house.call("ec2", "DescribeAvailabilityZones", region="ap-southeast-2", ZoneIds=["apse2-az1"])
        assert elsewhere["AvailabilityZones"][0]["ZoneName"] == "ap-southeast-2a"
        regions = (await ask(house, "DescribeRegions", RegionNames=["eu-west-1"]))["Regions"]
        assert [region["Endpoint"] for region in regions] == ["ec2.eu-west-1.amazonaws.com"]
        with refused("InvalidParameterValue"):
            await ask(house, "DescribeRegions", RegionNames=["moon-1"])
        odd = await house.call("ec2", "DescribeAvailabilityZones", region="moon")
        assert len(odd["AvailabilityZones"]) == 3

    in_sqlite_house(body)
