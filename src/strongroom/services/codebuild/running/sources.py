"""The sources of a build, brought into its directory: nothing, an object or a folder of S3, or a Git repository.

Source: AWS CodeBuild API Reference, ProjectSource; User Guide, "Source versions with AWS CodeBuild".
"""

import asyncio
import os
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from strongroom.base.errors import AwsError
from strongroom.runners.trees import DEPTH_MAX, TooDeep, walk
from strongroom.services.codebuild.project_settings import NO_SOURCE, S3, bucket_and_key
from strongroom.services.codebuild.running.failures import CLIENT_ERROR, PhaseFailed, told
from strongroom.services.codebuild.running.git import Mirrors, clone
from strongroom.services.codebuild.service_role import ServiceRole
from strongroom.services.codebuild.source_credentials.logins import Logins, NoLogin

SOURCE_BYTES_MAX = 1024 * 1024 * 1024
FILES_MAX = 100_000
_COPY_BYTES = 1024 * 1024


async def fetch_source(
    role: ServiceRole,
    source: Mapping[str, Any],
    version: str,
    target: Path,
    scratch: Path,
    allowed: tuple[str, ...],
    logins: Logins,
    mirrors: Mirrors | None = None,
) -> str:
    """Bring a source into `target`, and return the version that it turned out to be, empty where that says nothing.

    `scratch` is a directory of the server's own in memory, `allowed` are the places that repositories may be cloned
    from, `logins` what they are cloned with, `mirrors` where they are kept for the next build. Raises PhaseFailed.
    """
    which = source.get("sourceIdentifier") or "primary source"
    try:
        if source["type"] == NO_SOURCE:
            return ""
        if source["type"] == S3:
            await _from_s3(role, source["location"], version, target, scratch)
            return ""
        return await clone(source, version, target, scratch, allowed, await logins.find(source), mirrors)
    except NoLogin as problem:
        raise PhaseFailed(CLIENT_ERROR, f"{problem}, for {which} and source version {version}") from None
    except AwsError as error:
        raise PhaseFailed(CLIENT_ERROR, f"{told(error)} for {which} and source version {version}") from None


async def _from_s3(role: ServiceRole, location: str, version: str, target: Path, scratch: Path) -> None:
    bucket, _, key = bucket_and_key(location)
    if key.endswith("/"):
        await _folder(role, bucket, key, target)
        return
    archive = scratch / "source.zip"
    params = {"Bucket": bucket, "Key": key} | ({"VersionId": version} if version else {})
    answer = await role.s3("GetObject", params)
    try:
        await _store(answer, archive, SOURCE_BYTES_MAX)
        await asyncio.to_thread(_unpack, archive, target)
    finally:
        archive.unlink(missing_ok=True)


async def _folder(role: ServiceRole, bucket: str, prefix: str, target: Path) -> None:
    token, left, count = None, SOURCE_BYTES_MAX, 0
    while True:
        params = {"Bucket": bucket, "Prefix": prefix} | ({"ContinuationToken": token} if token else {})
        listed = await role.s3("ListObjectsV2", params)
        for each in listed.get("Contents") or ():
            path = _below(target, each["Key"].removeprefix(prefix))
            count += 1
            if path is None or each["Key"].endswith("/"):
                continue
            if count > FILES_MAX:
                raise _too_much()
            path.parent.mkdir(parents=True, exist_ok=True)
            answer = await role.s3("GetObject", {"Bucket": bucket, "Key": each["Key"]})
            left -= await _store(answer, path, left)
        token = listed.get("NextContinuationToken")
        if not token:
            break
    if not count:
        raise PhaseFailed(CLIENT_ERROR, f"NoSuchKey: there is nothing in {bucket}/{prefix}")


async def _store(answer: Mapping[str, Any], path: Path, most: int) -> int:
    """Write the body of an object to a file and return its size."""
    size = 0
    with path.open("wb") as file:
        async for piece in answer["Body"]:
            size += len(piece)
            if size > most:
                raise _too_much()
            file.write(piece)
    return size


def _too_much() -> PhaseFailed:
    return PhaseFailed(
        CLIENT_ERROR, f"The source has more than {SOURCE_BYTES_MAX:,} bytes or more than {FILES_MAX:,} files."
    )


def _too_deep() -> PhaseFailed:
    return PhaseFailed(CLIENT_ERROR, f"The source has directories nested more than {DEPTH_MAX} deep.")


def _below(target: Path, name: str) -> Path | None:
    """Return where a file of that name is to be; None for one that would be somewhere else. Raises PhaseFailed."""
    steps = [step for step in PurePosixPath(name).parts if step not in ("/", ".")]
    if len(steps) > DEPTH_MAX:
        raise _too_deep()
    if not steps or ".." in steps or "\0" in name:
        return None
    return target.joinpath(*steps)


def _unpack(archive: Path, target: Path) -> None:
    """Unpack a ZIP file: its files and directories, with their permissions; links are left out."""
    try:
        with zipfile.ZipFile(archive) as opened:
            left = SOURCE_BYTES_MAX
            members = opened.infolist()
            if len(members) > FILES_MAX:
                raise _too_much()
            for member in members:
                path = _below(target, member.filename)
                if path is None or stat.S_ISLNK(member.external_attr >> 16):
                    continue
                if member.is_dir():
                    path.mkdir(parents=True, exist_ok=True)
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(member) as content, path.open("wb") as file:
                    left -= _copied(content, file, left)
                path.chmod(0o755 if member.external_attr >> 16 & stat.S_IXUSR else 0o644)
    except OSError as error:
        # The whole text would have the path as the server sees it.
        raise PhaseFailed(CLIENT_ERROR, f"The source cannot be unpacked: {error.strerror}") from None
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        # An unknown compression is what zipfile has not implemented, an encrypted file is a RuntimeError to it.
        raise PhaseFailed(CLIENT_ERROR, f"The source cannot be unpacked: {error}") from None


def _copied(content: Any, file: BinaryIO, most: int) -> int:
    size = 0
    while piece := content.read(_COPY_BYTES):
        size += len(piece)
        if size > most:
            raise _too_much()
        file.write(piece)
    return size


def give(tree: Path, owner: int | None) -> None:
    """Make a tree that the server has just made a build's own: readable, and its user's. Raises PhaseFailed."""
    top = os.open(tree, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for folder in walk(top):
            for name in (".", *folder.files):
                _give_one(folder.descriptor, name, owner)
    except TooDeep:
        raise _too_deep() from None
    finally:
        os.close(top)


def _give_one(directory: int, name: str, owner: int | None) -> None:
    found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    if not stat.S_ISLNK(found.st_mode):
        more = 0o755 if stat.S_ISDIR(found.st_mode) else 0o644
        os.chmod(name, stat.S_IMODE(found.st_mode) | more, dir_fd=directory)
    if owner is not None:
        os.chown(name, owner, owner, dir_fd=directory, follow_symlinks=False)
