"""Security groups and their rules: said in either way, once only, changed, revoked; and network interfaces in them."""

from typing import Any

from tests.opened_house import ACCOUNT, OpenedHouse
from tests.services.ec2.conftest import InSqliteHouse
from tests.services.ec2.networking import ANYWHERE, ask, filtered, new_group, new_subnet, new_vpc, tcp
from tests.services.refusals import refused

INGRESS, REVOKE = "AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"


async def permissions(house: OpenedHouse, group: str, member: str = "IpPermissions") -> list[dict[str, Any]]:
    (shown,) = (await ask(house, "DescribeSecurityGroups", GroupIds=[group]))["SecurityGroups"]
    found: list[dict[str, Any]] = shown[member]
    return found


def test_groups(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        vpc = await new_vpc(house)
        group = await new_group(house, vpc, "web")
        assert await permissions(house, group) == []
        (egress,) = await permissions(house, group, "IpPermissionsEgress")
        assert (egress["IpProtocol"], egress["IpRanges"]) == ("-1", [{"CidrIp": ANYWHERE}])
        assert "FromPort" not in egress
        for name, code in (
            ("web", "InvalidGroup.Duplicate"),
            ("default", "InvalidGroup.Reserved"),
            ("sg-mine", "InvalidParameterValue"),
            ("naïve", "InvalidParameterValue"),
            ("x" * 256, "InvalidParameterValue"),
        ):
            with refused(code):
                await new_group(house, vpc, name)
        in_default = (await ask(house, "CreateSecurityGroup", GroupName="web", Description="x"))["GroupId"]
        await ask(house, INGRESS, GroupName="web", IpPermissions=tcp(80, block=ANYWHERE))
        assert len(await permissions(house, in_default)) == 1
        await ask(house, "DeleteSecurityGroup", GroupName="web")
        with refused("InvalidGroup.NotFound"):
            await ask(house, "DeleteSecurityGroup", GroupId=in_default)
        own = filtered(vpc_id=vpc, group_name="default")
        (default,) = (await ask(house, "DescribeSecurityGroups", Filters=own))["SecurityGroups"]
        with refused("CannotDelete"):
            await ask(house, "DeleteSecurityGroup", GroupId=default["GroupId"])

    in_sqlite_house(body)


def test_rules(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        vpc = await new_vpc(house)
        group, other = await new_group(house, vpc), await new_group(house, vpc, "other")
        sent = tcp(5432, block="10.1.2.3/16", group=other)
        sent[0]["IpRanges"][0]["Description"] = "the office"
        answer = await ask(house, INGRESS, GroupId=group, IpPermissions=sent)
        rules = answer["SecurityGroupRules"]
        assert [(rule["IsEgress"], rule.get("CidrIpv4"), rule["FromPort"]) for rule in rules] == [
            (False, "10.1.0.0/16", 5432),
            (False, None, 5432),
        ]
        assert rules[1]["ReferencedGroupInfo"] == {"GroupId": other, "UserId": ACCOUNT}
        (shown,) = await permissions(house, group)
        assert shown["IpRanges"] == [{"CidrIp": "10.1.0.0/16", "Description": "the office"}]
        assert shown["UserIdGroupPairs"] == [{"GroupId": other, "UserId": ACCOUNT}]
        told = 'the specified rule "peer: 10.1.0.0/16, TCP, from port: 5432, to port: 5432, ALLOW" already exists'
        with refused("InvalidPermission.Duplicate", told):
            await ask(house, INGRESS, GroupId=group, IpPermissions=tcp(5432, block="10.1.0.0/16"))
        # Other ports, another protocol and the other direction are other rules.
        await ask(house, INGRESS, GroupId=group, IpProtocol="udp", FromPort=5432, ToPort=5432, CidrIp="10.1.0.0/16")
        await ask(house, "AuthorizeSecurityGroupEgress", GroupId=group, IpPermissions=tcp(5432, block="10.1.0.0/16"))
        with refused("DependencyViolation"):
            await ask(house, "DeleteSecurityGroup", GroupId=other)
        await ask(house, REVOKE, GroupId=group, IpPermissions=tcp(5432, group=other))
        with refused("InvalidPermission.NotFound"):
            await ask(house, REVOKE, GroupId=group, IpPermissions=tcp(5432, group=other))
        revoked = await ask(house, REVOKE, GroupId=group, SecurityGroupRuleIds=[rules[0]["SecurityGroupRuleId"]])
        assert [each["CidrIpv4"] for each in revoked["RevokedSecurityGroupRules"]] == ["10.1.0.0/16"]
        with refused("InvalidSecurityGroupRuleId.NotFound"):
            await ask(house, REVOKE, GroupId=group, SecurityGroupRuleIds=[rules[0]["SecurityGroupRuleId"]])
        await ask(house, "DeleteSecurityGroup", GroupId=other)

    in_sqlite_house(body)


def test_rules_that_say_nothing_sensible(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        vpc = await new_vpc(house)
        foreign = await new_group(house, await new_vpc(house, "10.9.0.0/16"))
        group = await new_group(house, vpc)
        block = {"IpRanges": [{"CidrIp": ANYWHERE}]}
        for code, permission in (
            ("MissingParameter", {"FromPort": 1, "ToPort": 1, **block}),
            ("InvalidParameterValue", {"IpProtocol": "tcp", **block}),
            ("InvalidParameterValue", {"IpProtocol": "tcp", "FromPort": 9, "ToPort": 1, **block}),
            ("InvalidParameterValue", {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 65_536, **block}),
            ("InvalidParameterValue", {"IpProtocol": "icmp", "FromPort": 256, "ToPort": -1, **block}),
            ("InvalidParameterValue", {"IpProtocol": "carrier pigeon", **block}),
            ("InvalidParameterValue", {"IpProtocol": "256", **block}),
            ("InvalidParameterValue", {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0"}]}),
            ("InvalidParameterValue", {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::1::"}]}),
            ("InvalidGroup.NotFound", {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": foreign}]}),
            ("InvalidGroup.NotFound", {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupName": "none"}]}),
            ("UnsupportedOperation", {"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": "pl-1"}]}),
            ("MissingParameter", {"IpProtocol": "-1"}),
        ):
            with refused(code):
                await ask(house, INGRESS, GroupId=group, IpPermissions=[permission])
        with refused("InvalidParameterValue"):
            await ask(house, INGRESS, GroupId=group, IpPermissions=[*tcp(1, block=ANYWHERE), *tcp(1, block=ANYWHERE)])
        with refused("MissingParameter"):
            await ask(house, INGRESS, GroupId=group)
        ranges = [{"CidrIp": f"10.{number}.0.0/16"} for number in range(61)]
        with refused("RulesPerSecurityGroupLimitExceeded"):
            await ask(house, INGRESS, GroupId=group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": ranges}])
        assert await permissions(house, group) == []

    in_sqlite_house(body)


def test_rules_are_changed_and_described(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        vpc = await new_vpc(house)
        group = await new_group(house, vpc)
        made = await ask(
            house, INGRESS, GroupId=group, IpPermissions=[*tcp(80, block=ANYWHERE), *tcp(81, block=ANYWHERE)]
        )
        first = made["SecurityGroupRules"][0]["SecurityGroupRuleId"]

        async def change(**rule: Any) -> None:
            update = {"SecurityGroupRuleId": first, "SecurityGroupRule": {"IpProtocol": "tcp", **rule}}
            await ask(house, "ModifySecurityGroupRules", GroupId=group, SecurityGroupRules=[update])

        await change(FromPort=443, ToPort=443, CidrIpv4=ANYWHERE, Description="HTTPS")
        with refused("InvalidPermission.Duplicate"):
            await change(FromPort=81, ToPort=81, CidrIpv4=ANYWHERE)
        (rule,) = (await ask(house, "DescribeSecurityGroupRules", SecurityGroupRuleIds=[first]))["SecurityGroupRules"]
        assert (rule["FromPort"], rule["Description"]) == (443, "HTTPS")
        described = [{"SecurityGroupRuleId": first, "Description": "TLS"}]
        name = "UpdateSecurityGroupRuleDescriptionsIngress"
        await ask(house, name, GroupId=group, SecurityGroupRuleDescriptions=described)
        listed = await ask(house, "DescribeSecurityGroupRules", Filters=filtered(group_id=group))
        assert {each.get("Description") for each in listed["SecurityGroupRules"]} == {None, "TLS"}
        assert len(listed["SecurityGroupRules"]) == 3

    in_sqlite_house(body)


def test_network_interfaces(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        vpc = await new_vpc(house)
        subnet, group = await new_subnet(house, vpc, "10.0.1.0/28"), await new_group(house, vpc)

        async def create(**params: Any) -> dict[str, Any]:
            made: dict[str, Any] = (await ask(house, "CreateNetworkInterface", SubnetId=subnet, **params))[
                "NetworkInterface"
            ]
            return made

        first = await create(Groups=[group], Description="first")
        assert (first["PrivateIpAddress"], first["PrivateDnsName"]) == ("10.0.1.4", "ip-10-0-1-4.ec2.internal")
        assert first["Groups"] == [{"GroupId": group, "GroupName": "group"}]
        assert (await create(PrivateIpAddress="10.0.1.9"))["Groups"][0]["GroupName"] == "default"
        for address, code in (
            ("10.0.1.4", "InvalidIPAddress.InUse"),
            ("10.0.1.3", "InvalidParameterValue"),
            ("10.0.1.15", "InvalidParameterValue"),
            ("10.0.2.4", "InvalidParameterValue"),
            ("here", "InvalidParameterValue"),
        ):
            with refused(code):
                await create(PrivateIpAddress=address)
        once = await create(ClientToken="once")
        assert (await create(ClientToken="once"))["NetworkInterfaceId"] == once["NetworkInterfaceId"]
        for _ in range(8):
            await create()
        with refused("InsufficientFreeAddressesInSubnet"):
            await create()
        interface = first["NetworkInterfaceId"]
        other = await new_group(house, vpc, "other")
        modify = "ModifyNetworkInterfaceAttribute"
        await ask(house, modify, NetworkInterfaceId=interface, Groups=[other, group])
        found = await ask(house, "DescribeNetworkInterfaces", Filters=filtered(group_id=other, status="available"))
        assert [each["NetworkInterfaceId"] for each in found["NetworkInterfaces"]] == [interface]
        with refused("UnsupportedOperation"):
            await ask(house, modify, NetworkInterfaceId=interface, AssociatePublicIpAddress=True)
        with refused("SecurityGroupsPerInterfaceLimitExceeded"):
            more = [await new_group(house, vpc, f"more-{number}") for number in range(6)]
            await ask(house, modify, NetworkInterfaceId=interface, Groups=more)

    in_sqlite_house(body)
