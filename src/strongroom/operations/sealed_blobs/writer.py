"""Writing an object into a sealed blob, as it comes."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

from strongroom.base.buffer import Buffer
from strongroom.envelope.stream_layout import SEGMENT_BYTES
from strongroom.envelope.streams import StreamSealer
from strongroom.operations.sealed_blobs.reference import BlobReference
from strongroom.operations.sealed_blobs.scratch import scratch
from strongroom.storage.blobs.errors import BlobsUnavailable
from strongroom.storage.blobs.store import BlobStore

PIECE_BYTES = 1024 * 1024
SMALL_CHUNK_BYTES = 4 * 1024
SMALL_PIECE_BYTES = 128 * 1024

Watcher = Callable[[Buffer], object]
"""What sees every byte of the plaintext, in order, in a thread: the `update` of a checksum. It keeps nothing."""


class SealedBlobWriter:
    """Seals an object for `place` with `keys` (one a layer, the inner one first) into a new blob.

    Chunks are gathered to pieces of a megabyte. While one piece is sealed and written in a thread, and each watcher
    looks at it in another, the next one is gathered. So a writer holds at most two pieces, and the last chunk. A quick
    watcher, which takes less time than a thread takes to begin, looks at it in the thread that seals it.

    Use it as a context manager: unless it is finished at the end, it is discarded. Once `finish` has returned, leaving
    the context keeps the blob, whatever happens: a row may name it by then. Raises ValueError for keys and places that
    `StreamSealer` does not take.
    """

    def __init__(
        self,
        blobs: BlobStore,
        keys: Sequence[bytes],
        place: str,
        watchers: Iterable[Watcher] = (),
        segment_bytes: int = SEGMENT_BYTES,
        *,
        quick_watchers: Iterable[Watcher] = (),
    ) -> None:
        self._blobs = blobs
        self._blob = blobs.create()
        self._sealer = StreamSealer(keys, place, segment_bytes)
        self._header = self._sealer.header
        self._watchers = tuple(watchers)
        self._quick_watchers = tuple(quick_watchers)
        self._piece_bytes = max(1, PIECE_BYTES // segment_bytes) * segment_bytes
        self._chunks: list[Buffer] = []
        self._gathered_bytes = 0
        self._plaintext_bytes = 0
        self._under_way: set[asyncio.Future[None]] = set()
        self._is_open = True
        self._is_finished = False

    async def write(self, chunk: bytes) -> None:
        """Add `chunk` to the object. Returns when it is gathered, which is before it is stored.

        Raises BlobsUnavailable and what a watcher raises, for this chunk or an earlier one; then nothing can be added.
        """
        self._require_open()
        self._gather(chunk)
        # A whole piece stays until more has come: only the end of the object tells which segment is the last.
        while self._gathered_bytes > self._piece_bytes:
            await self._settle()
            self._start(self._take(self._piece_bytes), is_last=False)

    async def finish(self, verify: Callable[[], object] = lambda: None) -> BlobReference:
        """Store the rest, durably, and return the reference. The row that holds it may be committed then, not before.

        `verify` is called, in a thread, when every watcher has seen everything and nothing can be found yet: what it
        raises (for a checksum that is not the one promised) is raised, and there is no blob. Raises as `write` does.
        """
        self._require_open()
        await self._settle()
        piece = self._take(self._gathered_bytes)
        if _size_of(piece) <= SMALL_PIECE_BYTES:
            self._under_way.add(self._blobs.start(self._watch_seal_and_finish, piece, verify))
        else:
            self._start(piece, is_last=True)
            await self._settle()
            self._under_way.add(self._blobs.start(self._finish, verify))
        await self._settle()
        self._is_open = False
        self._is_finished = True
        stored_bytes = self._sealer.layout.stored_bytes(self._plaintext_bytes)
        return BlobReference(self._blob.name, stored_bytes, self._plaintext_bytes)

    async def discard(self) -> None:
        """Forget the object, even when it was finished: for whoever knows that no row names it. Never raises."""
        self._is_open = False
        self._chunks.clear()
        if self._under_way:
            await asyncio.wait(self._under_way)
            for future in self._under_way:
                future.exception()  # Seen, so that nobody complains that it was not.
            self._under_way.clear()
        with contextlib.suppress(BlobsUnavailable):
            await self._blobs.run(self._blob.discard)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._is_finished:
            await self.discard()

    def _require_open(self) -> None:
        if not self._is_open:
            raise ValueError("the blob is finished, discarded or broken")

    def _gather(self, chunk: bytes) -> None:
        """Keep the chunk itself. Small ones are put together, for as objects they take much more than their bytes."""
        if not chunk:
            return
        self._gathered_bytes += len(chunk)
        if len(chunk) >= SMALL_CHUNK_BYTES:
            self._chunks.append(chunk)
        elif self._chunks and isinstance(self._chunks[-1], bytearray) and len(self._chunks[-1]) < SMALL_PIECE_BYTES:
            self._chunks[-1] += chunk
        else:
            self._chunks.append(bytearray(chunk))

    def _take(self, size: int) -> list[Buffer]:
        """Return the next `size` bytes that were gathered."""
        piece, self._chunks, missing = self._chunks, [], self._gathered_bytes - size
        self._gathered_bytes = missing
        self._plaintext_bytes += size
        # Only the last chunk came after the piece was full, so the cut is in it.
        if missing:
            last = memoryview(piece.pop())
            piece.append(last[:-missing])
            self._chunks.append(last[-missing:])
        return piece

    def _start(self, piece: list[Buffer], *, is_last: bool) -> None:
        for watcher in self._watchers:
            self._under_way.add(self._blobs.start(_show, watcher, piece))
        self._under_way.add(self._blobs.start(self._seal, piece, is_last=is_last))

    async def _settle(self) -> None:
        """Wait for what is under way. Raises what went wrong there."""
        if not self._under_way:
            return
        # Not awaited one by one: whoever is cancelled here must still be able to wait for the threads (see `discard`).
        await asyncio.wait(self._under_way)
        errors = [error for future in self._under_way if (error := future.exception()) is not None]
        self._under_way.clear()
        if errors:
            self._is_open = False
            raise errors[0]

    def _watch_seal_and_finish(self, piece: list[Buffer], verify: Callable[[], object]) -> None:
        for watcher in self._watchers:
            _show(watcher, piece)
        self._seal(piece, is_last=True)
        self._finish(verify)

    def _finish(self, verify: Callable[[], object]) -> None:
        verify()
        self._blob.finish()

    def _seal(self, piece: list[Buffer], *, is_last: bool) -> None:
        """Seal a piece and write it. Runs in a thread, one at a time."""
        for watcher in self._quick_watchers:
            _show(watcher, piece)
        layout = self._sealer.layout
        segments = layout.segments(_size_of(piece))
        header, self._header = self._header, b""
        end = len(header)
        room = scratch("sealed", end + segments * layout.sealed_segment_bytes)
        room[:end] = header
        for number, segment in enumerate(_segments_of(piece, layout.segment_bytes), 1):
            start, end = end, end + len(segment) + layout.sealed_segment_bytes - layout.segment_bytes
            self._sealer.seal_into(segment, room[start:end], is_last=is_last and number == segments)
        self._blob.append(room[:end])


def _size_of(piece: list[Buffer]) -> int:
    return sum(map(len, piece))


def _show(watcher: Watcher, piece: list[Buffer]) -> None:
    for chunk in piece:
        watcher(chunk)


def _segments_of(piece: list[Buffer], segment_bytes: int) -> Iterator[Buffer]:
    """Yield a piece in segments, the last of which may be shorter. Each is good until the next one is asked for."""
    joined = scratch("joined", segment_bytes)
    filled = 0
    for chunk in piece:
        rest = memoryview(chunk)
        while rest:
            if not filled and len(rest) >= segment_bytes:
                yield rest[:segment_bytes]
                rest = rest[segment_bytes:]
                continue
            taken = rest[: segment_bytes - filled]
            joined[filled : filled + len(taken)] = taken
            rest, filled = rest[len(taken) :], filled + len(taken)
            if filled == segment_bytes:
                yield joined
                filled = 0
    if filled or not piece:
        yield joined[:filled]
