"""The root key in a file: one line of text, readable by its owner alone, kept apart from what it opens.

strongroom-root-key:v1:<64 hexadecimal digits of the key>:<8 hexadecimal digits of a checksum>
"""

import contextlib
import hashlib
import os
import re
from pathlib import Path

from strongroom.base.errors import OperatorError
from strongroom.base.private_file import read_private
from strongroom.crypto.mac import equal
from strongroom.crypto.random import new_key, random_bytes
from strongroom.envelope.root.local_key import LocalRootKey, fingerprint_of

FILE_BYTES_MAX = 1024

_LINE = re.compile(rb"strongroom-root-key:v([0-9]{1,4}):(?:([0-9a-f]{64}):([0-9a-f]{8}))?.*", re.DOTALL)
_CHECKSUM_PREFIX = b"strongroom-root-key:v1:"


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
            _make_directories(path.parent)
            _write_new(path, encode(key))
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
    return _CHECKSUM_PREFIX + key.hex().encode() + b":" + _checksum(key) + b"\n"


def decode(content: bytes) -> bytes:
    """Return the key in a file's content. Raises ValueError, whose message never repeats the content."""
    match = _LINE.fullmatch(content.strip())
    if match is None:
        raise ValueError("it does not hold a line strongroom-root-key:v1:...")
    version, digits, checksum = match.groups()
    if version != b"1":
        raise ValueError(f"it has version {int(version)}, and only version 1 is known")
    if digits is None or match.end(3) != match.end():
        raise ValueError("its line is cut off, or longer than it should be")
    key = bytes.fromhex(digits.decode())
    if not equal(checksum, _checksum(key)):
        raise ValueError("its checksum does not agree: a digit is wrong")
    return key


def _checksum(key: bytes) -> bytes:
    """Return eight digits that find a mistyped key. They are as secret as the key, and never stored apart from it."""
    return hashlib.sha256(_CHECKSUM_PREFIX + key).hexdigest()[:8].encode()


def _require_outside(path: Path, outside: Path | None) -> None:
    if outside is not None and Path(os.path.realpath(path)).is_relative_to(os.path.realpath(outside)):
        raise OperatorError(
            f"the root key file {path} lies inside the data directory {outside}, so a copy of the data would carry the "
            "key that opens it: keep the key elsewhere"
        )


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that appears complete or not at all, and never in the place of another. Raises FileExistsError."""
    temporary = path.with_name(f".{path.name}.{random_bytes(8).hex()}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            os.fchmod(descriptor, 0o600)
            _write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        # A hard link fails when the name is taken, where a rename would replace what is there.
        os.link(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
    _sync_directory(path.parent)


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _make_directories(directory: Path) -> None:
    if directory.is_dir():
        return
    _make_directories(directory.parent)
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    _sync_directory(directory.parent)


def _sync_directory(directory: Path) -> None:
    """Make the names in a directory durable: without this, a power cut may leave a synced file without its name."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
