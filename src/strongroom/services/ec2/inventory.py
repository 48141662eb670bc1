"""What an account has in a Region, as one transaction sees it.

An account has dozens of networks' parts, not millions: each kind is read as a whole when it is first asked for, and
what depends on what is then plain Python.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from strongroom.base.arn import partition_of
from strongroom.services.ec2 import tables
from strongroom.services.ec2.kinds import (
    KINDS,
    ROUTE_TABLE,
    SECURITY_GROUP_RULE,
    SUBNET,
    VPC,
    Kind,
)
from strongroom.storage.connection import Connection

_BY_NAME = {kind.name: kind for kind in KINDS.values()}


@dataclass(slots=True)
class Resource:
    """One resource. `attributes` are named as AWS's answers name them; what follows from others is not among them."""

    id: str
    kind: Kind
    account_id: str
    region: str
    created_at: float
    attributes: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.attributes[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return an attribute, or the default."""
        return self.attributes.get(name, default)

    @property
    def vpc_id(self) -> str:
        """The VPC that it is, or is in; empty for what is in none."""
        found: str = self.id if self.kind is VPC else self.attributes.get("VpcId", "")
        return found

    @property
    def arn(self) -> str:
        """Its ARN."""
        return arn_of(self.kind, self.account_id, self.region, self.id)


def arn_of(kind: Kind, account_id: str, region: str, resource_id: str) -> str:
    """Return the ARN of a resource; `*` for its id stands for one that is yet to be made."""
    return f"arn:{partition_of(region)}:ec2:{region}:{account_id}:{kind.name}/{resource_id}"


def new_id(prefix: str) -> str:
    """Return an id that nobody has."""
    return f"{prefix}-0{secrets.token_hex(8)}"


def resource_of(row: Any) -> Resource:
    """Return the resource that a row of `tables.RESOURCES` holds."""
    return Resource(
        row.resource_id, _BY_NAME[row.kind], row.account_id, row.region, row.created_at, row.attributes, row.tags
    )


class Inventory:
    """The resources of one account in one Region, for reading and for changing within one transaction."""

    def __init__(self, connection: Connection, account_id: str, region: str, now: float) -> None:
        self.account_id = account_id
        self.region = region
        self.now = now
        self._connection = connection
        self._loaded: dict[str, dict[str, Resource]] = {}

    def all(self, kind: Kind) -> list[Resource]:
        """Return all resources of a kind, in the order of their ids."""
        return list(self._of(kind).values())

    def within(self, kind: Kind, vpc_id: str) -> list[Resource]:
        """Return all resources of a kind in a VPC."""
        return [resource for resource in self._of(kind).values() if resource.vpc_id == vpc_id]

    def find(self, kind: Kind, resource_id: str) -> Resource | None:
        """Return a resource, or None."""
        return self._of(kind).get(resource_id)

    def get(self, kind: Kind, resource_id: str) -> Resource:
        """Return a resource. Raises AwsError: `InvalidVpcID.NotFound` and its like, or `...Malformed`."""
        found = self.find(kind, resource_id)
        if found is None:
            raise kind.not_found(resource_id)
        return found

    def add(self, kind: Kind, attributes: dict[str, Any], tags: Mapping[str, str] | None = None) -> Resource:
        """Make a resource."""
        resource = Resource(
            new_id(kind.prefix), kind, self.account_id, self.region, self.now, attributes, dict(tags or {})
        )
        tables.insert_resource(
            self._connection,
            {
                "resource_id": resource.id,
                "kind": kind.name,
                "account_id": resource.account_id,
                "region": resource.region,
                "created_at": resource.created_at,
                "attributes": resource.attributes,
                "tags": resource.tags,
            },
        )
        self._of(kind)[resource.id] = resource
        return resource

    def save(self, resource: Resource) -> None:
        """Write a resource's attributes and tags as they are now."""
        values = {"attributes": resource.attributes, "tags": resource.tags}
        tables.update_resource(self._connection, resource.id, values)

    def remove(self, resource: Resource) -> None:
        """Remove a resource."""
        tables.delete_resource(self._connection, resource.id)
        self._of(resource.kind).pop(resource.id, None)

    def default_vpc(self) -> Resource | None:
        """Return the default VPC, or None where there is none (any more)."""
        return next((vpc for vpc in self.all(VPC) if vpc["IsDefault"]), None)

    def main_route_table(self, vpc_id: str) -> Resource:
        """Return the main route table of a VPC, which always has one."""
        tables_within = self.within(ROUTE_TABLE, vpc_id)
        return next(table for table in tables_within if any(each["Main"] for each in table["Associations"]))

    def route_table_of(self, subnet: Resource) -> Resource:
        """Return the route table that a subnet goes by: its own, or the main one of its VPC."""
        for table in self.within(ROUTE_TABLE, subnet.vpc_id):
            if any(each.get("SubnetId") == subnet.id for each in table["Associations"]):
                return table
        return self.main_route_table(subnet.vpc_id)

    def rules_of(self, group_id: str) -> list[Resource]:
        """Return the rules of a security group."""
        return [rule for rule in self.all(SECURITY_GROUP_RULE) if rule["GroupId"] == group_id]

    def subnets_of(self, vpc_id: str) -> list[Resource]:
        """Return the subnets of a VPC."""
        return self.within(SUBNET, vpc_id)

    def _of(self, kind: Kind) -> dict[str, Resource]:
        found = self._loaded.get(kind.name)
        if found is None:
            rows = tables.select_resources(self._connection, self.account_id, self.region, kind.name)
            found = self._loaded[kind.name] = {row.resource_id: resource_of(row) for row in rows}
        return found
