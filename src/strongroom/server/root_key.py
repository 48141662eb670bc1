"""Which root key a server uses: a key file, made at first start, a passphrase, or a key in a PKCS#11 token."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from strongroom.base.configuration import Configuration, default_root_key_file, make_store_id
from strongroom.base.errors import OperatorError
from strongroom.envelope.keyring import KeyringRow
from strongroom.envelope.root import KeyFileRoot, PassphraseRoot, RootKeySource
from strongroom.server.endpoint import Endpoint
from strongroom.server.token_root_key import TokenChoice, open_token_key

PASSPHRASE_FILE_BYTES_MAX = 4_096

_KEPT = {
    "key-file": "is in a key file: give root-key-file",
    "passphrase": "comes from a passphrase: give root-key-passphrase-file",
    "pkcs11": "is in a PKCS#11 token: give root-key-pkcs11-module, root-key-pkcs11-token and root-key-pkcs11-pin-file",
}


def open_root_key(configuration: Configuration, rows: Sequence[KeyringRow]) -> RootKeySource:
    """Return the root key that the configuration names. `rows` are the stored keyring, empty before the first start.

    A root key is made only before the first start: later, a missing one is an error, never a reason to make another.
    Raises OperatorError.
    """
    kind = configuration.root_key_kind
    if rows:
        recorded = rows[0].root_fingerprint.partition(":")[0]
        if recorded != kind and recorded in _KEPT:
            raise OperatorError(f"the root key of this data {_KEPT[recorded]}")
    if kind == "pkcs11":
        return open_token_key(TokenChoice.of(configuration), rows, make_store_id(configuration.data))
    if kind == "passphrase":
        passphrase = configured_passphrase(configuration)
        return PassphraseRoot.load(passphrase, rows[0].root_parameters) if rows else PassphraseRoot.create(passphrase)
    path = root_key_path(configuration, rows)
    outside = None if configuration.root_key_file is not None else configuration.data
    if rows or path.exists():
        return KeyFileRoot.load(path, outside=outside)
    return KeyFileRoot.create(path, outside=outside)


def root_key_path(configuration: Configuration, rows: Sequence[KeyringRow]) -> Path:
    """Return where the key file is: the one that was named, or the default for this store.

    A root key that was changed is found by the fingerprint that the keyring records, so that a change which is cut
    short leaves no doubt which of two files is in force.
    """
    if configuration.root_key_file is not None:
        return configuration.root_key_file
    store_id = make_store_id(configuration.data)
    if rows:
        changed = default_root_key_file(store_id, rows[0].root_fingerprint)
        if changed.exists():
            return changed
    return default_root_key_file(store_id)


def with_known_root_key(configuration: Configuration, endpoint: Endpoint) -> Configuration:
    """Return the configuration with the key file that the server last used, where none is named and none is at home.

    So `strongroom env` needs no more than the data directory, wherever the server was told to keep the root key.
    """
    names_one = configuration.root_key_file is not None or configuration.root_key_kind != "key-file"
    if names_one or not endpoint.root_key_file:
        return configuration
    home = default_root_key_file(make_store_id(configuration.data))
    if any(home.parent.glob(f"{home.stem}*.key")):
        return configuration
    return replace(configuration, root_key_file=Path(endpoint.root_key_file))


def configured_passphrase(configuration: Configuration) -> str:
    """Return the passphrase, from the configuration or from the first line of its file. Raises OperatorError."""
    if configuration.root_key_passphrase is not None:
        return configuration.root_key_passphrase
    path = configuration.root_key_passphrase_file
    if path is None:
        raise OperatorError("no passphrase for the root key was given")
    return read_passphrase(path)


def read_passphrase(path: Path) -> str:
    """Return the first line of a passphrase file. Raises OperatorError."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(PASSPHRASE_FILE_BYTES_MAX)
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"the passphrase file {path} cannot be read: {error}") from None
    first_line = text.split("\n", 1)[0].rstrip("\r")
    if not first_line:
        raise OperatorError(f"the passphrase file {path} is empty")
    return first_line
