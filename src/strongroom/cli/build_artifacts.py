"""The artifacts of a build, fetched into a folder: the first ones there, each secondary one in a folder of its name."""

import contextlib
import lzma
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Any

from strongroom.base.errors import OperatorError
from strongroom.services.codebuild.running.work_files import is_within

LINK_BYTES_MAX = 4095
_PREFIX = "artifacts"
_FIRST = "primary"


def wanted_artifacts(bucket: str, secondary: Sequence[str]) -> dict[str, Any]:
    """Return the members of a project that have a build store its artifacts in a bucket, each as a ZIP file."""

    def stored(name: str, path: str) -> dict[str, Any]:
        return {"type": "S3", "location": bucket, "path": path, "name": name, "packaging": "ZIP"}

    return {
        "artifacts": stored(_FIRST, _PREFIX),
        "secondaryArtifacts": [
            stored(identifier, f"{_PREFIX}/secondary") | {"artifactIdentifier": identifier} for identifier in secondary
        ],
    }


def fetch_artifacts(session: Any, build: dict[str, Any], folder: Path) -> int:
    """Fetch what a build stored, and return how many files there were. Raises OperatorError."""
    s3 = session.client("s3")
    count = _fetch(s3, build["artifacts"]["location"], folder)
    for each in build.get("secondaryArtifacts", ()):
        count += _fetch(s3, each["location"], folder / each["artifactIdentifier"])
    return count


def _fetch(s3: Any, location: str, folder: Path) -> int:
    from botocore.exceptions import ClientError

    bucket, _, key = location.split(":::", 1)[-1].partition("/")
    with tempfile.TemporaryFile() as file:
        try:
            s3.download_fileobj(bucket, key, file)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
                return 0  # The build ended before it stored them.
            raise
        try:
            return unpack(file, folder)
        except OSError as error:
            raise OperatorError(f"{error.filename or folder} cannot be written: {error.strerror}") from None


def unpack(archive: IO[bytes], folder: Path) -> int:
    """Unpack files into a folder, over what is there, and return how many. Nothing is written outside of it.

    Raises OperatorError for what is no ZIP file that can be read or has what leads elsewhere, OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    top = folder.resolve()
    count = 0
    with _read(), zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            if not member.is_dir():
                _unpack_one(opened, member, top)
                count += 1
    return count


@contextlib.contextmanager
def _read() -> Iterator[None]:
    """Tell what zipfile raises for files that are damaged, encrypted, or packed in a way that it does not know."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError) as error:
        raise OperatorError(f"the artifacts are no ZIP file that can be read: {error}") from None


def _unpack_one(opened: zipfile.ZipFile, member: zipfile.ZipInfo, top: Path) -> None:
    steps = PurePosixPath(member.filename).parts
    if not steps or steps[0] == "/" or ".." in steps:
        raise OperatorError(f"the artifacts have a file {member.filename!r}, which would be elsewhere")
    path = _folder_within(top, steps[:-1]) / steps[-1]
    if stat.S_ISLNK(member.external_attr >> 16):
        if member.file_size > LINK_BYTES_MAX:
            raise OperatorError(f"the artifacts have a link {member.filename!r}, which is too long for one")
        _link(path, os.fsdecode(opened.read(member)), "/".join(steps[:-1]))
        return
    mode = 0o755 if member.external_attr >> 16 & stat.S_IXUSR else 0o644
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file, opened.open(member) as content:
        shutil.copyfileobj(content, file)


def _folder_within(top: Path, steps: Sequence[str]) -> Path:
    """Return a folder below the top, made step by step: a link on the way, an archive's or not, leads anywhere."""
    path = top
    for step in steps:
        path = path / step
        if path.is_symlink():
            raise OperatorError(f"{path} is a link; nothing is written behind it")
        path.mkdir(exist_ok=True)
    return path


def _link(path: Path, target: str, folder: str) -> None:
    """Make a symbolic link in a folder, which is relative to the top that it may not lead out of.

    No step of the folder is a link, so that what the words of the target say is where it leads.
    """
    if "\0" in target or not is_within(folder, target):
        raise OperatorError(f"the artifacts have a link to {target!r}, which is elsewhere")
    if path.is_symlink():
        path.unlink()
    path.symlink_to(target)
