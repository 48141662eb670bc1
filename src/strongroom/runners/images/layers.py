"""Layers of an image, laid one over the other: nothing of them gets anywhere but below the image's root.

The directory is this process's alone while it is made, and is nobody's root file system yet: so a path may be looked at
before it is used. Links are followed as if the root were `/`, as they will be in the sandbox. Devices, pipes and
sockets are left out; set-user-ID bits, owners and extended attributes are not kept, for a job has one user.

Source: OCI Image Specification, "Image Layer Filesystem Changeset".
"""

import os
import stat
import tarfile
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from strongroom.runners.images.bounds import Bounds
from strongroom.runners.images.headers import UNREADABLE, BoundedHeader, members_of
from strongroom.runners.images.refusals import ImageRefused
from strongroom.runners.trees import remove_tree

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_LINKS_MAX = 40
_PIECE_BYTES = 1024 * 1024


def apply_layer(root: Path, stream: IO[bytes], bounds: Bounds) -> None:
    """Lay a layer (a TAR archive, not compressed) over what is in `root`. Raises ImageRefused."""
    written: set[Path] = set()
    try:
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=BoundedHeader) as layer:
            for member in members_of(layer):
                bounds.take_entry()
                _apply(root, layer, member, written, bounds)
    except UNREADABLE as error:
        raise ImageRefused(f"a layer of it cannot be read: {error}") from None
    except OSError as error:
        raise ImageRefused(f"a layer of it cannot be unpacked: {error.strerror or error}") from None


def _apply(root: Path, layer: tarfile.TarFile, member: tarfile.TarInfo, written: set[Path], bounds: Bounds) -> None:
    steps = _steps(member.name)
    if not steps:
        return  # The root itself.
    parent, name = _within(root, steps[:-1]), steps[-1]
    if name == _OPAQUE:
        _remove_lower(parent, written, below=True)
        return
    if name.startswith(_WHITEOUT):
        _remove_lower(parent / _single(name.removeprefix(_WHITEOUT)), written)
        return
    if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
        return
    _make_directories(root, parent)
    path = parent / name
    if member.isdir():
        if not _is_directory(path):
            _remove(path)
            path.mkdir()
        path.chmod(0o755)
    elif member.issym():
        _remove(path)
        path.symlink_to(member.linkname)
    elif member.islnk():
        _link(root, member.linkname, path)
    else:
        _remove(path)
        content = layer.extractfile(member)
        if content is not None:
            _copy(content, path, bounds)
        path.chmod(0o755 if member.mode & 0o111 else 0o644)
        os.utime(path, (member.mtime, member.mtime))
    while path != root and path not in written:
        # With it, the directories that it is in are this layer's too.
        written.add(path)
        path = path.parent


def _steps(name: str) -> list[str]:
    steps = [step for step in PurePosixPath(name).parts if step not in ("/", "//", ".")]
    if ".." in steps or any("\0" in step for step in steps):
        raise ImageRefused(f"a layer of it has the path {name[:200]!r}, which leads out of it")
    return steps


def _single(name: str) -> str:
    if name in ("", ".", ".."):
        raise ImageRefused("a layer of it removes what has no name")
    return name


def _within(root: Path, steps: list[str]) -> Path:
    """Return the real path of a directory, links followed as if `root` were the root of everything."""
    path: list[str] = []
    waiting = steps[::-1]
    links = 0
    while waiting:
        step = waiting.pop()
        if step in ("", "."):
            continue
        if step == "..":
            del path[-1:]
            continue
        here = root.joinpath(*path, step)
        if not here.is_symlink():
            path.append(step)
            continue
        links += 1
        if links > _LINKS_MAX:
            raise ImageRefused("a layer of it has links that lead nowhere")
        target = os.readlink(here)
        if target.startswith("/"):
            path.clear()
        waiting += target.split("/")[::-1]
    return root.joinpath(*path)


def _make_directories(root: Path, path: Path) -> None:
    missing = []
    while path != root and not _is_directory(path):
        missing.append(path)
        path = path.parent
    for each in reversed(missing):
        each.mkdir()
        each.chmod(0o755)


def _is_directory(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _remove(path: Path) -> None:
    """Remove what is there, a link itself and not what it leads to."""
    if _is_directory(path):
        remove_tree(path)
    else:
        path.unlink(missing_ok=True)


def _remove_lower(path: Path, written: set[Path], *, below: bool = False) -> None:
    """Remove what lower layers have at a path, or `below` it: what this layer put there stays, in whatever order."""
    if path not in written and not below:
        _remove(path)
    elif _is_directory(path):
        for each in path.iterdir():
            _remove_lower(each, written)


def _link(root: Path, target: str, path: Path) -> None:
    steps = _steps(target)
    source = _within(root, steps[:-1]) / steps[-1] if steps else root
    try:
        mode = source.lstat().st_mode
    except OSError:
        raise ImageRefused(f"a layer of it links to {target[:200]!r}, which is not there") from None
    if stat.S_ISDIR(mode):
        raise ImageRefused(f"a layer of it links to the directory {target[:200]!r}")
    if source != path:
        _remove(path)
        os.link(source, path, follow_symlinks=False)


def _copy(content: IO[bytes], path: Path, bounds: Bounds) -> None:
    with path.open("xb") as file:
        _copy_to(content, file, bounds)


def _copy_to(content: IO[bytes], file: BinaryIO, bounds: Bounds) -> None:
    while piece := content.read(_PIECE_BYTES):
        bounds.take_bytes(len(piece))
        file.write(piece)
