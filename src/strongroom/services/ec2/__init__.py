"""Amazon EC2, as far as networks go: VPCs and what is in them. Importing this package registers its operations.

`inventory` is what an account has in a Region; `building` how its parts are when they are new; `listing` how all of
them are described. `plans`, `in_force` and `attachments` make networks of them that processes are in.
"""

from strongroom.services.ec2 import (
    attachments,
    elastic_addresses,
    internet_gateways,
    nat_gateways,
    network_acls,
    network_interfaces,
    regions,
    route_tables,
    routes,
    security_group_rules,
    security_groups,
    subnets,
    tags,
    vpcs,
)
from strongroom.services.ec2.service import EC2

__all__ = [
    "EC2",
    "attachments",
    "elastic_addresses",
    "internet_gateways",
    "nat_gateways",
    "network_acls",
    "network_interfaces",
    "regions",
    "route_tables",
    "routes",
    "security_group_rules",
    "security_groups",
    "subnets",
    "tags",
    "vpcs",
]
