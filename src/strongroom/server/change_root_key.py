"""Changing the root key of a store that no server has open: make the new key, then re-seal in one transaction."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from strongroom.base.configuration import Configuration, default_root_key_file, make_store_id
from strongroom.base.errors import OperatorError
from strongroom.envelope.root import KeyFileRoot, PassphraseRoot, RootKeySource
from strongroom.envelope.sealed import SealBroken
from strongroom.operations import tables
from strongroom.operations.rekey import Rekeyed, rekey
from strongroom.server import authority, house
from strongroom.server.operator_store import must_exist, open_existing_store
from strongroom.server.root_key import open_root_key, root_key_path
from strongroom.storage.lock import DirectoryLock

ROOMS_WITH_TABLES = (house, authority)
"""Importing these puts every table into the catalogue; sealed values in a table that is not there would be lost."""


@dataclass(frozen=True, slots=True)
class RootKeyChange:
    """What a change did. `old_file` and `new_file` are None for a root key that comes from a passphrase."""

    rekeyed: Rekeyed
    old_file: Path | None
    new_file: Path | None


async def change_root_key(
    configuration: Configuration, new_file: Path | None, new_passphrase: str | None, now: float
) -> RootKeyChange:
    """Put a new root key in force: from a passphrase, or in a new file (in the default place unless named).

    `now` is in seconds. A crash leaves either key in force and both files in place. Raises OperatorError when a server
    has the data open, the old root key does not open it, the new file exists already, or something stored is damaged.
    """
    must_exist(configuration)
    with DirectoryLock(configuration.data):
        store = await open_existing_store(configuration)
        try:
            rows = await store.read(tables.select_storage_keys)
            if not rows:
                raise OperatorError(f"the store of {configuration.data} has no keys yet; start the server on it first")
            root = open_root_key(configuration, rows)
            old_file = None if configuration.uses_passphrase else root_key_path(configuration, rows)
            new_root: RootKeySource
            if new_passphrase is not None:
                new_root, new_file = PassphraseRoot.create(new_passphrase), None
            else:
                new_root, new_file = _make_key_file(configuration, new_file)
            try:
                rekeyed = await rekey(store, root, new_root, now)
            except SealBroken as error:
                raise OperatorError(f"nothing was changed: {error}") from None
        finally:
            await store.close()
    return RootKeyChange(rekeyed, old_file, new_file)


def _make_key_file(configuration: Configuration, path: Path | None) -> tuple[KeyFileRoot, Path]:
    if path is not None:
        return KeyFileRoot.create(path), path
    store_id = make_store_id(configuration.data)
    draft = default_root_key_file(store_id, "new")
    # Left over from a change that was cut short before the new key was in use anywhere.
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()
    root = KeyFileRoot.create(draft, outside=configuration.data)
    final = default_root_key_file(store_id, root.fingerprint)
    draft.rename(final)
    return root, final
