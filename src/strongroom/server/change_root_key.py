"""Changing the root key of a store that no server has open: make the new key, then re-seal in one transaction."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from strongroom.base.configuration import Configuration, default_root_key_file, make_store_id
from strongroom.base.errors import OperatorError
from strongroom.envelope.keyring import KeyringRow
from strongroom.envelope.root import KeyFileRoot, PassphraseRoot, RootKeySource
from strongroom.envelope.sealed import SealBroken
from strongroom.operations import tables
from strongroom.operations.rekey import Rekeyed, rekey
from strongroom.server import authority, house
from strongroom.server.operator_store import must_exist, open_existing_store
from strongroom.server.root_key import open_root_key, root_key_path
from strongroom.server.token_root_key import TokenChoice, make_token_key
from strongroom.storage.lock import DirectoryLock

ROOMS_WITH_TABLES = (house, authority)
"""Importing these puts every table into the catalogue; sealed values in a table that is not there would be lost."""


@dataclass(frozen=True, slots=True)
class RootKeyChange:
    """What a change did. `old_key` says where the old root key is still: its file, its place in a token, or nowhere."""

    rekeyed: Rekeyed
    old_key: str


async def change_root_key(
    configuration: Configuration, new: Path | str | TokenChoice | None, now: float
) -> RootKeyChange:
    """Put a new root key in force: in the file `new` (in the default place for None), from the passphrase, or in the
    token.

    `now` is in seconds. A crash leaves either key in force and both in place. Raises OperatorError when a server has
    the data open, the old root key does not open it, the new file exists already, or something stored is damaged.
    """
    must_exist(configuration)
    with DirectoryLock(configuration.data):
        store = await open_existing_store(configuration)
        try:
            rows = await store.read(tables.select_storage_keys)
            if not rows:
                raise OperatorError(f"the store of {configuration.data} has no keys yet; start the server on it first")
            root = open_root_key(configuration, rows)
            old_key = _place_of(root, configuration, rows)
            try:
                rekeyed = await rekey(store, root, _make_root_key(configuration, new), now)
            except SealBroken as error:
                raise OperatorError(f"nothing was changed: {error}") from None
        finally:
            await store.close()
    return RootKeyChange(rekeyed, old_key)


def _place_of(root: RootKeySource, configuration: Configuration, rows: Sequence[KeyringRow]) -> str:
    kind = configuration.root_key_kind
    if kind == "key-file":
        return str(root_key_path(configuration, rows))
    return root.public_parameters if kind == "pkcs11" else ""


def _make_root_key(configuration: Configuration, new: Path | str | TokenChoice | None) -> RootKeySource:
    if isinstance(new, TokenChoice):
        return make_token_key(new, make_store_id(configuration.data))
    if isinstance(new, str):
        return PassphraseRoot.create(new)
    return KeyFileRoot.create(new) if new is not None else _make_key_file(configuration)


def _make_key_file(configuration: Configuration) -> KeyFileRoot:
    store_id = make_store_id(configuration.data)
    draft = default_root_key_file(store_id, "new")
    # Left over from a change that was cut short before the new key was in use anywhere.
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()
    root = KeyFileRoot.create(draft, outside=configuration.data)
    final = default_root_key_file(store_id, root.fingerprint)
    draft.rename(final)
    return root
