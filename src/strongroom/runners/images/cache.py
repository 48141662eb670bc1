"""Images as they are unpacked: each once, in a directory that is named by what is in it, for builds to read.

What is in an image is not secret, and no job may write to it. A directory appears under its name only when it is whole:
until then it is `.new-...`, which the next process removes when its maker is no more. Who uses an image holds a shared
lock on it; the one that was used longest ago goes when there are too many, and loses its name before anything else.
"""

import ctypes
import fcntl
import os
import tempfile
from pathlib import Path
from typing import IO, Protocol

import msgspec

from strongroom.runners.images.blobs import opened_layer
from strongroom.runners.images.bounds import UNPACKED_BYTES_MAX, Bounds
from strongroom.runners.images.layers import apply_layer
from strongroom.runners.images.manifests import Descriptor, ImageConfig
from strongroom.runners.images.refusals import ImageRefused
from strongroom.runners.trees import remove_tree

IMAGES_MAX, IMAGES_BYTES_MAX = 24, 40 * 1024**3
_ROOT, _CONFIG, _LOCK, _BYTES, _DRAFT = "root", "config.json", "lock", "bytes", ".new-"
_TRIES_MAX = 3


class ImageSource(Protocol):
    """Where an image comes from."""

    config: ImageConfig
    layers: tuple[Descriptor, ...]

    def open_layer(self, number: int) -> IO[bytes]:
        """Return a layer as it is stored. Raises ImageRefused."""


class RootFileSystem:
    """A root file system for reading, and the environment variables that it comes with. It is to be `release`d."""

    def __init__(self, path: Path, variables: dict[str, str], lock: int | None = None) -> None:
        self.path = path
        self.variables = variables
        self._lock = lock

    def release(self) -> None:
        """Say that nobody uses it any more. Safe to call twice."""
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)


class ImageCache:
    """The unpacked images in one directory, which several processes may share. Its methods block."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def scratch(self) -> Path:
        """Return the directory, made if need be. Raises OSError."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.directory

    def root_of(self, image: ImageSource, bounds: Bounds) -> RootFileSystem:
        """Return the root file system of an image, unpacked if it is not there yet. Raises ImageRefused."""
        name = image.config.image_id.removeprefix("sha256:")
        try:
            for _ in range(_TRIES_MAX):
                found = self._found(name)
                if found is not None:
                    return found
                self._unpack(name, image, bounds)
                self._sweep(name)
        except OSError as error:
            raise ImageRefused(f"it cannot be unpacked: {error.strerror or error}") from None
        raise ImageRefused("it is removed as often as it is unpacked")

    def _found(self, name: str) -> RootFileSystem | None:
        where = self.directory / name
        try:
            lock = os.open(where / _LOCK, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_SH)
            _must_be_of(lock, where)
            variables = msgspec.json.decode((where / _CONFIG).read_bytes(), type=dict[str, str])
            os.utime(where / _CONFIG)
        except (OSError, msgspec.DecodeError):
            os.close(lock)  # Removed by somebody before we had the lock.
            return None
        return RootFileSystem(where / _ROOT, variables, lock)

    def _unpack(self, name: str, image: ImageSource, bounds: Bounds) -> None:
        if len(image.layers) != len(image.config.diff_ids):
            raise ImageRefused("its manifest and its configuration tell of different layers")
        draft = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=self.scratch()))
        bounds.keep_room_in(draft)
        lock = os.open(draft / _DRAFT, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # It has the name that a sweep looks for only when it is held.
            (draft / _DRAFT).rename(draft / _LOCK)
            root = draft / _ROOT
            root.mkdir()
            root.chmod(0o755)
            for number, (layer, diff_id) in enumerate(zip(image.layers, image.config.diff_ids, strict=True)):
                with (
                    image.open_layer(number) as stored,
                    opened_layer(stored, layer.size, layer.digest, diff_id, bounds) as content,
                ):
                    apply_layer(root, content, bounds)
            (draft / _BYTES).write_text(str(bounds.bytes_taken))
            (draft / _CONFIG).write_bytes(msgspec.json.encode(image.config.variables))
            draft.chmod(0o755)
            _write_through(draft)
            try:
                draft.rename(self.directory / name)
            except OSError:
                # Somebody else was faster, with the same.
                if not (self.directory / name).is_dir():
                    raise
                if not (self.directory / name / _CONFIG).exists():
                    _remove_unused(self.directory / name)
        finally:
            _remove(draft)
            os.close(lock)

    def _sweep(self, kept: str) -> None:
        """Remove what nobody makes or uses: drafts of the dead, and the oldest of too many or too large images."""
        whole = []
        for each in self.directory.iterdir():
            if each.name.startswith(_DRAFT):
                _remove_unused(each)
            elif each.name != kept and (each / _CONFIG).exists():
                whole.append(((each / _CONFIG).stat().st_mtime, each))
        left = IMAGES_BYTES_MAX - _bytes_of(self.directory / kept)
        for number, (_, each) in enumerate(sorted(whole, reverse=True), 1):
            left -= _bytes_of(each)
            if number >= IMAGES_MAX or left < 0:
                _remove_unused(each)


def _bytes_of(image: Path) -> int:
    try:
        return int((image / _BYTES).read_text())
    except (OSError, ValueError):
        return UNPACKED_BYTES_MAX  # Nobody has written down how much it has.


def _write_through(directory: Path) -> None:
    """Have all be on the disk before it gets its name: a power failure must not leave half an image under it."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        ctypes.CDLL(None, use_errno=True).syncfs(descriptor)
    finally:
        os.close(descriptor)


def _must_be_of(lock: int, directory: Path) -> None:
    """Raise OSError if a lock, which may have been waited for, is that of a directory that was here before."""
    if not os.path.samestat(os.fstat(lock), (directory / _LOCK).stat()):
        raise FileNotFoundError


def _remove_unused(directory: Path) -> None:
    is_draft = directory.name.startswith(_DRAFT)
    try:
        # A draft without a lock is being made this moment, or removed. An image without one was not left in order.
        lock = os.open(directory / _LOCK, os.O_RDONLY | os.O_CLOEXEC | (0 if is_draft else os.O_CREAT), 0o600)
    except OSError:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _must_be_of(lock, directory)
        if not is_draft:
            # Whoever is killed now leaves a draft, and never half an image under its name.
            nameless = tempfile.mkdtemp(prefix=_DRAFT, dir=directory.parent)
            directory = directory.rename(nameless)
        _remove(directory)
    except OSError:
        return  # Somebody uses it.
    finally:
        os.close(lock)


def _remove(directory: Path) -> None:
    """Remove a draft, its lock last: what is left without one, nobody would dare to remove."""
    for name in (_ROOT, _CONFIG):
        remove_tree(directory / name)
    remove_tree(directory)
