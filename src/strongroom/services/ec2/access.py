"""What EC2 operations need: one action on each of the resources that they are about.

Whether a resource is there is told to nobody who may not use it: its ARN follows from its id. What a request makes has
an ARN that ends in `*`; to tag it in the same request takes `ec2:CreateTags` besides.

Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon EC2"; Amazon EC2 User
Guide, "Grant permission to tag Amazon EC2 resources during creation".
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from strongroom.operations.authorize import ConditionValue, Requirement
from strongroom.operations.call import Call
from strongroom.operations.conditions import REQUEST_TAG, tag_value
from strongroom.operations.registry import Needs
from strongroom.operations.trail import Resource as AuditedResource
from strongroom.services.ec2.inventory import Inventory, Resource, arn_of
from strongroom.services.ec2.kinds import NETWORK_INTERFACE, SECURITY_GROUP, SUBNET, VPC, Kind

Named = Callable[[Inventory, Mapping[str, Any]], Iterable[str]]
"""Finds the ids of the resources that a request names, there or not."""

_RESOURCE_TAGS = ("aws:resourcetag/", "ec2:resourcetag/")
_TYPES = {
    "vpc": "AWS::EC2::VPC",
    "subnet": "AWS::EC2::Subnet",
    "security-group": "AWS::EC2::SecurityGroup",
    "security-group-rule": "AWS::EC2::SecurityGroupRule",
    "route-table": "AWS::EC2::RouteTable",
    "internet-gateway": "AWS::EC2::InternetGateway",
    "natgateway": "AWS::EC2::NatGateway",
    "elastic-ip": "AWS::EC2::EIP",
    "network-interface": "AWS::EC2::NetworkInterface",
    "network-acl": "AWS::EC2::NetworkAcl",
}
_ID_KEYS = {
    "vpc": "ec2:vpcid",
    "subnet": "ec2:subnetid",
    "security-group": "ec2:securitygroupid",
    "route-table": "ec2:routetableid",
    "internet-gateway": "ec2:internetgatewayid",
    "network-interface": "ec2:networkinterfaceid",
    "network-acl": "ec2:networkaclid",
    "elastic-ip": "ec2:allocationid",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """Resources that an operation is about. `named` is None for one that it makes.

    `needs_action` is false for what comes into being with something else: making it takes no permission of its own.
    """

    kind: Kind
    named: Named | None = None
    needs_action: bool = True


def made(kind: Kind) -> Subject:
    """Declare that an operation makes a resource of a kind."""
    return Subject(kind)


def made_along(kind: Kind) -> Subject:
    """Declare that an operation makes resources of a kind as parts of another, which only tags are a matter of."""
    return Subject(kind, needs_action=False)


def named(kind: Kind, *members: str) -> Subject:
    """Declare that a request names resources of a kind, by members that hold an id or a list of ids."""

    def find(inventory: Inventory, params: Mapping[str, Any]) -> Iterable[str]:
        for member in members:
            value = params.get(member)
            if value:
                yield from [value] if isinstance(value, str) else value

    return Subject(kind, find)


def found(kind: Kind, find: Named) -> Subject:
    """Declare that resources of a kind are found from what a request says."""
    return Subject(kind, find)


def account_wide(action: str) -> Needs:
    """Declare an operation about no resource."""

    async def needs(call: Call) -> Sequence[Requirement]:
        own = {"ec2:region": call.region}
        return (Requirement(action=action, resource="*", account_id=call.account_id, conditions=own.get),)

    return needs


def about(action: str, *subjects: Subject) -> Needs:
    """Declare an operation about resources, by what the request says of them."""

    async def needs(call: Call) -> Sequence[Requirement]:
        return await call.read(lambda connection: _requirements(inventory_of(call, connection), call, action, subjects))

    return needs


def inventory_of(call: Call, connection: Any) -> Inventory:
    """Return what the caller's account has in the call's Region."""
    return Inventory(connection, call.account_id, call.region, call.now)


def _requirements(
    inventory: Inventory, call: Call, action: str, subjects: Sequence[Subject]
) -> tuple[Requirement, ...]:
    params = call.params
    needed: list[Requirement] = []
    for subject in subjects:
        if subject.named is None and not subject.needs_action:
            continue
        if subject.named is None:
            needed.append(_of_made(inventory, call, action, subject.kind))
        else:
            for resource_id in dict.fromkeys(subject.named(inventory, params)):
                needed.append(_of_named(inventory, call, action, subject.kind, resource_id))
    for specification in params.get("TagSpecifications") or ():
        made_kinds = {subject.kind.name: subject.kind for subject in subjects if subject.named is None}
        kind = made_kinds.get(specification.get("ResourceType") or "")
        if kind is not None:
            needed.append(_of_made(inventory, call, "ec2:CreateTags", kind))
    if not needed:
        # It names nothing that there could be. That is told to those who may do this to everything.
        needed.append(Requirement(action=action, resource="*", account_id=call.account_id))
    return tuple(needed)


def _of_named(inventory: Inventory, call: Call, action: str, kind: Kind, resource_id: str) -> Requirement:
    resource = inventory.find(kind, resource_id) if "\0" not in resource_id else None
    arn = arn_of(kind, call.account_id, call.region, resource_id)
    own = _own_of(inventory, resource) if resource is not None else {}
    tags = resource.tags if resource is not None else {}
    return Requirement(
        action=action,
        resource=arn,
        account_id=call.account_id,
        conditions=_conditions(call, kind, own | _of_id(kind, resource_id), tags),
        audited=AuditedResource(arn, call.account_id, _TYPES[kind.name]),
    )


def _of_made(inventory: Inventory, call: Call, action: str, kind: Kind) -> Requirement:
    own: dict[str, ConditionValue] = {}
    if action == "ec2:CreateTags":
        own["ec2:createaction"] = call.operation.name
    elif kind is not VPC:
        own = _of_place(inventory, call, call.params)
    if kind is VPC:
        own["ec2:tenancy"] = call.params.get("InstanceTenancy") or "default"
    return Requirement(
        action=action,
        resource=arn_of(kind, call.account_id, call.region, "*"),
        account_id=call.account_id,
        conditions=_conditions(call, kind, own, {}),
    )


def _of_id(kind: Kind, resource_id: str) -> dict[str, ConditionValue]:
    key = _ID_KEYS.get(kind.name)
    return {} if key is None else {key: resource_id}


def _of_place(inventory: Inventory, call: Call, where: Mapping[str, Any]) -> dict[str, ConditionValue]:
    """Return the values of the keys that tell where something is, or is to be."""
    own: dict[str, ConditionValue] = {}
    subnet = inventory.find(SUBNET, where["SubnetId"]) if where.get("SubnetId") else None
    vpc_id = subnet.vpc_id if subnet is not None else where.get("VpcId")
    if vpc_id:
        own["ec2:vpc"] = arn_of(VPC, call.account_id, call.region, vpc_id)
    if subnet is not None:
        own["ec2:subnet"] = subnet.arn
        own["ec2:availabilityzone"] = subnet["AvailabilityZone"]
    elif where.get("AvailabilityZone"):
        own["ec2:availabilityzone"] = where["AvailabilityZone"]
    return own


def _own_of(inventory: Inventory, resource: Resource) -> dict[str, ConditionValue]:
    own: dict[str, ConditionValue] = {}
    kind = resource.kind
    if kind is VPC:
        own["ec2:tenancy"] = resource["InstanceTenancy"]
    elif resource.vpc_id:
        own["ec2:vpc"] = arn_of(VPC, resource.account_id, resource.region, resource.vpc_id)
    for name, key in (("AvailabilityZone", "ec2:availabilityzone"), ("PublicIp", "ec2:publicipaddress")):
        if resource.get(name):
            own[key] = resource[name]
    if kind is NETWORK_INTERFACE:
        own["ec2:subnet"] = arn_of(SUBNET, resource.account_id, resource.region, resource["SubnetId"])
    if kind is SECURITY_GROUP:
        own["ec2:securitygroupid"] = resource.id
    return own


def _conditions(
    call: Call, kind: Kind, own: Mapping[str, ConditionValue], tags: Mapping[str, str]
) -> Callable[[str], ConditionValue]:
    sent = _sent_tags(call.params, kind)

    def value(name: str) -> ConditionValue:
        if name in own:
            return own[name]
        if name == "ec2:region":
            return call.region
        if name.startswith(_RESOURCE_TAGS):
            return tag_value(tags, name.partition("/")[2])
        if name.startswith(REQUEST_TAG):
            return tag_value(sent, name[len(REQUEST_TAG) :])
        if name == "aws:tagkeys":
            return list(sent) or None
        return None

    return value


def _sent_tags(params: Mapping[str, Any], kind: Kind) -> dict[str, str]:
    """Return the tags that a request gives to a kind of resource: by specification, or by CreateTags itself."""
    sent = list(params.get("Tags") or ())
    for specification in params.get("TagSpecifications") or ():
        if specification.get("ResourceType") == kind.name:
            sent += specification.get("Tags") or ()
    return {tag.get("Key") or "": tag.get("Value") or "" for tag in sent}
