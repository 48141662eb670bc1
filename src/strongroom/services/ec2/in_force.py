"""Networks in force: interfaces that something runs behind, and the keeper that holds their namespaces.

The keeper is started when the first interface is attached. After a change of EC2's, it is told how the VPCs that are
in force should be from now on, before the change is answered; of changes by other servers on the same database it
learns from the store.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Sequence

import structlog

from strongroom.operations.house import House
from strongroom.runners.networks.joined import JoinedNetwork
from strongroom.runners.networks.keeping import NetworkKeeper, NetworksUnavailable
from strongroom.runners.networks.messages import Vpc
from strongroom.services.ec2.inventory import Inventory
from strongroom.services.ec2.plans import vpc_plan
from strongroom.storage.connection import Connection

_log = structlog.get_logger("strongroom.ec2")
_CACHE_NAME = "ec2-networks/"

Place = tuple[str, str]
"""An account and a Region."""


def changed(account_id: str, region: str) -> str:
    """Return the name under which the store tells of a change."""
    return f"{_CACHE_NAME}{account_id}/{region}"


class NetworksInForce:
    """The networks of one server. `token` is what tells its interfaces from those of servers that are no more."""

    def __init__(self, house: House) -> None:
        self.token = secrets.token_hex(8)
        self._house = house
        self._keeper: NetworkKeeper | None = None
        self._tried: NetworkKeeper | None = None
        self._turn = asyncio.Lock()
        self._in_use: dict[str, tuple[Place, str]] = {}
        self._following: set[asyncio.Task[None]] = set()
        self._waiting: set[Place] = set()
        house.store.subscribe(self._learn)
        house.before_close(self.stop)

    async def attach(self, place: Place, vpc_id: str, interface_id: str) -> JoinedNetwork:
        """Return a new namespace with an interface in it. Raises NetworksUnavailable."""
        async with self._turn:
            keeper = await self._started()
            self._in_use[interface_id] = place, vpc_id
            try:
                plan = await self._house.store.read(lambda connection: self._plan(connection, place, vpc_id))
                return await keeper.attach(plan, interface_id)
            except BaseException:
                del self._in_use[interface_id]
                # It may have been made all the same, for one who was no longer waiting.
                with contextlib.suppress(NetworksUnavailable):
                    await keeper.detach(interface_id)
                raise

    async def why_unavailable(self) -> str | None:
        """Return why there can be no networks here, None when there can: found out once for each keeper."""
        async with self._turn:
            try:
                keeper = await self._started()
                if self._tried is not keeper:
                    await keeper.try_out()
                    self._tried = keeper
            except NetworksUnavailable as unavailable:
                return str(unavailable)
        return None

    async def _started(self) -> NetworkKeeper:
        if self._keeper is None or not self._keeper.is_alive:
            self._in_use.clear()
            self._keeper = await NetworkKeeper.start()
        return self._keeper

    def holds(self, interface_id: str) -> bool:
        """Return whether an interface is in its VPC."""
        return interface_id in self._in_use and self._keeper is not None and self._keeper.is_alive

    async def detach(self, interface_id: str) -> None:
        """Take an interface out of its VPC, if it is in one."""
        async with self._turn:
            if self._in_use.pop(interface_id, None) is not None and self._keeper is not None:
                with contextlib.suppress(NetworksUnavailable):
                    await self._keeper.detach(interface_id)

    async def follow(self, account_id: str, region: str) -> None:
        """Make the VPCs of an account that are in force as they should be.

        What can't be done is logged, not raised: the change was made. Nothing is let through by mistake: an interface
        whose firewall can't be changed is taken out.
        """
        place = account_id, region
        if not any(where == place for where, _ in self._in_use.values()):
            return
        async with self._turn:
            vpc_ids = dict.fromkeys(vpc_id for where, vpc_id in self._in_use.values() if where == place)
            for vpc_id in vpc_ids:
                await self._follow_one(place, vpc_id)

    async def _follow_one(self, place: Place, vpc_id: str) -> None:
        if self._keeper is None:
            return
        plan = await self._house.store.read(lambda connection: self._plan(connection, place, vpc_id))
        try:
            await self._keeper.follow(plan)
        except NetworksUnavailable as refused:
            _log.warning("a network cannot follow a change", vpc=vpc_id, reason=str(refused))

    async def stop(self) -> None:
        """End all networks."""
        async with self._turn:
            self._in_use.clear()
            if self._keeper is not None:
                await self._keeper.stop()

    def _plan(self, connection: Connection, place: Place, vpc_id: str) -> Vpc:
        inventory = Inventory(connection, *place, self._house.clock.now())
        return vpc_plan(inventory, vpc_id, set(self._in_use))

    def _learn(self, names: Sequence[str]) -> None:
        """Follow a change of which the store tells: another server's, or our own once more."""
        if not self._in_use:
            return
        for place in {where for where, _ in self._in_use.values()}:
            # One that waits for its turn will see this change, too.
            if (not names or changed(*place) in names) and place not in self._waiting:
                self._waiting.add(place)
                task = asyncio.create_task(self._follow_later(place))
                self._following.add(task)
                task.add_done_callback(self._following.discard)

    async def _follow_later(self, place: Place) -> None:
        async with self._turn:
            self._waiting.discard(place)
        await self.follow(*place)
