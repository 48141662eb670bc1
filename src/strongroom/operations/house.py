"""Everything that a running Strongroom holds, built once at start-up and handed to every call."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from strongroom.base.clock import Clock
from strongroom.base.configuration import Configuration
from strongroom.envelope.sealed import Sealer
from strongroom.operations.audit import Audit
from strongroom.operations.last_used import LastUsed
from strongroom.operations.principals import Principals, directory_of
from strongroom.operations.quotas.house_quotas import HouseQuotas
from strongroom.operations.quotas.memory_file import ServedMemory
from strongroom.storage.blobs.store import BlobStore
from strongroom.storage.store import Store

Part = TypeVar("Part")


class House:
    """The state of one server: its stores, its vault, its clock, and one instance of each part that services add."""

    def __init__(
        self,
        configuration: Configuration,
        clock: Clock,
        store: Store,
        blobs: BlobStore,
        sealer: Sealer,
        buckets: ServedMemory,
    ) -> None:
        self.configuration = configuration
        self.clock = clock
        self.store = store
        self.blobs = blobs
        self.sealer = sealer
        self._buckets = buckets
        self.quotas = HouseQuotas(store, buckets.memory, enforced=configuration.request_quotas == "on")
        self.audit = Audit(store, sealer, clock)
        self.directory = directory_of(store, configuration.region)
        self.principals = Principals(store, sealer, self.directory)
        self.last_used = LastUsed(self.audit)
        self.stopping = asyncio.Event()
        """Set once the server takes no more requests: what goes on for as long as a client listens ends now."""
        self._parts: dict[Any, Any] = {}
        self._before_close: list[Callable[[], Awaitable[None]]] = []

    def part(self, build: Callable[["House"], Part]) -> Part:
        """Return this house's only instance of what `build` makes (a class that takes the house, as a rule)."""
        found = self._parts.get(build)
        if found is None:
            found = self._parts[build] = build(self)
        return cast(Part, found)

    def before_close(self, stop: Callable[[], Awaitable[None]]) -> None:
        """Have `stop` awaited when the house closes, while everything still works."""
        self._before_close.append(stop)

    async def close(self) -> None:
        """Stop what was started last first, write what is still to be recorded, then close the store."""
        try:
            try:
                while self._before_close:
                    await self._before_close.pop()()
            finally:
                await self.audit.close()
        finally:
            self.blobs.close()
            try:
                await self.store.close()
            finally:
                self._buckets.leave()
