"""Security groups. Source: Amazon EC2 API Reference, the actions on security groups; Amazon VPC User Guide, "Security
groups"."""

from collections.abc import Iterable, Mapping
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer
from strongroom.services.ec2 import errors
from strongroom.services.ec2.access import found, inventory_of, made, named
from strongroom.services.ec2.building import DEFAULT_GROUP, build_security_group
from strongroom.services.ec2.inventory import Inventory, Resource
from strongroom.services.ec2.kinds import NETWORK_INTERFACE, SECURITY_GROUP, SECURITY_GROUP_RULE, VPC
from strongroom.services.ec2.listing import Listing, Values, attribute, describe
from strongroom.services.ec2.permissions import allowed_text, permissions_of
from strongroom.services.ec2.quotas import SECURITY_GROUPS_QUOTA, must_have_room
from strongroom.services.ec2.served import change, ec2_operation
from strongroom.services.ec2.tag_specifications import shown_tags, specified_tags
from strongroom.storage.connection import Connection


def meant_group(inventory: Inventory, params: Mapping[str, Any]) -> Resource:
    """Return the group that a request names by `GroupId`, or by `GroupName` in the default VPC. Raises AwsError."""
    if params.get("GroupId"):
        return inventory.get(SECURITY_GROUP, params["GroupId"])
    if not params.get("GroupName"):
        raise AwsError("MissingParameter", "The request must contain the parameter groupName or groupId")
    vpc = inventory.default_vpc()
    for group in inventory.within(SECURITY_GROUP, vpc.id) if vpc is not None else ():
        if group["GroupName"] == params["GroupName"]:
            return group
    name = str(params["GroupName"])[:255]
    where = vpc.id if vpc is not None else "null"
    raise AwsError("InvalidGroup.NotFound", f"The security group '{name}' does not exist in default VPC '{where}'")


def _named_groups(inventory: Inventory, params: Mapping[str, Any]) -> Iterable[str]:
    if params.get("GroupId"):
        return (params["GroupId"],)
    try:
        return (meant_group(inventory, params).id,)
    except AwsError:
        # One that is not there: whoever may not use every group is told no more.
        return ("*",)


THE_GROUP = found(SECURITY_GROUP, _named_groups)
"""The group that a request names by id or by name."""


def shown_group(inventory: Inventory, group: Resource) -> dict[str, Any]:
    """Return a security group as answers show it."""
    rules = inventory.rules_of(group.id)
    return {
        "GroupId": group.id,
        "GroupName": group["GroupName"],
        "Description": group["Description"],
        "OwnerId": group.account_id,
        "VpcId": group.vpc_id,
        "SecurityGroupArn": group.arn,
        "IpPermissions": permissions_of(rule.attributes for rule in rules if not rule["IsEgress"]),
        "IpPermissionsEgress": permissions_of(rule.attributes for rule in rules if rule["IsEgress"]),
        "Tags": shown_tags(group.tags),
    }


def _of_rules(is_egress: bool, value: Any) -> Values:
    def values(inventory: Inventory, group: Resource) -> Iterable[object]:
        return [value(rule) for rule in inventory.rules_of(group.id) if rule["IsEgress"] == is_egress]

    return values


def _referenced_name(inventory: Inventory, group: Resource, is_egress: bool) -> Iterable[object]:
    for rule in inventory.rules_of(group.id):
        if rule["IsEgress"] == is_egress and rule.get("ReferencedGroupInfo"):
            other = inventory.find(SECURITY_GROUP, rule["ReferencedGroupInfo"]["GroupId"])
            yield other["GroupName"] if other is not None else None


def _permission_filters(prefix: str, is_egress: bool) -> dict[str, Values]:
    def port(name: str) -> Any:
        return lambda rule: None if rule["IpProtocol"] == "-1" else rule[name]

    return {
        f"{prefix}.cidr": _of_rules(is_egress, lambda rule: rule.get("CidrIpv4")),
        f"{prefix}.ipv6-cidr": _of_rules(is_egress, lambda rule: rule.get("CidrIpv6")),
        f"{prefix}.from-port": _of_rules(is_egress, port("FromPort")),
        f"{prefix}.to-port": _of_rules(is_egress, port("ToPort")),
        f"{prefix}.protocol": _of_rules(is_egress, lambda rule: rule["IpProtocol"]),
        f"{prefix}.group-id": _of_rules(is_egress, lambda rule: (rule.get("ReferencedGroupInfo") or {}).get("GroupId")),
        f"{prefix}.user-id": _of_rules(is_egress, lambda rule: (rule.get("ReferencedGroupInfo") or {}).get("UserId")),
        f"{prefix}.group-name": lambda inventory, group: _referenced_name(inventory, group, is_egress),
        f"{prefix}.prefix-list-id": lambda inventory, group: (),
    }


SECURITY_GROUPS = Listing(
    kind=SECURITY_GROUP,
    member="SecurityGroups",
    ids="GroupIds",
    show=shown_group,
    filters={
        "description": attribute("Description"),
        "group-id": lambda inventory, group: (group.id,),
        "group-name": attribute("GroupName"),
        "owner-id": lambda inventory, group: (group.account_id,),
        "vpc-id": attribute("VpcId"),
        **_permission_filters("ip-permission", False),
        **_permission_filters("egress.ip-permission", True),
    },
)


@ec2_operation("CreateSecurityGroup", made(SECURITY_GROUP), named(VPC, "VpcId"))
async def create_security_group(call: Call) -> Answer:
    """Make a group that lets everything out and nothing in. Source: API Reference, CreateSecurityGroup."""
    params = call.params
    name = allowed_text(params["GroupName"], "groupName")
    description = allowed_text(params["Description"], "groupDescription")
    if not name:
        raise errors.missing("groupName")
    if not description:
        raise errors.missing("groupDescription")
    if name.lower().startswith("sg-"):
        raise errors.invalid_value(name, "groupName", "Group names may not be in the format sg-*.")
    if name.lower() == DEFAULT_GROUP:
        raise AwsError("InvalidGroup.Reserved", "Cannot use reserved security group name: default")
    tags = specified_tags(params, SECURITY_GROUP)[SECURITY_GROUP.name]

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        vpc = inventory.get(VPC, params["VpcId"]) if params.get("VpcId") else inventory.default_vpc()
        if vpc is None:
            raise errors.no_default_vpc()
        if any(group["GroupName"] == name for group in inventory.within(SECURITY_GROUP, vpc.id)):
            raise AwsError("InvalidGroup.Duplicate", f"The security group '{name}' already exists for VPC '{vpc.id}'")
        must_have_room(call, SECURITY_GROUPS_QUOTA, len(inventory.all(SECURITY_GROUP)))
        group = build_security_group(inventory, vpc, name, description, tags)
        return {"GroupId": group.id, "SecurityGroupArn": group.arn, "Tags": shown_tags(tags)}

    return await change(call, write)


@ec2_operation("DescribeSecurityGroups", reads_only=True)
async def describe_security_groups(call: Call) -> Answer:
    """List security groups; `GroupNames` mean the default VPC. Source: API Reference, DescribeSecurityGroups."""
    names = call.params.get("GroupNames") or ()

    def read(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        named_ids = [meant_group(inventory, {"GroupName": name}).id for name in names]
        return describe(call, SECURITY_GROUPS, named_ids)(connection)

    return await call.read(read)


@ec2_operation("DeleteSecurityGroup", THE_GROUP)
async def delete_security_group(call: Call) -> Answer:
    """Remove a group that nothing is a member of or refers to. Source: API Reference, DeleteSecurityGroup."""

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        group = meant_group(inventory, call.params)
        if group["GroupName"] == DEFAULT_GROUP:
            raise AwsError(
                "CannotDelete", f'the specified group: "{group.id}" name: "default" cannot be deleted by a user'
            )
        has_members = any(group.id in each["Groups"] for each in inventory.within(NETWORK_INTERFACE, group.vpc_id))
        is_referred_to = any(
            (rule.get("ReferencedGroupInfo") or {}).get("GroupId") == group.id and rule["GroupId"] != group.id
            for rule in inventory.all(SECURITY_GROUP_RULE)
        )
        if has_members or is_referred_to:
            raise errors.dependency(f"resource {group.id} has a dependent object")
        for rule in inventory.rules_of(group.id):
            inventory.remove(rule)
        inventory.remove(group)
        return {"Return": True, "GroupId": group.id}

    return await change(call, write)
