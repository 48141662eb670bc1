"""Where key stores are found: read from the database once, then kept until a change."""

from collections.abc import Sequence

from strongroom.operations.call import Call
from strongroom.operations.house import House
from strongroom.services.kms.key_directory import name_of_every_key
from strongroom.services.kms.key_stores import errors, tables
from strongroom.services.kms.key_stores.key_store import KeyStore, store_of_row
from strongroom.storage.connection import Connection

_PREFIX = "kms-key-stores/"


def stale_names(region: str, store_id: str) -> tuple[str, ...]:
    """Return the names under which a change to a key store is announced to the caches.

    Its keys show the connection state as their own, so all keys of the Region are read anew; it happens rarely.
    """
    return (f"{_PREFIX}{region}/{store_id}", name_of_every_key(region))


class KeyStoreDirectory:
    """The key stores of one house. Nothing here outlives a change to the key store, in this process or another."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._stores: dict[tuple[str, str], KeyStore] = {}
        self._changes_seen = 0
        house.store.subscribe(self._forget)

    def _forget(self, names: Sequence[str]) -> None:
        if not names or any(name.startswith(_PREFIX) for name in names):
            self._changes_seen += 1
            self._stores.clear()

    async def find(self, region: str, store_id: str) -> KeyStore | None:
        """Return a Region's key store by its id, or None."""
        found = self._stores.get((region, store_id))
        if found is None:
            changes_seen = self._changes_seen
            found = await self._house.store.read(lambda connection: self.load(connection, region, store_id))
            # What was read may be stale when a change came in meanwhile: it serves this call, and is not kept.
            if found is not None and changes_seen == self._changes_seen:
                self._stores[region, store_id] = found
        return found

    async def identify(self, call: Call, store_id: str) -> KeyStore:
        """Return the caller's key store that a request names. Raises CustomKeyStoreNotFoundException."""
        found = await self.find(call.region, store_id) if "\x00" not in store_id else None
        if found is None or found.account_id != call.account_id:
            raise errors.store_not_found(store_id)
        return found

    def load(self, connection: Connection, region: str, store_id: str) -> KeyStore | None:
        """Return a key store as the database has it now, or None."""
        row = tables.select_store(connection, region, store_id)
        return store_of_row(self._house.sealer, row) if row is not None else None
