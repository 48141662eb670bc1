"""The store, opened for an operator's command: whether a server runs on it or not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from strongroom.base.configuration import Configuration
from strongroom.base.errors import OperatorError
from strongroom.envelope.sealed import SealBroken, Sealer
from strongroom.operations import tables
from strongroom.operations.vault import open_sealer
from strongroom.server.root_key import open_root_key
from strongroom.storage.store import Store, open_store


class OperatorStore(NamedTuple):
    """A store and what opens its seals."""

    store: Store
    sealer: Sealer


@asynccontextmanager
async def operator_store(configuration: Configuration, now: float) -> AsyncIterator[OperatorStore]:
    """Open the store of `configuration`, which must be there already. `now` is in seconds.

    What a command writes, a server that runs on the same store sees at its next look at the database: it announces
    nothing to its caches. Raises OperatorError when there is no store yet, or the root key does not open it.
    """
    store = await open_existing_store(configuration)
    try:
        rows = await store.read(tables.select_storage_keys)
        if not rows:
            raise _never_started(configuration.data)
        yield OperatorStore(store, await open_sealer(store, open_root_key(configuration, rows), now))
    except SealBroken as error:
        raise OperatorError(f"what is stored cannot be read: {error}") from None
    finally:
        await store.close()


async def open_existing_store(configuration: Configuration) -> Store:
    """Return the store, which must be there already. Raises OperatorError."""
    must_exist(configuration)
    return await open_store(configuration.database_url)


def must_exist(configuration: Configuration) -> None:
    """Raise OperatorError when no server ever ran on this data: opening the store would make an empty one."""
    if not configuration.data.is_dir() or not (configuration.database or configuration.sqlite_file.exists()):
        raise _never_started(configuration.data)


def _never_started(data: Path) -> OperatorError:
    return OperatorError(f"there is no store in {data}; start the server on it first: strongroom serve --data {data}")
