"""Reading an object, or a range of it, out of a sealed blob."""

import asyncio
from collections import deque
from collections.abc import Generator, Sequence
from types import TracebackType
from typing import Self

from strongroom.operations.sealed_blobs.opened_pieces import Piece, opened_pieces
from strongroom.operations.sealed_blobs.reference import BlobReference
from strongroom.storage.blobs.store import BlobStore


class SealedBlobReader:
    """The plaintext of a range, segment by segment: an asynchronous iterator of bytes, made by `open`.

    While a piece is handed out, the next one is read and opened in a thread, so that at most two pieces are in memory.
    What is handed out is authenticated. Use it as a context manager, or call `aclose`.
    """

    def __init__(self, blobs: BlobStore, pieces: Generator[Piece, None, None]) -> None:
        self._blobs = blobs
        self._pieces = pieces
        self._ready: deque[bytes] = deque()
        self._under_way: asyncio.Future[Piece] | None = None
        self._is_over = False

    @classmethod
    async def open(
        cls,
        blobs: BlobStore,
        reference: BlobReference,
        keys: Sequence[bytes],
        place: str,
        offset: int = 0,
        length: int | None = None,
    ) -> "SealedBlobReader":
        """Open a range (by default, all from `offset` on) and authenticate the first piece of it.

        So whoever gets a reader can answer that the range is coming. A later piece can still fail: then iterating
        raises what this raises. Raises SealBroken for what was not sealed for `place` with `keys`, BlobMissing,
        BlobsUnavailable, and ValueError for a range that is not in the object.
        """
        end = reference.plaintext_bytes if length is None else offset + length
        if not 0 <= offset <= end <= reference.plaintext_bytes:
            raise ValueError(f"an object of {reference.plaintext_bytes} bytes has no range {offset} to {end}")
        reader = cls(blobs, opened_pieces(blobs, reference, keys, place, offset, end))
        try:
            await reader._advance()
        except BaseException:
            await reader.aclose()
            raise
        return reader

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            if not self._ready and not self._is_over:
                await self._advance()
            if not self._ready:
                raise StopAsyncIteration
            if self._under_way is None and not self._is_over:
                self._read_ahead()
            return self._ready.popleft()
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Let go of the blob, once no thread reads it any more. May be called more than once."""
        if self._under_way is not None:
            await asyncio.wait([self._under_way])
            self._under_way.exception()  # Seen, so that nobody complains that it was not.
            self._under_way = None
        self._is_over = True
        self._ready.clear()
        self._pieces.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _read_ahead(self) -> "asyncio.Future[Piece]":
        self._under_way = self._blobs.start(next, self._pieces)
        return self._under_way

    async def _advance(self) -> None:
        """Wait for the next piece. Raises what went wrong with it."""
        # Not awaited itself: whoever is cancelled here must still be able to wait for the thread (see `aclose`).
        under_way = self._under_way or self._read_ahead()
        await asyncio.wait([under_way])
        self._under_way = None
        parts, self._is_over = under_way.result()
        self._ready.extend(parts)
