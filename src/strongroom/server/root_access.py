"""The root principal's access key, for the operator's own shell; read from the store, whether a server runs or not."""

from pathlib import Path

from strongroom.base.configuration import Configuration
from strongroom.base.errors import OperatorError
from strongroom.envelope.sealed import SealBroken
from strongroom.operations import tables
from strongroom.operations.callers import Credential
from strongroom.operations.principals import Principals, directory_of
from strongroom.operations.vault import open_sealer
from strongroom.server.root_key import open_root_key
from strongroom.storage.store import Store, open_store


async def read_root_access_key(configuration: Configuration, now: float) -> Credential:
    """Return the root access key of the configured account and Region. `now` is in seconds.

    Raises OperatorError when there is no store yet, or the root key does not open it. Changes nothing.
    """
    store = await open_existing_store(configuration)
    try:
        rows = await store.read(tables.select_storage_keys)
        if not rows:
            raise _never_started(configuration.data)
        sealer = await open_sealer(store, open_root_key(configuration, rows), now)
        principals = Principals(store, sealer, directory_of(store, configuration.region))
        credential = await principals.root_access_key(configuration.account_id)
    except SealBroken as error:
        raise OperatorError(f"the root access key cannot be read: {error}") from None
    finally:
        await store.close()
    if credential is None:
        raise OperatorError(f"the root principal of account {configuration.account_id} has no active access key")
    return credential


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
