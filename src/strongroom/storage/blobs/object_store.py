"""Blobs as objects of an S3-compatible, Google Cloud or Azure store, through obstore.

The object is named as the blob, under the prefix of the URL. A long blob goes up as a multipart upload, which the store
shows to nobody before it is complete. An upload that is cut short by a crash stays in the store, unseen but billed: a
lifecycle rule on the bucket (abort incomplete multipart uploads after a day) removes it.
"""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from strongroom.base.buffer import Buffer
from strongroom.base.errors import OperatorError
from strongroom.storage.blobs.errors import BlobMissing, BlobsUnavailable, BlobTooShort
from strongroom.storage.blobs.names import is_name, new_name, require_name
from strongroom.storage.blobs.store import BATCH_MAX, BlobInfo, BlobReader, BlobStore, BlobWriter

try:
    import obstore
    from obstore.exceptions import BaseError
except ImportError:
    raise OperatorError("blobs in an object store need obstore: install strongroom[object-stores]") from None

if TYPE_CHECKING:
    from obstore import WritableFile
    from obstore.store import ObjectStore

PART_BYTES = 8 * 1024 * 1024
PARTS_AT_ONCE = 2
BEGINNING_BYTES = 64 * 1024


class ObjectStoreBlobs(BlobStore):
    """The blob store in an object store that somebody has opened."""

    # A round trip takes tens of milliseconds: larger pieces than from a disk, though two of them are in memory.
    read_bytes = 4 * 1024 * 1024

    def __init__(self, store: "ObjectStore") -> None:
        super().__init__()
        self._store = store

    @classmethod
    def open_url(cls, url: str) -> "ObjectStoreBlobs":
        """Open `s3://`, `gs://`, `az://` or another URL of obstore's, with credentials from the environment.

        Raises OperatorError for a URL that is not understood.
        """
        try:
            return cls(obstore.store.from_url(url))
        except (BaseError, ValueError) as error:
            raise OperatorError(f"cannot keep blobs there: {_first_line(error)}") from None

    def __repr__(self) -> str:
        return f"ObjectStoreBlobs({type(self._store).__name__})"

    def create(self) -> BlobWriter:
        """See `BlobStore.create`."""
        return _ObjectWriter(self._store, new_name())

    def open(self, name: str) -> BlobReader:
        """See `BlobStore.open`."""
        require_name(name)
        return _ObjectReader(self._store, name)

    def delete(self, name: str) -> None:
        """See `BlobStore.delete`."""
        require_name(name)
        with _outage(), contextlib.suppress(FileNotFoundError):
            obstore.delete(self._store, name)

    def batches(self) -> Iterator[list[BlobInfo]]:
        """See `BlobStore.batches`."""
        with _outage():
            for found in obstore.list(self._store, chunk_size=BATCH_MAX):
                batch = [
                    BlobInfo(entry["path"], entry["size"], entry["last_modified"].timestamp())
                    for entry in found
                    if is_name(entry["path"])
                ]
                if batch:
                    yield batch


class _ObjectWriter(BlobWriter):
    def __init__(self, store: "ObjectStore", name: str) -> None:
        self.name = name
        self._store = store
        self._file: WritableFile | None = None
        self._sent = 0
        self._may_be_stored = False

    def append(self, data: Buffer) -> None:
        with _outage():
            if self._file is None:
                self._file = obstore.open_writer(
                    self._store, self.name, buffer_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE
                )
            # A copy, for obstore would keep the buffer itself until it has a part together.
            if len(data):
                self._file.write(bytes(data))
                self._sent += len(data)

    def finish(self) -> None:
        self.append(b"")
        self._may_be_stored = True
        with _outage():
            self._close()

    def discard(self) -> None:
        # obstore cannot abort an upload of which parts have gone up. Completed, it can be deleted.
        if self._sent >= PART_BYTES:
            self._may_be_stored = True
            with contextlib.suppress(Exception):
                self._close()
        self._file = None
        if self._may_be_stored:
            with contextlib.suppress(Exception):
                obstore.delete(self._store, self.name)

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


class _ObjectReader(BlobReader):
    """The first request brings the beginning of the blob and its size; most small blobs need no other."""

    def __init__(self, store: "ObjectStore", name: str) -> None:
        self.name = name
        self._store = store
        self._size: int | None = None
        self._beginning = memoryview(b"")

    def size(self) -> int:
        if self._size is None:
            self._begin()
        return self._size or 0

    def read_into(self, offset: int, buffer: memoryview) -> None:
        end = offset + len(buffer)
        if end > self.size():
            raise BlobTooShort(self.name)
        if end <= len(self._beginning):
            buffer[:] = self._beginning[offset:end]
        elif buffer:
            with _outage(), _missing(self.name):
                found = memoryview(obstore.get_range(self._store, self.name, start=offset, end=end))
            if len(found) != len(buffer):
                raise BlobTooShort(self.name)
            buffer[:] = found

    def close(self) -> None:
        self._beginning = memoryview(b"")

    def _begin(self) -> None:
        with _outage(), _missing(self.name):
            try:
                found = obstore.get(self._store, self.name, options={"range": (0, BEGINNING_BYTES)})
                self._beginning = memoryview(found.bytes())
                self._size = found.meta["size"]
            except BaseError:
                # There is no range in an empty object, and stores differ in how they say so.
                self._size = obstore.head(self._store, self.name)["size"]
                if self._size:
                    raise


@contextlib.contextmanager
def _missing(name: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise BlobMissing(name) from None


@contextlib.contextmanager
def _outage() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        raise BlobsUnavailable(_first_line(error)) from error


def _first_line(error: Exception) -> str:
    """Return what is for people: the lines below it are for the library's authors, and may name settings."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
