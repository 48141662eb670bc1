"""Connections to what is behind key stores: opened when first used, kept, and closed when the key store changes."""

import asyncio
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Sequence
from typing import Generic, TypeVar

from strongroom.operations.house import House
from strongroom.services.kms.key_stores.key_store import CONNECTED, KeyStore
from strongroom.services.kms.key_stores.key_store_directory import KeyStoreDirectory

C = TypeVar("C")


class Connections(ABC, Generic[C]):
    """The connections of one house to the key stores of one type. Subclasses say how one is opened and closed."""

    def __init__(self, house: House) -> None:
        self._directory = house.part(KeyStoreDirectory)
        self._kept: dict[tuple[str, str], tuple[KeyStore, C]] = {}
        self._opening: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        house.store.subscribe(self._forget)
        house.before_close(self._close_all)

    async def of(self, store: KeyStore) -> C | None:
        """Return the connection of a key store that is connected; None when it is not, or not any more.

        Raises what `_open` raises.
        """
        if store.connection_state != CONNECTED:
            return None
        kept = self._kept.get((store.region, store.id))
        if kept is not None and kept[0] == store:
            return kept[1]
        async with self._opening[store.region, store.id]:
            kept = self._kept.get((store.region, store.id))
            if kept is None or kept[0] != store:
                opened = await self._open(store)
                if await self._directory.find(store.region, store.id) != store:
                    # It was changed meanwhile. What was opened with the old settings must not outlive them.
                    self._close(opened)
                    return None
                self._drop(store.region, store.id)
                kept = self._kept[store.region, store.id] = (store, opened)
            return kept[1]

    @abstractmethod
    async def _open(self, store: KeyStore) -> C:
        """Return a new connection."""

    @abstractmethod
    def _close(self, connection: C) -> None:
        """Close a connection. What is on its way may still be finished."""

    def _drop(self, region: str, store_id: str) -> None:
        kept = self._kept.pop((region, store_id), None)
        if kept is not None:
            self._close(kept[1])

    def _forget(self, names: Sequence[str]) -> None:
        changed = {tuple(name.split("/")[1:]) for name in names if name.startswith("kms-key-stores/")}
        for place in list(self._kept):
            if not names or place in changed:
                self._drop(*place)

    async def _close_all(self) -> None:
        self._forget(())
