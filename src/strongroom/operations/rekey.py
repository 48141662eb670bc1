"""Changing the root key: everything sealed is sealed anew under a new storage key, which the new root key wraps.

All of it is one transaction, so a crash leaves either the old root key in force or the new one, never a mixture.
"""

from typing import NamedTuple

from strongroom.envelope.keyring import Keyring
from strongroom.envelope.root.source import RootKeySource
from strongroom.envelope.sealed import Sealer
from strongroom.operations import tables
from strongroom.storage.connection import Connection
from strongroom.storage.store import Store


class Rekeyed(NamedTuple):
    """What a rekey did: the fingerprint of the root key now in force, and how many values were sealed anew."""

    root_fingerprint: str
    values: int


async def rekey(store: Store, root: RootKeySource, new_root: RootKeySource, now: float) -> Rekeyed:
    """Put `new_root` in place of `root`. `now` is in seconds. No server may have the store open meanwhile.

    Whoever has the old root key, and even an old copy of the data, can read nothing that is written from now on: the
    old storage keys are dropped. Raises OperatorError when `root` does not open the keyring, SealBroken (and changes
    nothing) when a stored value does not open.
    """

    def change(connection: Connection) -> int:
        old = Keyring.load(tables.select_storage_keys(connection), root)
        new = old.rewrap(new_root, now=now)
        opener, sealer = Sealer(old), Sealer(new)

        def seal_anew(sealed: bytes, place: str) -> bytes:
            return sealer.seal(opener.open(sealed, place), place)

        count = sum(tables.replace_sealed_values(connection, column, seal_anew) for column in tables.sealed_columns())
        tables.replace_storage_keys(connection, new.with_only_current().rows())
        return count

    return Rekeyed(new_root.fingerprint, await store.write(change))
