"""Blobs as files of one directory.

    DIR/ab/abcd...            a finished blob, in one of 256 folders named by the first two digits of its name
    DIR/unfinished/PROCESS/   blobs that are being written

A blob is written to a file under `unfinished/`, synced (fdatasync), renamed to its place, and the folder there is
synced (fsync): after `finish` it outlives a power failure, and before it nobody finds a part of it. Files have mode
0600, folders 0700.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from strongroom.base.buffer import Buffer
from strongroom.base.errors import OperatorError
from strongroom.storage.blobs.errors import BlobMissing, BlobsUnavailable, BlobTooShort
from strongroom.storage.blobs.names import is_name, new_name, require_name
from strongroom.storage.blobs.store import BATCH_MAX, BlobInfo, BlobReader, BlobStore, BlobWriter
from strongroom.storage.blobs.unfinished import UnfinishedFolder

WRITE_BEHIND_BYTES = 8 * 1024 * 1024

_FOLDERS = [f"{number:02x}" for number in range(256)]
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW


class LocalBlobs(BlobStore):
    """The blob store in `directory`, which is made when it is missing. Raises OperatorError when it cannot be used."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory.absolute()
        self._directory_text = str(self._directory)
        try:
            _make_folders(self._directory)
            self._unfinished = UnfinishedFolder(self._directory / "unfinished")
            self.swept_files = self._unfinished.sweep()
        except OSError as error:
            raise OperatorError(f"cannot keep blobs in {directory}: {error.strerror}") from error

    def __repr__(self) -> str:
        return f"LocalBlobs({str(self._directory)!r})"

    def create(self) -> BlobWriter:
        """See `BlobStore.create`."""
        name = new_name()
        return _LocalWriter(name, f"{self._unfinished.path}/{name}", self._path(name))

    def open(self, name: str) -> BlobReader:
        """See `BlobStore.open`."""
        require_name(name)
        with _Outage(name):
            return _LocalReader(name, os.open(self._path(name), _READ))

    def delete(self, name: str) -> None:
        """See `BlobStore.delete`."""
        require_name(name)
        # Not synced: a deleted blob that a power failure brings back is one that no row names.
        with _Outage(), contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(name))

    def batches(self) -> Iterator[list[BlobInfo]]:
        """See `BlobStore.batches`."""
        for folder in _FOLDERS:
            with _Outage(), os.scandir(self._directory / folder) as entries:
                batch = []
                for entry in entries:
                    if is_name(entry.name) and (info := _info(entry)) is not None:
                        batch.append(info)
                    if len(batch) == BATCH_MAX:
                        yield batch
                        batch = []
            if batch:
                yield batch

    def close(self) -> None:
        """See `BlobStore.close`."""
        super().close()
        self._unfinished.close()

    def _path(self, name: str) -> str:
        return f"{self._directory_text}/{name[:2]}/{name}"


class _LocalWriter(BlobWriter):
    def __init__(self, name: str, draft: str, final: str) -> None:
        self.name = name
        self._draft = draft
        self._final = final
        self._descriptor: int | None = None
        self._size = 0
        self._handed_on = 0

    def append(self, data: Buffer) -> None:
        with _Outage():
            descriptor = self._opened()
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            self._size += len(data)
            if self._size - self._handed_on >= WRITE_BEHIND_BYTES:
                # Linux starts writing these pages to the disk, and does not wait: most of a large blob is there before
                # `finish` syncs it. It drops pages that are written already, which these are not.
                os.posix_fadvise(descriptor, self._handed_on, self._size - self._handed_on, os.POSIX_FADV_DONTNEED)
                self._handed_on = self._size

    def finish(self) -> None:
        with _Outage():
            os.fdatasync(self._opened())
            self._close()
            os.rename(self._draft, self._final)
            sync_folder(os.path.dirname(self._final))

    def discard(self) -> None:
        with contextlib.suppress(OSError):
            self._close()
        for path in (self._draft, self._final):
            with contextlib.suppress(OSError):
                os.unlink(path)

    def _opened(self) -> int:
        if self._descriptor is None:
            self._descriptor = os.open(self._draft, _CREATE, 0o600)
        return self._descriptor

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


class _LocalReader(BlobReader):
    def __init__(self, name: str, descriptor: int) -> None:
        self.name = name
        self._descriptor: int | None = descriptor

    def size(self) -> int:
        with _Outage():
            return os.fstat(self._opened()).st_size

    def read_into(self, offset: int, buffer: memoryview) -> None:
        descriptor = self._opened()
        with _Outage():
            while buffer:
                count = os.preadv(descriptor, [buffer], offset)
                if not count:
                    raise BlobTooShort(self.name)
                buffer, offset = buffer[count:], offset + count

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __del__(self) -> None:
        self.close()

    def _opened(self) -> int:
        if self._descriptor is None:
            raise ValueError("the blob is closed")
        return self._descriptor


def sync_folder(folder: Path | str) -> None:
    """Make what was created, renamed or deleted in a folder outlive a power failure. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_folders(directory: Path) -> None:
    """Make the folders once and for all, so that no writer has to."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    missing = set(_FOLDERS).difference(os.listdir(directory))
    for folder in missing:
        (directory / folder).mkdir(mode=0o700, exist_ok=True)
    if missing:
        sync_folder(directory)
        sync_folder(directory.parent)


def _info(entry: "os.DirEntry[str]") -> BlobInfo | None:
    try:
        found = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    return BlobInfo(entry.name, found.st_size, found.st_mtime)


class _Outage:
    """A context in which an OSError is an outage, and, given a name, FileNotFoundError says that the blob is missing.

    A class, because the generator of `contextlib.contextmanager` would cost more than reading a small blob.
    """

    __slots__ = ("_name",)

    def __init__(self, name: str = "") -> None:
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._name and isinstance(error, FileNotFoundError):
            raise BlobMissing(self._name) from None
        if isinstance(error, OSError):
            raise BlobsUnavailable(error.strerror or type(error).__name__) from error
