"""The artifacts of a build: files picked out of its directory, and stored in S3 as the service role.

Source: AWS CodeBuild User Guide, "Build specification reference", artifacts; API Reference, ProjectArtifacts.
"""

import asyncio
import hashlib
import os
import shutil
import stat
import zipfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple

from strongroom.base.errors import AwsError
from strongroom.runners.trees import TooDeep
from strongroom.services.codebuild.build_record import artifacts_key, shown_artifacts
from strongroom.services.codebuild.buildspec.specification import Files
from strongroom.services.codebuild.names import BuildName
from strongroom.services.codebuild.running.failures import CLIENT_ERROR, PhaseFailed, told
from strongroom.services.codebuild.running.globs import Globs, GlobsRefused
from strongroom.services.codebuild.running.work_files import FoundFile, FoundLink, files_below, links_below, open_file
from strongroom.services.codebuild.service_role import ServiceRole

MANAGED_KEY = "alias/aws/s3"
UNNAMEABLE = "a file has a name that is not UTF-8"
"""What is said of a name that neither a ZIP file nor S3 can have."""
_PIECE_BYTES = 1024 * 1024
_UNIX = 3
"""Whose file types the attributes of an entry are. Source: PKWARE's APPNOTE.TXT, "version made by"."""


class NoDirectory(Exception):  # noqa: N818 (it says what is not there)
    """The directory that files are to be picked from is not there, or is no directory of the build's."""


class Picked(NamedTuple):
    """A file that is kept: where it is below the directory that was searched, and its name among the artifacts."""

    file: FoundFile
    name: str


def encryption_of(settings: Mapping[str, Any], *, disabled: bool) -> dict[str, str]:
    """Return the members of PutObject that encrypt what a build stores, under the project's key."""
    if disabled:
        return {}
    if settings["encryptionKey"].endswith(f":{MANAGED_KEY}"):
        # S3 makes this key when it is first used, unless it is named.
        return {"ServerSideEncryption": "aws:kms"}
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": settings["encryptionKey"]}


def pick(root: Path, base: str, files: Files) -> list[Picked]:
    """Return the files below `root`/`base` that artifacts are made of.

    Raises PhaseFailed when there are none, or cannot be looked for; NoDirectory when there is no such directory.
    """
    try:
        wanted, excluded = Globs(files.files), Globs(files.excluded)
        found = [file for file in files_below(root, base) if wanted.match(file.path) and not excluded.match(file.path)]
    except GlobsRefused as refused:
        raise PhaseFailed(CLIENT_ERROR, str(refused)) from None
    except TooDeep as error:
        raise PhaseFailed(CLIENT_ERROR, f"artifacts: {error.strerror}") from None
    except OSError:
        raise NoDirectory from None
    if not found:
        raise PhaseFailed(CLIENT_ERROR, "no matching artifact paths found")
    if not files.discard_paths:
        return [Picked(file, file.path) for file in found]
    return [Picked(file, PurePosixPath(file.path).name) for file in found]


def pick_links(root: Path, base: str, files: Files) -> list[FoundLink]:
    """Return the links that are kept with the files: internal ones, where the specification says so.

    Raises PhaseFailed. Source: "Build specification reference", artifacts/enable-symlinks.
    """
    if not files.enable_symlinks or files.discard_paths:
        return []
    try:
        wanted, excluded = Globs(files.files), Globs(files.excluded)
        return [link for link in links_below(root, base) if wanted.match(link.path) and not excluded.match(link.path)]
    except GlobsRefused as refused:
        raise PhaseFailed(CLIENT_ERROR, str(refused)) from None


def packed(
    root: Path, base: str, picked: Sequence[Picked], links: Sequence[FoundLink], archive: Path
) -> dict[str, str]:
    """Write a ZIP file of what was picked, and return its checksums."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for file, name in picked:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o100000 | file.mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            with open_file(root, f"{base}/{file.path}") as content, made.open(entry, "w", force_zip64=True) as packing:
                shutil.copyfileobj(content, packing, _PIECE_BYTES)
        for link in links:
            entry = zipfile.ZipInfo(link.path)
            entry.create_system = _UNIX
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            made.writestr(entry, os.fsencode(link.target))
    with archive.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        content.seek(0)
        md5 = hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return {"sha256sum": sha256, "md5sum": md5}


class Uploads:
    """Stores the artifacts of one build, and tells its log."""

    def __init__(
        self, role: ServiceRole, named: BuildName, settings: Mapping[str, Any], root: Path, scratch: Path
    ) -> None:
        """`root` is what the build could write to, `scratch` a directory of the server's own in memory."""
        self._role = role
        self._named = named
        self._settings = settings
        self._root = root
        self._scratch = scratch

    async def upload(self, artifacts: Mapping[str, Any], files: Files, base: str, name: str | None) -> dict[str, Any]:
        """Store artifacts and return how the build tells of them. `base` is a directory below the root.

        `name` takes the place of the project's, where it may. Raises PhaseFailed and NoDirectory.
        """
        picked = await asyncio.to_thread(pick, self._root, base, files)
        key = artifacts_key(artifacts, self._named, name if artifacts.get("overrideArtifactName") else None)
        encryption = encryption_of(self._settings, disabled=bool(artifacts["encryptionDisabled"]))
        if files.s3_prefix:
            key = f"{files.s3_prefix.strip('/')}/{key}"
        sums: dict[str, str] = {}
        try:
            if artifacts["packaging"] == "ZIP":
                archive = self._scratch / "artifacts.zip"
                try:
                    links = await asyncio.to_thread(pick_links, self._root, base, files)
                    sums = await asyncio.to_thread(packed, self._root, base, picked, links, archive)
                    with archive.open("rb") as content:
                        await self._put(artifacts["location"], key, content, archive.stat().st_size, encryption)
                finally:
                    archive.unlink(missing_ok=True)
            else:
                for file, path in picked:
                    with open_file(self._root, f"{base}/{file.path}") as content:
                        await self._put(artifacts["location"], f"{key}/{path}", content, file.size, encryption)
        except AwsError as error:
            raise PhaseFailed(CLIENT_ERROR, f"Error in UPLOAD_ARTIFACTS phase: {told(error)}") from None
        except OSError as error:
            raise PhaseFailed(CLIENT_ERROR, f"Error in UPLOAD_ARTIFACTS phase: {error.strerror}") from None
        except ValueError:
            raise PhaseFailed(CLIENT_ERROR, f"Error in UPLOAD_ARTIFACTS phase: {UNNAMEABLE}") from None
        return shown_artifacts(artifacts, self._named, key, **sums)

    async def _put(self, bucket: str, key: str, content: BinaryIO, size: int, encryption: dict[str, str]) -> None:
        params = {"Bucket": bucket, "Key": key.lstrip("/"), "Body": _pieces(content), "ContentLength": size}
        # Source: "Build specification reference", artifacts.
        params["Metadata"] = {"codebuild-buildarn": self._named.arn}
        await self._role.s3("PutObject", params | encryption)


async def _pieces(content: BinaryIO) -> AsyncIterator[bytes]:
    while piece := content.read(_PIECE_BYTES):
        yield piece
