"""The artifacts of a build, fetched into a folder: the first ones there, each secondary one in a folder of its name."""

import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Any

from strongroom.base.errors import OperatorError
from strongroom.services.codebuild.running.work_files import is_within

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
        except zipfile.BadZipFile:
            raise OperatorError(f"the artifacts {location} are no ZIP file") from None
        except OSError as error:
            raise OperatorError(f"{error.filename or folder} cannot be written: {error.strerror}") from None


def unpack(archive: IO[bytes], folder: Path) -> int:
    """Unpack files into a folder, over what is there, and return how many. Nothing is written outside of it.

    Raises OperatorError for a name that leads elsewhere, OSError, zipfile.BadZipFile.
    """
    folder.mkdir(parents=True, exist_ok=True)
    top = folder.resolve()
    count = 0
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            if member.is_dir():
                continue
            steps = PurePosixPath(member.filename).parts
            if not steps or steps[0] == "/" or ".." in steps:
                raise OperatorError(f"the artifacts have a file {member.filename!r}, which would be elsewhere")
            path = top.joinpath(*steps)
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.parent.resolve().is_relative_to(top):
                raise OperatorError(f"{path.parent} is a link that leads elsewhere; nothing is written there")
            if stat.S_ISLNK(member.external_attr >> 16):
                _link(path, os.fsdecode(opened.read(member)), str(PurePosixPath(*steps).parent))
                count += 1
                continue
            mode = 0o755 if member.external_attr >> 16 & stat.S_IXUSR else 0o644
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
            with opened.open(member) as content, os.fdopen(descriptor, "wb") as file:
                shutil.copyfileobj(content, file)
            count += 1
    return count


def _link(path: Path, target: str, folder: str) -> None:
    """Make a symbolic link in a folder, which is relative to the top that it may not lead out of."""
    if not is_within(folder, target):
        raise OperatorError(f"the artifacts have a link to {target!r}, which is elsewhere")
    if path.is_symlink():
        path.unlink()
    path.symlink_to(target)
