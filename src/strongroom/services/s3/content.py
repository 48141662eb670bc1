"""The bytes of objects: sealed on their way in, opened on their way out, small ones in the row and large ones in blobs.

A piece is sealed for its own place, its content id and number, under the object's keys: it opens nowhere else.
"""

import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from typing import Any, NamedTuple

from strongroom.envelope.streams import open_object, seal_object
from strongroom.operations.house import House
from strongroom.operations.sealed_blobs.reader import SealedBlobReader
from strongroom.operations.sealed_blobs.reference import BlobReference
from strongroom.operations.sealed_blobs.writer import SealedBlobWriter, Watcher
from strongroom.services.s3 import errors, tables
from strongroom.services.s3.object_keys import ContentKeys
from strongroom.storage.blobs.errors import BlobsUnavailable
from strongroom.storage.blobs.store import BlobStore
from strongroom.storage.connection import Connection
from strongroom.storage.errors import StorageUnavailable

INLINE_BYTES_MAX = 16 * 1024
"""Up to this size a piece stays in its row: a file of its own would cost more than its bytes."""


class Piece(NamedTuple):
    """A stored piece: its number, its size in plaintext and as it is stored, its blob or (small) its sealed bytes."""

    number: int
    size: int
    stored_size: int
    blob: str | None
    inline: bytes | None

    def values(self, content_id: str) -> dict[str, Any]:
        """Return its row; alone it begins where the whole does."""
        return {
            "content_id": content_id,
            "number": self.number,
            "starts_at": 0,
            "size": self.size,
            "stored_size": self.stored_size,
            "blob": self.blob,
            "inline": self.inline,
            "details": {},
        }


def piece_place(content_id: str, number: int) -> str:
    """Return the place that a piece is sealed for."""
    return f"s3 content {content_id} piece {number}"


def keys_in_order(keys: ContentKeys) -> Sequence[bytes]:
    """Return the keys of the layers that a content is sealed in, the inner one first."""
    return (keys.inner,) if keys.outer is None else (keys.inner, keys.outer)


class ContentWriter:
    """Takes in one piece. What was written is gone unless `finish` returned.

    `watchers` see every byte of it, in order: the `update` of a checksum; those of quick ones are `quick_watchers`.
    """

    def __init__(
        self,
        blobs: BlobStore,
        content_id: str,
        number: int,
        keys: ContentKeys,
        watchers: Sequence[Watcher],
        quick_watchers: Sequence[Watcher],
    ) -> None:
        self._blobs = blobs
        self._number = number
        self._place = piece_place(content_id, number)
        self._keys = keys_in_order(keys)
        self._watchers = watchers
        self._quick_watchers = quick_watchers
        self._held: list[bytes] = []
        self._size = 0
        self._writer: SealedBlobWriter | None = None

    async def write(self, chunk: bytes) -> None:
        """Take in the next bytes."""
        self._size += len(chunk)
        if self._writer is None:
            self._held.append(chunk)
            if self._size <= INLINE_BYTES_MAX:
                return
            self._writer = SealedBlobWriter(
                self._blobs, self._keys, self._place, self._watchers, quick_watchers=self._quick_watchers
            )
            chunk, self._held = b"".join(self._held), []
        await self._writer.write(chunk)

    async def finish(self) -> Piece:
        """Make the piece durable, as far as it is in a blob; the rest is durable with its row."""
        if self._writer is None:
            plaintext = b"".join(self._held)
            for watcher in (*self._quick_watchers, *self._watchers):
                watcher(plaintext)
            sealed = seal_object(plaintext, self._keys, self._place)
            return Piece(self._number, self._size, len(sealed), None, sealed)
        reference = await self._writer.finish()
        return Piece(self._number, self._size, reference.stored_bytes, reference.name, None)

    async def discard(self) -> None:
        """Leave nothing behind."""
        if self._writer is not None:
            await self._writer.discard()


class Content:
    """The bytes of every object of one house."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._readers: Counter[str] = Counter()
        self._unwanted: set[str] = set()

    def writer(
        self,
        content_id: str,
        number: int,
        keys: ContentKeys,
        watchers: Sequence[Watcher] = (),
        quick_watchers: Sequence[Watcher] = (),
    ) -> ContentWriter:
        """Return a writer for one piece of an object."""
        return ContentWriter(self._house.blobs, content_id, number, keys, watchers, quick_watchers)

    async def read(self, content_id: str, keys: ContentKeys, first: int, length: int) -> AsyncIterator[bytes]:
        """Return `length` bytes of an object from `first` on, opened as they are read.

        The first of them are opened before this returns: what is damaged is refused, not answered half.
        """
        chunks = self._chunks(content_id, keys_in_order(keys), first, first + length - 1)
        try:
            beginning = await anext(chunks)
        except StopAsyncIteration:
            beginning = b""
        return _following(beginning, chunks)

    async def _chunks(
        self, content_id: str, keys: Sequence[bytes], first: int, last: int
    ) -> AsyncGenerator[bytes, None]:
        if last < first:
            return
        pieces = await self._house.store.read(_pieces_between(content_id, first, last))
        if sum(_overlap(piece, first, last)[1] for piece in pieces) != last - first + 1:
            # The object was overwritten or deleted between its row and its bytes.
            raise errors.try_again()
        blobs = [piece.blob for piece in pieces if piece.blob is not None]
        self._readers.update(blobs)
        try:
            for piece in pieces:
                skipped, length = _overlap(piece, first, last)
                place = piece_place(content_id, piece.number)
                if piece.inline is not None:
                    yield open_object(piece.inline, keys, place)[skipped : skipped + length]
                    continue
                reference = BlobReference(piece.blob, piece.stored_size, piece.size)
                reader = await SealedBlobReader.open(self._house.blobs, reference, keys, place, skipped, length)
                async with reader:
                    async for chunk in reader:
                        yield chunk
        finally:
            await self._let_go(blobs)

    async def _let_go(self, blobs: Sequence[str]) -> None:
        """Tell that a reader needs blobs no more; what was to be removed meanwhile is removed now."""
        for name in blobs:
            self._readers[name] -= 1
            if not self._readers[name]:
                del self._readers[name]
        free = [name for name in blobs if name in self._unwanted and name not in self._readers]
        self._unwanted.difference_update(free)
        await self.delete(free)

    @contextlib.asynccontextmanager
    async def unless_committed(self, blobs: Sequence[str]) -> AsyncIterator[None]:
        """Remove blobs when the transaction in this context, which makes them somebody's, was refused.

        When its caller is cancelled, or the database fails meanwhile, nobody knows whether it was committed: the blobs
        stay then, and the sweeper removes those that no row leads to.
        """
        try:
            yield
        except StorageUnavailable:
            raise
        except Exception:
            await self.delete(blobs)
            raise

    async def delete(self, blobs: Iterable[str]) -> None:
        """Remove blobs that no row leads to any more, but not while somebody reads them.

        What cannot be removed now, the sweeper finds later.
        """
        store = self._house.blobs
        for name in blobs:
            if name in self._readers:
                self._unwanted.add(name)
                continue
            with contextlib.suppress(BlobsUnavailable):
                await store.run(store.delete, name)


def _pieces_between(content_id: str, first: int, last: int) -> Callable[[Connection], Sequence[Any]]:
    return lambda connection: tables.select_pieces(connection, content_id, first, last)


def _overlap(piece: Any, first: int, last: int) -> tuple[int, int]:
    """Return how many bytes of a piece come before the range `first` to `last` of the whole, and how many are in it."""
    skipped = max(0, first - piece.starts_at)
    return skipped, min(piece.starts_at + piece.size, last + 1) - piece.starts_at - skipped


async def _following(beginning: bytes, chunks: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    async with contextlib.aclosing(chunks):
        yield beginning
        async for chunk in chunks:
            yield chunk
