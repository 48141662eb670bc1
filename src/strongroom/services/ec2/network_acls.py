"""Network ACLs: each VPC has the one that it was made with, which lets everything through. Others are not served.

Source: Amazon EC2 API Reference, DescribeNetworkAcls; Amazon VPC User Guide, "Default network ACL".
"""

from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer
from strongroom.services.ec2.building import ANYWHERE
from strongroom.services.ec2.inventory import Inventory, Resource
from strongroom.services.ec2.kinds import NETWORK_ACL
from strongroom.services.ec2.listing import Listing, Values, attribute, describe
from strongroom.services.ec2.served import ec2_operation
from strongroom.services.ec2.tag_specifications import shown_tags

_LAST_RULE = 32_767

_ENTRIES: list[dict[str, Any]] = [
    {"CidrBlock": ANYWHERE, "Egress": is_egress, "Protocol": "-1", "RuleAction": action, "RuleNumber": number}
    for is_egress in (True, False)
    for number, action in ((100, "allow"), (_LAST_RULE, "deny"))
]


def _associations(inventory: Inventory, acl: Resource) -> list[dict[str, Any]]:
    return [
        {
            "NetworkAclAssociationId": subnet["NetworkAclAssociationId"],
            "NetworkAclId": acl.id,
            "SubnetId": subnet.id,
        }
        for subnet in inventory.subnets_of(acl.vpc_id)
    ]


def shown_acl(inventory: Inventory, acl: Resource) -> dict[str, Any]:
    """Return a network ACL as answers show it."""
    return {
        "NetworkAclId": acl.id,
        "VpcId": acl.vpc_id,
        "OwnerId": acl.account_id,
        "IsDefault": True,
        "Entries": _ENTRIES,
        "Associations": _associations(inventory, acl),
        "Tags": shown_tags(acl.tags),
    }


def _of_associations(name: str) -> Values:
    return lambda inventory, acl: [each[name] for each in _associations(inventory, acl)]


def _of_entries(name: str) -> Values:
    return lambda inventory, acl: [entry[name] for entry in _ENTRIES]


NETWORK_ACLS = Listing(
    kind=NETWORK_ACL,
    member="NetworkAcls",
    ids="NetworkAclIds",
    show=shown_acl,
    filters={
        "association.association-id": _of_associations("NetworkAclAssociationId"),
        "association.network-acl-id": _of_associations("NetworkAclId"),
        "association.subnet-id": _of_associations("SubnetId"),
        "default": attribute("IsDefault"),
        "entry.cidr": _of_entries("CidrBlock"),
        "entry.egress": _of_entries("Egress"),
        "entry.protocol": _of_entries("Protocol"),
        "entry.rule-action": _of_entries("RuleAction"),
        "entry.rule-number": _of_entries("RuleNumber"),
        "network-acl-id": lambda inventory, acl: (acl.id,),
        "owner-id": lambda inventory, acl: (acl.account_id,),
        "vpc-id": attribute("VpcId"),
    },
)


@ec2_operation("DescribeNetworkAcls", reads_only=True)
async def describe_network_acls(call: Call) -> Answer:
    """List network ACLs. Source: API Reference, DescribeNetworkAcls."""
    return await call.read(describe(call, NETWORK_ACLS))
