"""The interface of a blob store.

All methods block, for they are called in the store's own threads (`BlobStore.run`), where a caller does all that it has
to do with a piece of data in one go: to hop into a thread costs as much as to write 100 KiB.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, ParamSpec, TypeVar

from strongroom.base.buffer import Buffer
from strongroom.storage.blobs.errors import BlobsUnavailable

THREADS_MAX = 16
BATCH_MAX = 1000

P = ParamSpec("P")
T = TypeVar("T")


class BlobInfo(NamedTuple):
    """A blob as it is found: its size in bytes, and when it was written, in seconds since the epoch.

    That time is of the real clock, the file system's or the object store's.
    """

    name: str
    stored_bytes: int
    modified_at: float


class BlobWriter(ABC):
    """A blob that is being written. One thread at a time. Nobody sees anything of it before `finish` has returned.

    Whoever does not come to the end of it calls `discard`.
    """

    name: str

    @abstractmethod
    def append(self, data: Buffer) -> None:
        """Add `data`, without keeping it. Raises BlobsUnavailable."""

    @abstractmethod
    def finish(self) -> None:
        """Make the blob durable, then let it be found. Raises BlobsUnavailable."""

    @abstractmethod
    def discard(self) -> None:
        """Forget what was written, even when it was finished. May be called more than once; never raises."""


class BlobReader(ABC):
    """A blob that is open for reading. One thread at a time. Once it is deleted, it can still be read, or it cannot."""

    name: str

    @abstractmethod
    def size(self) -> int:
        """Return the size in bytes. Raises BlobMissing and BlobsUnavailable."""

    @abstractmethod
    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill `buffer` with the bytes from `offset` on.

        Raises BlobTooShort when the blob ends earlier, BlobMissing when it is gone, and BlobsUnavailable.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of the blob. May be called more than once."""


class BlobStore(ABC):
    """Blobs by their names."""

    read_bytes: int = 1024 * 1024
    """How much to read at a time of a long range: enough that going there once more does not matter."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="blobs")

    def start(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "asyncio.Future[T]":
        """Start `fn` in one of the store's threads, and return at once.

        Whoever awaits the future and is cancelled cancels it too, and does not learn when the thread is done. Where
        that matters, use `asyncio.wait`. Raises BlobsUnavailable when the store is closed.
        """
        try:
            return asyncio.wrap_future(self._threads.submit(fn, *args, **kwargs))
        except RuntimeError as error:
            raise BlobsUnavailable("it is closed") from error

    async def run(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `fn` returns in one of the store's threads. It is done even when the caller is cancelled."""
        return await asyncio.shield(self.start(fn, *args, **kwargs))

    @abstractmethod
    def create(self) -> BlobWriter:
        """Return the writer of a blob with a new name. Does no I/O yet."""

    @abstractmethod
    def open(self, name: str) -> BlobReader:
        """Open a blob. Raises BlobMissing (here or at the first read), BlobsUnavailable, ValueError for no name."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Delete a blob, if it is there. Raises BlobsUnavailable, and ValueError for what is not a name."""

    @abstractmethod
    def batches(self) -> Iterator[list[BlobInfo]]:
        """Yield every finished blob, at most `BATCH_MAX` at a time, in no order.

        A blob that comes or goes meanwhile may be among them or not. Raises BlobsUnavailable.
        """

    def close(self) -> None:
        """Wait for what is under way, and let go of everything."""
        self._threads.shutdown()


def open_blob_store(place: Path | str) -> BlobStore:
    """Open the blob store in a directory (which is made), or at an object store's URL (`s3://bucket/prefix`).

    Leftovers of writers that died are removed. Raises OperatorError when the place cannot be used.
    """
    if isinstance(place, str) and "://" in place:
        from strongroom.storage.blobs.object_store import ObjectStoreBlobs

        return ObjectStoreBlobs.open_url(place)
    from strongroom.storage.blobs.local import LocalBlobs

    return LocalBlobs(Path(place))
