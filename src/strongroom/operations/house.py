"""Everything that a running Strongroom holds, built once at start-up and handed to every call."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar, cast

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

if TYPE_CHECKING:
    from strongroom.operations.faults import Faults

Part = TypeVar("Part")


class OpenDoor(Protocol):
    """One more socket on which the whole API is served."""

    async def close(self) -> None:
        """Listen no more, and cut the connections that came in by it. Safe to call twice."""


class Doors(NamedTuple):
    """How code in a sandbox reaches this server, over TLS, by a socket that listens where the code runs.

    `listen` serves everything on a listening socket, which is its own to close from then on. What answers there calls
    itself `localhost` and `127.0.0.1`; `ca_bundle` is a file (PEM), readable by everybody, that vouches for it.
    """

    listen: Callable[[socket.socket], Awaitable[OpenDoor]]
    ca_bundle: Path


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
        self.doors: Doors | None = None
        """Set by a server that listens: a house without one has no way in for code in a sandbox."""
        self.faults: Faults | None = None
        """Set by a process that was started for tests (`testing/`), and by nothing else: no option asks for it."""
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
        self.stopping.set()
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
