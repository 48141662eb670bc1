"""Files that a build made, read by the server: no link of a build's may lead it anywhere else.

Every step of a path is opened from the directory before it, and a link is never followed; what is no regular file is
not read. The server may be root, and a build may leave anything.
"""

import itertools
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

from strongroom.runners.trees import open_below, walk

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class FoundFile(NamedTuple):
    """A regular file. `path` is relative to where the search began, `mode` its permissions."""

    path: str
    size: int
    mode: int


class FoundLink(NamedTuple):
    """A symbolic link to something else below where the search began. `target` is as the link has it."""

    path: str
    target: str


def _steps(path: str) -> list[str]:
    steps = [step for step in PurePosixPath(path).parts if step not in (".", "/")]
    if ".." in steps or any("\0" in step for step in steps):
        raise FileNotFoundError(path)
    return steps


def open_directory(root: Path, path: str) -> int:
    """Return a descriptor of a directory below `root`. Raises OSError for what is not there, or is a link."""
    steps = _steps(path)
    descriptor = os.open(root, _DIRECTORY)
    try:
        return open_below(descriptor, steps)
    finally:
        os.close(descriptor)


def open_file(root: Path, path: str) -> BinaryIO:
    """Open a regular file below `root` for reading. Raises OSError for what is none, or is behind a link."""
    steps = _steps(path)
    if not steps:
        raise FileNotFoundError(path)
    directory = open_directory(root, "/".join(steps[:-1]))
    try:
        descriptor = os.open(steps[-1], _FILE, dir_fd=directory)
    finally:
        os.close(directory)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(path)
    return os.fdopen(descriptor, "rb")


def files_below(root: Path, path: str) -> Iterator[FoundFile]:
    """Return all regular files below a directory, in the order of their paths. Raises OSError without it, TooDeep."""
    descriptor = open_directory(root, path)
    try:
        for folder, _, files, inner in walk(descriptor):
            for name in files:
                try:
                    found = os.stat(name, dir_fd=inner, follow_symlinks=False)
                except OSError:
                    continue
                if stat.S_ISREG(found.st_mode):
                    yield FoundFile(os.path.normpath(f"{folder}/{name}"), found.st_size, stat.S_IMODE(found.st_mode))
    finally:
        os.close(descriptor)


def links_below(root: Path, path: str) -> Iterator[FoundLink]:
    """Return the links below a directory that do not lead out of it, in the order of their paths; none is followed.

    Raises OSError without the directory, TooDeep.
    """
    descriptor = open_directory(root, path)
    try:
        for folder, _, files, inner in walk(descriptor):
            for name in files:
                try:
                    target = os.readlink(name, dir_fd=inner)
                except OSError:
                    continue
                if is_within(folder, target):
                    yield FoundLink(os.path.normpath(f"{folder}/{name}"), target)
    finally:
        os.close(descriptor)


def is_within(folder: str, target: str) -> bool:
    """Return whether a link in a folder, which is relative to some top, has a target below that top.

    One that goes up after it went down has not, wherever that leads: what it went down through may be a link itself.
    """
    steps = [step for step in target.split("/") if step not in ("", ".")]
    ups = len(list(itertools.takewhile("..".__eq__, steps)))
    depth = len([step for step in folder.split("/") if step not in ("", ".")])
    return not target.startswith("/") and ups <= depth and ".." not in steps[ups:]
