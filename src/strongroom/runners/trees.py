"""Directories that somebody else filled: walked and removed, however deep they are and whatever they hold.

Every step is opened from the one before it, and no link is followed. There are never more than two descriptors for one
tree and no recursion: a job that nests directories must not use up either.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

DEPTH_MAX = 256
"""Directories below each other that are walked."""
PATH_CHARACTERS_MAX = 4096
"""What a program can name at once. Source: Linux, limits.h, PATH_MAX."""

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PLACE = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OWN = stat.S_IRWXU


class TooDeep(OSError):  # noqa: N818 (it says what is there)
    """There are directories below a tree that are deeper than DEPTH_MAX, or have longer paths than any program uses."""

    def __init__(self) -> None:
        super().__init__(errno.ENAMETOOLONG, f"there are directories nested more than {DEPTH_MAX} deep")


class Folder(NamedTuple):
    """A directory of a tree: its path from the top, which is ".", and the names of what is in it, in order.

    `files` are all that are no directories, links too. `descriptor` is for as long as the walk has not gone on.
    """

    path: str
    folders: list[str]
    files: list[str]
    descriptor: int


def walk(top: int) -> Iterator[Folder]:
    """Return an open directory and all below it, each before what is in it; what cannot be opened is left out.

    Raises TooDeep.
    """
    steps: list[str] = []
    waiting = [(0, ".")]
    while waiting:
        depth, name = waiting.pop()
        steps[depth:] = [name]
        path = "/".join(steps)
        if depth > DEPTH_MAX or len(path) > PATH_CHARACTERS_MAX:
            raise TooDeep
        try:
            here = open_below(top, steps)
        except OSError:
            continue
        try:
            folders, files = _listed(here)
            yield Folder(path, folders, files, here)
        finally:
            os.close(here)
        waiting += [(depth + 1, each) for each in reversed(folders)]


def open_below(top: int, steps: list[str]) -> int:
    """Return a descriptor of a directory below an open one. Raises OSError for what is not there, or behind a link."""
    here = os.open(".", _DIRECTORY, dir_fd=top)
    try:
        for step in steps:
            inner = os.open(step, _DIRECTORY, dir_fd=here)
            os.close(here)
            here = inner
    except BaseException:
        os.close(here)
        raise
    return here


def _listed(directory: int) -> tuple[list[str], list[str]]:
    folders: list[str] = []
    files: list[str] = []
    with os.scandir(directory) as entries:
        for entry in entries:
            (folders if entry.is_dir(follow_symlinks=False) else files).append(entry.name)
    return sorted(folders), sorted(files)


class _Level(NamedTuple):
    """A directory that is being emptied: what it is called, which one it is, and what is still in it."""

    name: str
    identity: tuple[int, int]
    waiting: list[str]


def remove_tree(path: Path) -> None:
    """Remove what is at a path, a directory with all that is in it. What cannot be removed stays; nothing is raised."""
    try:
        here = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return
    levels = [_Level("", _identity(here), [path.name])]
    try:
        while levels:
            level = levels[-1]
            if level.waiting:
                name = level.waiting.pop()
                inner = None if _unlinked(here, name) else _opened(here, name)
                if inner is not None:
                    os.close(here)
                    here = inner
                    levels.append(_Level(name, _identity(here), _names(here)))
                continue
            levels.pop()
            if levels:
                above = os.open("..", _PLACE, dir_fd=here)
                os.close(here)
                here = above
                if _identity(here) != levels[-1].identity:
                    return  # Somebody moves it about: where it is now, nothing is ours to remove.
                with contextlib.suppress(OSError):
                    os.rmdir(level.name, dir_fd=here)
    except OSError:
        return
    finally:
        os.close(here)


def _identity(directory: int) -> tuple[int, int]:
    found = os.fstat(directory)
    return found.st_dev, found.st_ino


def _unlinked(directory: int, name: str) -> bool:
    """Remove what is no directory; return whether there is nothing left to do about it."""
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _opened(directory: int, name: str) -> int | None:
    """Return a descriptor of a directory, made ours to empty; None for what cannot be opened."""
    try:
        place = os.open(name, _PLACE, dir_fd=directory)
    except OSError:
        return None
    try:
        with contextlib.suppress(OSError):
            if os.fstat(place).st_mode & _OWN != _OWN:
                # Its owner may have taken every right away from himself.
                os.chmod(f"/proc/self/fd/{place}", _OWN)
        return os.open(f"/proc/self/fd/{place}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    finally:
        os.close(place)


def _names(directory: int) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []
