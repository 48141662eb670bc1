"""Rules of security groups: allowed, revoked, changed. Source: Amazon EC2 API Reference, the actions on rules."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer
from strongroom.services.ec2 import errors
from strongroom.services.ec2.access import Subject, found, inventory_of, made_along, named
from strongroom.services.ec2.building import build_rule
from strongroom.services.ec2.inventory import Inventory, Resource
from strongroom.services.ec2.kinds import SECURITY_GROUP, SECURITY_GROUP_RULE
from strongroom.services.ec2.listing import Listing, attribute, describe
from strongroom.services.ec2.permissions import (
    Rule,
    is_same,
    old_style,
    requested_rule,
    rules_in,
    told,
)
from strongroom.services.ec2.quotas import RULES_QUOTA, must_have_room
from strongroom.services.ec2.security_groups import THE_GROUP, meant_group
from strongroom.services.ec2.served import change, ec2_operation
from strongroom.services.ec2.tag_specifications import shown_tags, specified_tags
from strongroom.storage.connection import Connection

_PEER_MEMBERS = ("CidrIpv4", "CidrIpv6", "ReferencedGroupInfo")
_SHOWN = ("GroupId", "IsEgress", "IpProtocol", "FromPort", "ToPort", "Description", *_PEER_MEMBERS)


def shown_rule(inventory: Inventory, rule: Resource) -> dict[str, Any]:
    """Return a rule as answers show it."""
    return {name: rule[name] for name in _SHOWN if rule.get(name) is not None} | {
        "SecurityGroupRuleId": rule.id,
        "SecurityGroupRuleArn": rule.arn,
        "GroupOwnerId": rule.account_id,
        "Tags": shown_tags(rule.tags),
    }


RULES = Listing(
    kind=SECURITY_GROUP_RULE,
    member="SecurityGroupRules",
    ids="SecurityGroupRuleIds",
    show=shown_rule,
    filters={
        "group-id": attribute("GroupId"),
        "security-group-rule-id": lambda inventory, rule: (rule.id,),
    },
)


def _sent_permissions(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    permissions = old_style(params)
    if not permissions:
        raise errors.missing("ipPermissions")
    return permissions


def _authorize(is_egress: bool) -> Callable[[Call], Any]:
    async def authorize(call: Call) -> Answer:
        """Add rules to a security group."""
        params = call.params
        permissions = _sent_permissions(params)
        tags = specified_tags(params, SECURITY_GROUP_RULE)[SECURITY_GROUP_RULE.name]

        def write(connection: Connection) -> Answer:
            inventory = inventory_of(call, connection)
            group = meant_group(inventory, params)
            present = [rule for rule in inventory.rules_of(group.id) if rule["IsEgress"] == is_egress]
            wanted = rules_in(inventory, group, permissions)
            _must_be_new(wanted, present)
            must_have_room(call, RULES_QUOTA, len(present), len(wanted))
            rules = [_add(inventory, group, is_egress, each, tags) for each in wanted]
            return {"Return": True, "SecurityGroupRules": [shown_rule(inventory, rule) for rule in rules]}

        return await change(call, write)

    return authorize


def _must_be_new(wanted: list[Rule], present: Iterable[Resource]) -> None:
    """Raise AwsError for a rule that is there already, and for one that is asked for twice."""
    for index, rule in enumerate(wanted):
        if any(is_same(rule, other) for other in wanted[:index]):
            raise errors.invalid("The same permission must not appear multiple times")
        if any(is_same(rule, other.attributes) for other in present):
            raise AwsError("InvalidPermission.Duplicate", f"the specified rule {told(rule)} already exists")


def _add(inventory: Inventory, group: Resource, is_egress: bool, rule: Rule, tags: Mapping[str, str]) -> Resource:
    peer = {name: rule[name] for name in (*_PEER_MEMBERS, "Description") if name in rule}
    ports = rule["FromPort"], rule["ToPort"]
    return build_rule(
        inventory, group, is_egress=is_egress, protocol=rule["IpProtocol"], ports=ports, peer=peer, tags=tags
    )


def _revoke(is_egress: bool) -> Callable[[Call], Any]:
    async def revoke(call: Call) -> Answer:
        """Take rules out of a security group."""
        params = call.params
        rule_ids = params.get("SecurityGroupRuleIds") or []
        permissions = old_style(params)
        if rule_ids and permissions:
            raise errors.combination("Specify either security group rule IDs or IP permissions, not both.")
        if not rule_ids:
            permissions = _sent_permissions(params)

        def write(connection: Connection) -> Answer:
            inventory = inventory_of(call, connection)
            group = meant_group(inventory, params)
            present = [rule for rule in inventory.rules_of(group.id) if rule["IsEgress"] == is_egress]
            if rule_ids:
                gone = [_rule_of(inventory, group, is_egress, rule_id) for rule_id in dict.fromkeys(rule_ids)]
            else:
                gone = [_matching(present, each) for each in rules_in(inventory, group, permissions)]
            for rule in gone:
                inventory.remove(rule)
            return {"Return": True, "RevokedSecurityGroupRules": [_revoked(rule) for rule in gone]}

        return await change(call, write)

    return revoke


def _rule_of(inventory: Inventory, group: Resource, is_egress: bool, rule_id: str) -> Resource:
    rule = inventory.get(SECURITY_GROUP_RULE, rule_id)
    if rule["GroupId"] != group.id or rule["IsEgress"] != is_egress:
        raise SECURITY_GROUP_RULE.not_found(rule_id)
    return rule


def _matching(present: Iterable[Resource], wanted: Rule) -> Resource:
    for rule in present:
        if is_same(rule.attributes, wanted):
            return rule
    raise AwsError("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")


def _revoked(rule: Resource) -> dict[str, Any]:
    kept = ("GroupId", "IsEgress", "IpProtocol", "FromPort", "ToPort", "CidrIpv4", "CidrIpv6", "Description")
    shown = {name: rule[name] for name in kept if rule.get(name) is not None}
    if rule.get("ReferencedGroupInfo"):
        shown["ReferencedGroupId"] = rule["ReferencedGroupInfo"]["GroupId"]
    return shown | {"SecurityGroupRuleId": rule.id}


def _described(is_egress: bool) -> Callable[[Call], Any]:
    async def update(call: Call) -> Answer:
        """Describe rules of a security group anew."""
        params = call.params
        by_id = params.get("SecurityGroupRuleDescriptions") or []
        permissions = params.get("IpPermissions") or []
        if bool(by_id) == bool(permissions):
            raise errors.combination("Specify either security group rule descriptions or IP permissions.")

        def write(connection: Connection) -> Answer:
            inventory = inventory_of(call, connection)
            group = meant_group(inventory, params)
            present = [rule for rule in inventory.rules_of(group.id) if rule["IsEgress"] == is_egress]
            for each in by_id:
                rule = _rule_of(inventory, group, is_egress, each.get("SecurityGroupRuleId") or "")
                _describe_anew(inventory, rule, each.get("Description"))
            for wanted in rules_in(inventory, group, permissions):
                _describe_anew(inventory, _matching(present, wanted), wanted.get("Description"))
            return {"Return": True}

        return await change(call, write)

    return update


def _describe_anew(inventory: Inventory, rule: Resource, description: str | None) -> None:
    rule.attributes["Description"] = description or None
    inventory.save(rule)


for _name, _is_egress in (("Ingress", False), ("Egress", True)):
    _group: Subject = THE_GROUP
    ec2_operation(f"AuthorizeSecurityGroup{_name}", _group, made_along(SECURITY_GROUP_RULE))(_authorize(_is_egress))
    ec2_operation(f"RevokeSecurityGroup{_name}", _group)(_revoke(_is_egress))
    ec2_operation(f"UpdateSecurityGroupRuleDescriptions{_name}", _group)(_described(_is_egress))


@ec2_operation("DescribeSecurityGroupRules", reads_only=True)
async def describe_security_group_rules(call: Call) -> Answer:
    """List rules. Source: API Reference, DescribeSecurityGroupRules."""
    return await call.read(describe(call, RULES))


def _changed_rules(inventory: Inventory, params: Mapping[str, Any]) -> Iterable[str]:
    return [each.get("SecurityGroupRuleId") or "" for each in params["SecurityGroupRules"]]


@ec2_operation("ModifySecurityGroupRules", named(SECURITY_GROUP, "GroupId"), found(SECURITY_GROUP_RULE, _changed_rules))
async def modify_security_group_rules(call: Call) -> Answer:
    """Have rules of a group allow something else. Source: API Reference, ModifySecurityGroupRules."""

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        group = inventory.get(SECURITY_GROUP, call.params["GroupId"])
        for each in call.params["SecurityGroupRules"]:
            rule = inventory.get(SECURITY_GROUP_RULE, each.get("SecurityGroupRuleId") or "")
            if rule["GroupId"] != group.id:
                raise SECURITY_GROUP_RULE.not_found(rule.id)
            wanted = requested_rule(inventory, group, each.get("SecurityGroupRule") or {})
            siblings = [
                other
                for other in inventory.rules_of(group.id)
                if other.id != rule.id and other["IsEgress"] == rule["IsEgress"]
            ]
            _must_be_new([wanted], siblings)
            kept = {name: rule[name] for name in ("GroupId", "VpcId", "IsEgress")}
            rule.attributes = kept | wanted
            inventory.save(rule)
        return {"Return": True}

    return await change(call, write)
