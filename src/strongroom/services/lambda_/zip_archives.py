"""Archives that customers upload: what may be in them, and how they are unpacked.

Nothing in an archive is believed: its entries may name places outside, hold more than they say, or be something else
than files. Source: AWS Lambda Developer Guide, "Working with .zip file archives for Python Lambda functions", "Lambda
quotas".
"""

import io
import posixpath
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from strongroom.services.lambda_ import errors

ZIPPED_BYTES_MAX = 50 * 1024 * 1024
"""Of an archive in a request; one in S3 may be as long as its content is."""

UNZIPPED_BYTES_MAX = 250 * 1024 * 1024
ENTRIES_MAX = 100_000
NAME_BYTES_MAX = 1_024
LINK_BYTES_MAX = 1_024
_CHUNK = 1024 * 1024
_ENCRYPTED = 0x1
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError, ValueError, LookupError)
"""What zipfile raises for archives that are damaged, or made to be."""


def unzipped_size(data: bytes) -> int:
    """Return how many bytes the files of an archive have together, having read every one of them.

    Takes about a second for the longest, so it is for a thread. Raises InvalidParameterValueException for what is no
    archive, is damaged or empty, is longer than UNZIPPED_BYTES_MAX, or has an entry that must not be unpacked.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = 0
            for entry in checked_entries(archive):
                size += _read_through(archive, entry)
            return size
    except _BROKEN:
        raise errors.invalid_parameter(errors.CODE_NOT_UNZIPPED) from None


def checked_entries(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the entries of an archive. Raises InvalidParameterValueException as `unzipped_size` does, and BadZipFile.

    Names are relative and stay inside, none is there twice or below a file or link, none is encrypted; links are
    relative and lead to a place inside.
    """
    entries = archive.infolist()
    if not entries:
        raise errors.invalid_parameter("Uploaded file must be a non-empty zip")
    if len(entries) > ENTRIES_MAX:
        raise zipfile.BadZipFile("too many entries")
    if sum(entry.file_size for entry in entries) > UNZIPPED_BYTES_MAX:
        raise errors.invalid_parameter(f"Unzipped size must be smaller than {UNZIPPED_BYTES_MAX} bytes")
    leaves: set[str] = set()
    seen: set[str] = set()
    for entry in entries:
        name = _checked_name(entry)
        if name in seen:
            raise zipfile.BadZipFile("a name is there twice")
        seen.add(name)
        if not entry.is_dir():
            leaves.add(name)
        if is_link(entry):
            _check_link(archive, entry, name)
    if any(parent in leaves for name in seen for parent in _parents(name)):
        raise zipfile.BadZipFile("a file is below a file")
    return entries


def is_link(entry: zipfile.ZipInfo) -> bool:
    """Whether an entry is a symbolic link."""
    return stat.S_ISLNK(entry.external_attr >> 16)


def _checked_name(entry: zipfile.ZipInfo) -> str:
    # ZipInfo cuts a name at its first NUL and turns the system's separators; what was written is what counts.
    name = entry.orig_filename
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if entry.flag_bits & _ENCRYPTED or kind not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
        raise zipfile.BadZipFile("an entry is encrypted, or no file")
    if "\\" in name or "\0" in name or name.startswith("/") or len(name.encode()) > NAME_BYTES_MAX:
        raise zipfile.BadZipFile("a name is absolute or cannot be unpacked")
    parts = name.removesuffix("/").split("/")
    if not parts or any(part in ("", ".", "..") or len(part.encode()) > 255 for part in parts) or ":" in parts[0]:
        raise zipfile.BadZipFile("a name leads elsewhere")
    return "/".join(parts)


def _check_link(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> None:
    if entry.file_size > LINK_BYTES_MAX:
        raise zipfile.BadZipFile("a link is too long")
    target = archive.read(entry).decode()
    inside = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
    if not target or "\0" in target or target.startswith("/") or inside.split("/")[0] == "..":
        raise zipfile.BadZipFile("a link leads outside")
    # A step up counts from where other links lead to: only before every step down is it known where that is.
    steps = [step for step in target.split("/") if step not in ("", ".")]
    if ".." in steps[_steps_up(steps) :]:
        raise zipfile.BadZipFile("a link goes down and up again")


def _steps_up(steps: Sequence[str]) -> int:
    return next((number for number, step in enumerate(steps) if step != ".."), len(steps))


def _parents(name: str) -> Iterator[str]:
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name


def _read_through(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    """Read an entry to its end, for its checksum. It cannot give more than it declares: the reader stops there."""
    size = 0
    with archive.open(entry) as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
    return size


def unpack(data: bytes, directory: Path) -> None:
    """Write the files of an archive below an empty directory, readable by everybody; modes but write bits are kept.

    Takes as long as `unzipped_size`. Raises as it does, and OSError of the file system.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = checked_entries(archive)
        # Links come last: nothing is ever written through one.
        for entry in sorted(entries, key=is_link):
            _unpack_entry(archive, entry, directory / _checked_name(entry))


def _unpack_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> None:
    mode = (entry.external_attr >> 16) & 0o777
    if entry.is_dir():
        path.mkdir(mode=0o755, parents=True, exist_ok=True)
        return
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if is_link(entry):
        path.symlink_to(archive.read(entry).decode())
        return
    with archive.open(entry) as file, path.open("xb") as out:
        while chunk := file.read(_CHUNK):
            out.write(chunk)
    path.chmod(0o755 if mode & 0o111 else 0o644)
