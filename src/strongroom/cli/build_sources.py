"""A folder as the source of a build: a ZIP file of what is in it, but for what Git ignores.

What Git ignores is left out because it is what a build makes by itself, and where people keep what nobody else is to
have. Links are not in a source: one to another file of the source is that file, others are left out and named.
"""

import contextlib
import os
import shutil
import stat
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from strongroom.base.errors import OperatorError
from strongroom.services.codebuild.running.sources import FILES_MAX, SOURCE_BYTES_MAX

_COPY_BYTES = 1024 * 1024
_GIT_SECONDS_MAX = 60.0
_REPOSITORY = ".git"


class PackedFolder(NamedTuple):
    """A folder in a ZIP file, which has no name and goes when it is closed; what is in it, and what is not."""

    file: IO[bytes]
    names: frozenset[str]
    left_out: tuple[str, ...]


@contextlib.contextmanager
def pack(folder: Path, *, include_ignored: bool = False) -> Iterator[PackedFolder]:
    """Pack a folder. Raises OperatorError for what cannot be read or is too much for a source."""
    if not folder.is_dir():
        raise OperatorError(f"{folder} is not a folder")
    with tempfile.TemporaryFile() as file:
        try:
            names = frozenset(_all_below(folder, "") if include_ignored else _not_ignored(folder))
            packed, left_out = _packed(folder, names, file)
        except OSError as error:
            raise OperatorError(f"{error.filename or folder} cannot be packed: {error.strerror}") from None
        file.seek(0)
        yield PackedFolder(file, packed, left_out)


def _packed(folder: Path, names: frozenset[str], file: IO[bytes]) -> tuple[frozenset[str], tuple[str, ...]]:
    if len(names) > FILES_MAX:
        raise OperatorError(f"{folder} has {len(names):,} files; a source has at most {FILES_MAX:,}")
    left, left_out = SOURCE_BYTES_MAX, []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in sorted(names):
            found = _file_of(folder, name, names)
            if found is None:
                left_out.append(name)
            else:
                left -= _add(archive, found, name, left)
    return names.difference(left_out), tuple(left_out)


def _not_ignored(folder: Path) -> list[str]:
    """Return the files that Git knows or would add, in repositories within the folder as well; all without any Git."""
    git = shutil.which("git")
    if git is None:
        if any((each / _REPOSITORY).exists() for each in (folder.resolve(), *folder.resolve().parents)):
            raise OperatorError("git is not installed, so what it ignores is not known; --include-ignored packs it too")
        return list(_all_below(folder, ""))
    listed = _listed(git, folder)
    if listed is None:
        return list(_all_below(folder, ""))
    names: list[str] = []
    for name in listed:
        path = folder / name
        if name.endswith("/") or (path.is_dir() and not path.is_symlink()):
            # A repository in this one, a submodule or not: Git lists it as a whole.
            inner = name.rstrip("/")
            if inner == ".":
                # A submodule that nobody fetched is listed so within itself: there is nothing of it.
                continue
            names += [f"{inner}/{each}" for each in _not_ignored(folder / inner)]
        elif os.path.lexists(path):
            names.append(name)
    return names


def _listed(git: str, folder: Path) -> list[str] | None:
    """Return what Git lists in a folder, None for one that is in no repository. Nothing of the repository's is run."""
    options = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]
    which = ["--cached", "--others", "--exclude-standard", "--deduplicate", "-z"]
    try:
        done = subprocess.run(  # noqa: S603 (git, as this machine has it; the folder is an argument of its own)
            [git, *options, "-C", str(folder), "ls-files", *which],
            capture_output=True,
            timeout=_GIT_SECONDS_MAX,
            check=False,
            env={name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {"LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OperatorError(f"git did not say what it ignores: {error}; --include-ignored does not ask it") from None
    if done.returncode == 0:
        return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]
    said = done.stderr.decode(errors="replace").strip()
    if "not a git repository" in said:
        return None
    raise OperatorError(f"git did not say what it ignores: {said}; --include-ignored does not ask it")


def _all_below(folder: Path, below: str) -> Iterator[str]:
    with os.scandir(folder / below) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        name = f"{below}/{entry.name}" if below else entry.name
        if entry.name == _REPOSITORY:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _all_below(folder, name)
        else:
            yield name


def _file_of(folder: Path, name: str, names: frozenset[str]) -> Path | None:
    """Return the regular file that is packed under a name, None for what is none, or leads out of the source."""
    if not _is_text(name):
        return None
    path = folder / name
    mode = path.lstat().st_mode
    if stat.S_ISREG(mode):
        return path
    if not stat.S_ISLNK(mode):
        return None
    target = Path(os.path.realpath(path))
    try:
        meant = str(PurePosixPath(target.relative_to(os.path.realpath(folder))))
    except ValueError:
        return None
    return target if meant in names and target.is_file() else None


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _add(archive: zipfile.ZipFile, path: Path, name: str, most: int) -> int:
    """Add one file, which whoever is at work in the folder may change meanwhile, and return its size."""
    entry = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
    entry.compress_type = zipfile.ZIP_DEFLATED
    size = 0
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as content, archive.open(entry, "w", force_zip64=True) as packing:
        while piece := content.read(_COPY_BYTES):
            size += len(piece)
            if size > most:
                raise OperatorError(f"the folder has more than {SOURCE_BYTES_MAX:,} bytes, which a source has at most")
            packing.write(piece)
    return size
