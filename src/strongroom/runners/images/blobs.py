"""Blobs of an image as they are read: decompressed, and held to both of their digests."""

import gzip
import hashlib
import importlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

from strongroom.runners.images.bounds import UNPACKED_BYTES_MAX, Bounds
from strongroom.runners.images.refusals import ImageRefused

_PIECE_BYTES = 1024 * 1024
_GZIP, _ZSTANDARD, _MAGIC_BYTES = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", 4


class HashedReader(io.RawIOBase):
    """Reads from somewhere else, and knows the SHA-256 and the size of what it read."""

    def __init__(self, source: IO[bytes], bytes_max: int, bounds: Bounds) -> None:
        super().__init__()
        self._source = source
        self._left = bytes_max
        self._bounds = bounds
        self._hash = hashlib.sha256()

    def readable(self) -> bool:
        """Return that it is for reading."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer, as files do. Raises ImageRefused for more than was allowed."""
        self._bounds.check()
        piece = self._source.read(len(buffer))
        self._left -= len(piece)
        if self._left < 0:
            raise ImageRefused("a part of it is larger than it says, or than is allowed")
        self._hash.update(piece)
        buffer[: len(piece)] = piece
        return len(piece)

    def finish(self) -> str:
        """Read what is left, and return the digest of it all."""
        buffer = bytearray(_PIECE_BYTES)
        while self.readinto(buffer):
            pass
        return f"sha256:{self._hash.hexdigest()}"


@contextmanager
def opened_layer(source: IO[bytes], size: int, digest: str, diff_id: str, bounds: Bounds) -> Iterator[IO[bytes]]:
    """Have a layer to read, decompressed. What was read of it is good only when this ends without an error.

    `digest` is that of what is stored (empty where nobody said), `diff_id` that of what comes out. Raises ImageRefused.
    """
    stored = HashedReader(source, size, bounds)
    reading = io.BufferedReader(stored, _PIECE_BYTES)
    try:
        unpacked = HashedReader(_decompressed(reading), UNPACKED_BYTES_MAX, bounds)
        yield cast(IO[bytes], io.BufferedReader(unpacked, _PIECE_BYTES))
        if unpacked.finish() != diff_id:
            raise ImageRefused(f"a layer of it does not have the digest {diff_id}")
        if digest and stored.finish() != digest:
            raise ImageRefused(f"a layer of it does not have the digest {digest}")
    except (OSError, EOFError, zlib.error) as error:
        raise ImageRefused(f"a layer of it cannot be read: {error}") from None


def _decompressed(stored: "io.BufferedReader[HashedReader]") -> IO[bytes]:
    magic = stored.peek(_MAGIC_BYTES)[:_MAGIC_BYTES]
    if magic.startswith(_GZIP):
        return cast(IO[bytes], gzip.GzipFile(fileobj=stored, mode="rb"))
    if magic == _ZSTANDARD:
        return _zstandard(stored)
    return cast(IO[bytes], stored)


def _zstandard(stored: "io.BufferedReader[HashedReader]") -> IO[bytes]:
    try:
        # Python has it since 3.14.
        library = importlib.import_module("compression.zstd")
    except ImportError:
        raise ImageRefused("a layer of it is compressed by zstd, which this Python cannot read (3.14 can)") from None
    return cast(IO[bytes], library.ZstdFile(stored))
