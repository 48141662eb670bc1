"""The keyring in the database: made at first start, opened with the root key at every start, re-wrapped by rekey."""

from strongroom.base.errors import OperatorError
from strongroom.envelope.keyring import Keyring
from strongroom.envelope.root.source import RootKeySource
from strongroom.envelope.sealed import Sealer
from strongroom.operations import tables
from strongroom.storage.connection import Connection
from strongroom.storage.store import Store


async def open_sealer(store: Store, root: RootKeySource, now: float) -> Sealer:
    """Return the sealer of a store, making its keyring at first start. `now` is in seconds.

    Raises OperatorError when the root key does not open the keyring, or the keyring is missing where there was one.
    """
    rows = await store.read(tables.select_storage_keys)
    if not rows:
        created = Keyring.create(root, now=now).rows()

        def insert_if_first(connection: Connection) -> None:
            # Another server on the same database may have been first.
            if not tables.select_storage_keys(connection):
                if tables.holds_sealed_values(connection):
                    raise OperatorError("the database holds sealed values, but the keyring that opens them is gone")
                tables.replace_storage_keys(connection, created)

        await store.write(insert_if_first)
        rows = await store.read(tables.select_storage_keys)
    return Sealer(Keyring.load(rows, root))
