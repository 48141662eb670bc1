"""The root key in a file: one line of text, readable by its owner alone, kept apart from what it opens.

strongroom-root-key:v1:<64 hexadecimal digits of the key>:<8 hexadecimal digits of a checksum>
"""

import os
from pathlib import Path

from strongroom.base.errors import OperatorError
from strongroom.base.private_file import read_private, write_private
from strongroom.crypto.key_text import decode_key, encode_key
from strongroom.crypto.random import new_key
from strongroom.envelope.root.local_key import LocalRootKey, fingerprint_of

KIND = "strongroom-root-key"
FILE_BYTES_MAX = 1024


class KeyFileRoot(LocalRootKey):
    """A 256-bit random root key that a file of mode 0600 (or 0400) holds."""

    __slots__ = ("_fingerprint", "_path")

    public_parameters = ""

    def __init__(self, key: bytes, path: Path) -> None:
        super().__init__(key)
        self._fingerprint = "key-file:" + fingerprint_of(key)
        self._path = path

    def __repr__(self) -> str:
        return f"KeyFileRoot({self._fingerprint})"

    @classmethod
    def create(cls, path: Path, *, outside: Path | None = None) -> "KeyFileRoot":
        """Make a new key and its file, durably, with any missing directories (mode 0700).

        `outside` is a directory that the file must not lie in: the data directory, unless the operator allows it.
        Raises OperatorError when the file exists (it is never overwritten), lies in `outside` or cannot be written.
        """
        _require_outside(path, outside)
        key = new_key()
        try:
            write_private(path, encode(key))
        except FileExistsError:
            raise OperatorError(f"the root key file {path} exists already, and is never overwritten") from None
        except OSError as error:
            raise OperatorError(f"the root key file {path} cannot be made: {error.strerror}") from None
        return cls(key, path)

    @classmethod
    def load(cls, path: Path, *, outside: Path | None = None) -> "KeyFileRoot":
        """Read the key from its file.

        Raises OperatorError when the file is missing, open to others than its owner, in `outside`, or damaged.
        """
        _require_outside(path, outside)
        content = read_private(path, "root key file", FILE_BYTES_MAX)
        try:
            return cls(decode(content), path)
        except ValueError as error:
            raise OperatorError(f"the root key file {path} cannot be used: {error}") from None

    @property
    def fingerprint(self) -> str:
        """Return `key-file:` and 32 hexadecimal digits derived from the key, one way."""
        return self._fingerprint

    @property
    def likely_cause(self) -> str:
        """Return what to tell the operator: the key is the right one, so the keyring is not what was wrapped."""
        return f"the key in {self._path} is the right one, so the keyring was altered or damaged"


def encode(key: bytes) -> bytes:
    """Return the content of the file that holds `key` (32 bytes)."""
    return encode_key(KIND, key)


def decode(content: bytes) -> bytes:
    """Return the key in a file's content. Raises ValueError, whose message never repeats the content."""
    return decode_key(KIND, content)


def _require_outside(path: Path, outside: Path | None) -> None:
    if outside is not None and Path(os.path.realpath(path)).is_relative_to(os.path.realpath(outside)):
        raise OperatorError(
            f"the root key file {path} lies inside the data directory {outside}, so a copy of the data would carry the "
            "key that opens it: keep the key elsewhere"
        )
