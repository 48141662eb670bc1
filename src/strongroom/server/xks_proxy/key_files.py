"""The proxy's keys in files: `keys/ID.key` for each external key, and `house.key`. See docs/formats.md, "Key file"."""

from collections.abc import Iterable
from pathlib import Path

from strongroom.base.errors import OperatorError
from strongroom.base.private_file import read_private, write_private
from strongroom.crypto.aead import N_BYTES, DerivedKeyAead
from strongroom.crypto.key_text import decode_key, encode_key
from strongroom.crypto.random import new_key
from strongroom.server.xks_proxy.external_key import IN_FILE, ExternalKey
from strongroom.server.xks_proxy.key_manager import KeyManager

KIND = "strongroom-external-key"
FILE_BYTES_MAX = 1_024


def open_key_files(directory: Path, key_ids: Iterable[str], *, make: bool) -> KeyManager:
    """Return the keys whose files are in `directory`. `make` makes missing ones; the house key is made at first start.

    Raises OperatorError for a file that is missing, open to others than its owner, or damaged.
    """
    house_key = _open(directory / "house.key", make=True)
    keys = {key_id: _open(directory / "keys" / f"{key_id}.key", make=make) for key_id in key_ids}
    return KeyManager(
        keys={key_id: ExternalKey(key, IN_FILE, N_BYTES) for key_id, key in keys.items()},
        house_key=house_key,
        vendor="Strongroom",
        model="Key files",
        id="key-files",
    )


def _open(path: Path, *, make: bool) -> DerivedKeyAead:
    if make and not path.exists():
        try:
            write_private(path, encode_key(KIND, new_key()))
        except OSError as error:
            raise OperatorError(f"the external key file {path} cannot be made: {error.strerror}") from None
    content = read_private(path, "external key file", FILE_BYTES_MAX)
    try:
        return DerivedKeyAead(decode_key(KIND, content))
    except ValueError as error:
        raise OperatorError(f"the external key file {path} cannot be used: {error}") from None
