"""Network interfaces that jobs, builds and operators' processes are behind: made for them, and gone with them.

Source: AWS Lambda Developer Guide, "Giving Lambda functions access to resources in an Amazon VPC"; AWS CodeBuild User
Guide, "Use AWS CodeBuild with Amazon Virtual Private Cloud" (a role needs ec2:CreateNetworkInterface).
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from strongroom.base.context import Origin, new_request_id
from strongroom.base.errors import AwsError
from strongroom.operations.callers import Caller
from strongroom.operations.house import House
from strongroom.operations.perform import perform
from strongroom.operations.periodic import periodic
from strongroom.operations.private_networks import (
    Attachment,
    PrivateNetworkUnavailable,
    provides_private_networks,
)
from strongroom.operations.trail import INTERNAL, service_event
from strongroom.operations.trail import Resource as AuditedResource
from strongroom.runners.networks.keeping import NetworksUnavailable
from strongroom.services.ec2 import errors, tables
from strongroom.services.ec2.building import build_network_interface
from strongroom.services.ec2.in_force import NetworksInForce, changed
from strongroom.services.ec2.inventory import Inventory, Resource, new_id, resource_of
from strongroom.services.ec2.kinds import NETWORK_INTERFACE, SUBNET
from strongroom.services.ec2.placing import chosen_address, chosen_groups, roomiest
from strongroom.services.ec2.quotas import GROUPS_PER_INTERFACE_QUOTA
from strongroom.storage.connection import Connection

ALIVE_EVERY_SECONDS = 60.0
"""How often a server says that its interfaces are still in use, where others share its database."""

ABANDONED_AFTER_SECONDS = 180.0

_AWS = "amazon-aws"


class PrivateNetworks:
    """Places in the networks of one house, see operations/private_networks.py."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._in_force = house.part(NetworksInForce)
        self._keeping_alive: asyncio.Task[None] | None = None
        self._attached: set[str] = set()
        self._is_swept = False
        house.before_close(self.stop)

    async def owner_of_subnet(self, subnet_id: str) -> tuple[str, str]:
        """Return the account and the Region of a subnet. Raises AwsError."""
        row = None
        if SUBNET.pattern.fullmatch(subnet_id):
            row = await self._house.store.read(lambda connection: tables.select_resource(connection, subnet_id))
        if row is None:
            raise SUBNET.not_found(subnet_id)
        return row.account_id, row.region

    async def must_belong_together(
        self, account_id: str, region: str, subnet_ids: Sequence[str], security_group_ids: Sequence[str]
    ) -> str:
        """Return the VPC that subnets and groups are of. Raises AwsError."""

        def read(connection: Connection) -> str:
            inventory = self._inventory(connection, account_id, region)
            return self._vpc_of(inventory, subnet_ids, security_group_ids)

        return await self._house.store.read(read)

    async def why_unavailable(self) -> str | None:
        """Return why there can be no networks here, or None."""
        return await self._in_force.why_unavailable()

    async def attach(
        self,
        account_id: str,
        region: str,
        subnet_ids: Sequence[str],
        security_group_ids: Sequence[str],
        *,
        caller: Caller | None,
        description: str,
        requester: str,
        private_address: str | None,
    ) -> Attachment:
        """Make an interface and join a namespace by it. Raises AwsError, PrivateNetworkUnavailable."""

        def choose(connection: Connection) -> str:
            inventory = self._inventory(connection, account_id, region)
            self._vpc_of(inventory, subnet_ids, security_group_ids)
            return roomiest(inventory, subnet_ids).id

        if not self._is_swept:
            # An address that a dead server's job had is free, without waiting for the scheduler.
            await remove_abandoned_interfaces(self._house)
            self._is_swept = True
        subnet_id = await self._house.store.read(choose)
        if caller is not None:
            await self._must_be_allowed(caller, region, subnet_id, security_group_ids, description)

        def make(connection: Connection) -> Resource:
            inventory = self._inventory(connection, account_id, region)
            more = {"Description": description[:255], "RequesterId": requester}
            return self._make(inventory, subnet_id, security_group_ids, private_address, more, connection)

        stale = (changed(account_id, region),)
        interface = await self._house.store.write(make, invalidates=stale)
        try:
            # Members of the VPC hear of the new one's address before it can knock at their doors.
            await self._in_force.follow(account_id, region)
            network = await self._in_force.attach((account_id, region), interface.vpc_id, interface.id)
        except BaseException as problem:
            await asyncio.shield(self._remove(interface))
            if isinstance(problem, NetworksUnavailable):
                raise PrivateNetworkUnavailable(str(problem)) from None
            raise
        self._attached.add(interface.id)
        self._keep_alive()
        return Attachment(
            network=network,
            network_interface_id=interface.id,
            vpc_id=interface.vpc_id,
            subnet_id=subnet_id,
            private_address=interface["PrivateIpAddress"],
            _release=lambda: self._release(interface),
            _is_in_force=lambda: self._in_force.holds(interface.id),
        )

    async def stop(self) -> None:
        """Remove the interfaces of this server: nothing is behind them any more."""
        if self._keeping_alive is not None:
            self._keeping_alive.cancel()
        await remove_interfaces(self._house, lambda interface: interface["Server"] == self._in_force.token)

    def _inventory(self, connection: Connection, account_id: str, region: str) -> Inventory:
        return Inventory(connection, account_id, region, self._house.clock.now())

    def _make(
        self,
        inventory: Inventory,
        subnet_id: str,
        group_ids: Sequence[str],
        private_address: str | None,
        more: dict[str, str],
        connection: Connection,
    ) -> Resource:
        subnet = roomiest(inventory, [subnet_id])
        interface = build_network_interface(
            inventory,
            subnet,
            chosen_address(inventory, subnet, private_address),
            chosen_groups(inventory, subnet.vpc_id, group_ids, self._groups_max(inventory)),
            {},
            RequesterManaged=True,
            Status="in-use",
            Attachment={
                "AttachmentId": new_id("eni-attach"),
                "AttachTime": inventory.now,
                "DeleteOnTermination": True,
                "DeviceIndex": 1,
                "InstanceOwnerId": _AWS,
                "Status": "attached",
            },
            Server=self._in_force.token,
            AliveAt=self._house.clock.wall(),
            **more,
        )
        record_of_interface(self._house, connection, "CreateNetworkInterface", interface)
        return interface

    def _groups_max(self, inventory: Inventory) -> int:
        quota = GROUPS_PER_INTERFACE_QUOTA.quota
        return self._house.quotas.most(quota, inventory.account_id, inventory.region)

    def _vpc_of(self, inventory: Inventory, subnet_ids: Sequence[str], group_ids: Sequence[str]) -> str:
        if not subnet_ids:
            raise errors.missing("subnetId")
        subnet = roomiest(inventory, subnet_ids[:1])
        for other in subnet_ids[1:]:
            if roomiest(inventory, [other]).vpc_id != subnet.vpc_id:
                raise errors.invalid("The subnets are not all in the same VPC.")
        chosen_groups(inventory, subnet.vpc_id, group_ids, self._groups_max(inventory))
        return subnet.vpc_id

    async def _must_be_allowed(
        self, caller: Caller, region: str, subnet_id: str, group_ids: Sequence[str], description: str
    ) -> None:
        """Raise AwsError unless a role may make such an interface: asked as a trial, for the interface is AWS's own."""
        now = self._house.clock.now()
        params = {"SubnetId": subnet_id, "Groups": list(group_ids), "Description": description[:255], "DryRun": True}
        try:
            await perform(
                self._house,
                "ec2",
                "CreateNetworkInterface",
                params,
                caller=caller,
                origin=Origin(new_request_id(now), now, INTERNAL, True, user_agent=INTERNAL),
                region=region,
            )
        except AwsError as refusal:
            if refusal.code != errors.dry_run().code:
                raise

    def _keep_alive(self) -> None:
        if self._keeping_alive is None and self._house.store.kind != "sqlite":
            self._keeping_alive = asyncio.create_task(self._say_alive())

    async def _say_alive(self) -> None:
        while True:
            await asyncio.sleep(ALIVE_EVERY_SECONDS)
            now = self._house.clock.wall()

            def write(connection: Connection, now: float = now) -> None:
                for row in tables.select_of_kind(connection, NETWORK_INTERFACE.name):
                    if row.resource_id in self._attached:
                        tables.update_resource(
                            connection, row.resource_id, {"attributes": row.attributes | {"AliveAt": now}}
                        )

            with contextlib.suppress(Exception):  # The next time will do.
                await self._house.store.write(write)

    async def _release(self, interface: Resource) -> None:
        if interface.id in self._attached:
            self._attached.discard(interface.id)
            await self._in_force.detach(interface.id)
            await self._remove(interface)

    async def _remove(self, interface: Resource) -> None:
        await remove_interfaces(self._house, lambda other: other.id == interface.id)


def record_of_interface(house: House, connection: Connection, name: str, interface: Resource) -> None:
    """Leave an audit record of what was done to an interface without anybody's call."""
    audited = AuditedResource(interface.arn, interface.account_id, "AWS::EC2::NetworkInterface")
    now = house.clock.now()
    event = service_event("ec2", "ec2.amazonaws.com", name, interface.region, audited, now)
    house.audit.insert_event(connection, event)


async def remove_interfaces(house: House, is_meant: Callable[[Resource], bool]) -> None:
    """Remove interfaces that something was behind, whosesoever."""

    def read(connection: Connection) -> list[Resource]:
        rows = tables.select_of_kind(connection, NETWORK_INTERFACE.name)
        return [each for each in map(resource_of, rows) if each.get("Server") and is_meant(each)]

    gone = await house.store.read(read)
    if not gone:
        return

    def write(connection: Connection) -> None:
        for interface in gone:
            tables.delete_resource(connection, interface.id)
            record_of_interface(house, connection, "DeleteNetworkInterface", interface)

    await house.store.write(write, invalidates={changed(each.account_id, each.region) for each in gone})


@periodic("ec2/remove-abandoned-interfaces")
async def remove_abandoned_interfaces(house: House) -> None:
    """Remove the interfaces of servers that ended without a word. Two cannot share an SQLite database."""
    token = house.part(NetworksInForce).token
    is_alone = house.store.kind == "sqlite"
    oldest = house.clock.wall() - ABANDONED_AFTER_SECONDS
    await remove_interfaces(
        house, lambda interface: interface["Server"] != token and (is_alone or interface["AliveAt"] < oldest)
    )


provides_private_networks(PrivateNetworks)
