"""A cache as an archive: made of files that a build left, and unpacked into the directory of another one.

The server may be root, and both builds' files are anybody's: every step of a path is opened from the one before it, and
a link is never followed, only kept as a link.
"""

import gzip
import os
import stat
import tarfile
import threading
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from strongroom.runners.images.headers import UNREADABLE, BoundedHeader, members_of
from strongroom.runners.trees import walk
from strongroom.services.codebuild.running.caches.places import CachedPlace, name_in_cache, steps_in_build
from strongroom.services.codebuild.running.globs import Globs, GlobsRefused
from strongroom.services.codebuild.running.room import Room
from strongroom.services.codebuild.running.work_files import open_directory, open_file

CACHE_BYTES_MAX = 4 * 1024**3
"""Files of a cache, unpacked."""
FILES_MAX = 500_000
_OTHER_BYTES_MAX = 1024**3
"""What else there is in an archive: headers, and what fills its blocks."""
_PIECE_BYTES = 1024 * 1024
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class CacheBroken(Exception):  # noqa: N818 (it says what happened)
    """A cache cannot be made, or cannot be used. The text says why."""


class _Found(NamedTuple):
    path: str
    link: str
    """Where a link leads to; empty for a file."""


def pack(room: Room, places: Sequence[CachedPlace], archive: Path) -> int:
    """Write an archive of what is at some places, and return how many files and links it has. Raises CacheBroken."""
    left, count, seen = CACHE_BYTES_MAX, 0, set()
    try:
        with tarfile.open(archive, "x:gz", compresslevel=1) as packing:
            for place in places:
                for found in _found(room.output, place):
                    if found.path in seen:
                        continue
                    seen.add(found.path)
                    count += 1
                    left -= _add(packing, room, found)
                    if left < 0 or count > FILES_MAX:
                        raise CacheBroken(f"it has more than {CACHE_BYTES_MAX:,} bytes or {FILES_MAX:,} files")
    except GlobsRefused as refused:
        raise CacheBroken(str(refused)) from None
    except OSError as error:
        raise CacheBroken(error.strerror or str(error)) from None
    return count


def _add(packing: tarfile.TarFile, room: Room, found: _Found) -> int:
    """Add a file or a link, and return its size."""
    member = tarfile.TarInfo(name_in_cache(room, found.path))
    if found.link:
        member.type, member.linkname = tarfile.SYMTYPE, found.link
        packing.addfile(member)
        return 0
    with open_file(room.output, found.path) as content:
        told = os.fstat(content.fileno())
        member.size, member.mode, member.mtime = told.st_size, stat.S_IMODE(told.st_mode), int(told.st_mtime)
        packing.addfile(member, content)
    return member.size


def _found(root: Path, place: CachedPlace) -> Iterator[_Found]:
    pattern = Globs([place.pattern]) if place.pattern else None
    try:
        descriptor = open_directory(root, place.base)
    except OSError:
        # It may be a file.
        try:
            open_file(root, place.base).close()
        except OSError:
            return
        yield _Found(place.base, "")
        return
    try:
        for folder, _, files, inner in walk(descriptor):
            for name in files:
                path = os.path.normpath(f"{place.base}/{folder}/{name}")
                mode = os.lstat(name, dir_fd=inner).st_mode
                if pattern is not None and not pattern.match(path):
                    continue
                if stat.S_ISREG(mode):
                    yield _Found(path, "")
                elif stat.S_ISLNK(mode):
                    yield _Found(path, os.readlink(name, dir_fd=inner))
    finally:
        os.close(descriptor)


class _Decompressed:
    """What comes out of a compressed stream, which ends with an error where it is longer than all that a cache has."""

    def __init__(self, content: IO[bytes], bytes_max: int) -> None:
        self._content = gzip.GzipFile(fileobj=content, mode="rb")
        self._left = bytes_max

    def read(self, size: int) -> bytes:
        piece = self._content.read(size)
        self._left -= len(piece)
        if self._left < 0:
            raise CacheBroken("there is more in it than files")
        return piece


def unpack(room: Room, content: IO[bytes], give_up: threading.Event, bytes_max: int = CACHE_BYTES_MAX) -> int:
    """Unpack an archive into a build's directory, over what is there; return how many files and links it had.

    What would be behind a link, or takes the place of a directory, is left out. Raises CacheBroken, also once `give_up`
    is set, or for files that have more than `bytes_max` together.
    """
    bytes_max = min(bytes_max, CACHE_BYTES_MAX)
    left, count = bytes_max, 0
    stream: Any = _Decompressed(content, bytes_max + _OTHER_BYTES_MAX)
    try:
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=BoundedHeader) as packed:
            for member in members_of(packed):
                if give_up.is_set():
                    raise CacheBroken("the build ends")
                count += 1
                left -= member.size if member.isreg() else 0
                if left < 0 or count > FILES_MAX:
                    raise CacheBroken(f"it has more than {bytes_max:,} bytes or {FILES_MAX:,} files")
                steps = steps_in_build(room, member.name)
                if steps and (member.isreg() or member.issym()):
                    _put(room, steps, packed, member)
    except (*UNREADABLE, zlib.error, gzip.BadGzipFile) as error:
        raise CacheBroken(f"it cannot be read: {error}") from None
    except OSError as error:
        raise CacheBroken(error.strerror or str(error)) from None
    return count


def _put(room: Room, steps: list[str], packed: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    owner = room.sandbox.owner
    directory = _opened(room.output, steps[:-1], owner)
    if directory is None:
        return
    name = steps[-1]
    try:
        if not _cleared(directory, name):
            return
        if member.issym():
            os.symlink(member.linkname, name, dir_fd=directory)
            if owner is not None:
                os.chown(name, owner, owner, dir_fd=directory, follow_symlinks=False)
            return
        content = packed.extractfile(member)
        with os.fdopen(os.open(name, _NEW, 0o600, dir_fd=directory), "wb") as file:
            while content is not None and (piece := content.read(_PIECE_BYTES)):
                file.write(piece)
            file.flush()
            os.utime(file.fileno(), (member.mtime, member.mtime))
            os.fchmod(file.fileno(), member.mode & 0o755 | 0o644)
            if owner is not None:
                os.fchown(file.fileno(), owner, owner)
    finally:
        os.close(directory)


def _opened(root: Path, steps: list[str], owner: int | None) -> int | None:
    """Return a descriptor of a directory, made if it is not there; None where something else is on the way."""
    descriptor = os.open(root, _DIRECTORY)
    for step in steps:
        try:
            try:
                inner = os.open(step, _DIRECTORY, dir_fd=descriptor)
            except FileNotFoundError:
                os.mkdir(step, 0o755, dir_fd=descriptor)
                inner = os.open(step, _DIRECTORY, dir_fd=descriptor)
                if owner is not None:
                    os.fchown(inner, owner, owner)
        except OSError:
            os.close(descriptor)
            return None
        os.close(descriptor)
        descriptor = inner
    return descriptor


def _cleared(directory: int, name: str) -> bool:
    """Remove what has a name, unless it is a directory; return whether the name is free."""
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
