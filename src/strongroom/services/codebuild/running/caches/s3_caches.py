"""Caches in S3: one object for each key, read and written as the service role, under the project's key.

Source: AWS CodeBuild User Guide, "Amazon S3 caching": without a key a project's one cache is written over; with a key
it stays as it is, and is found by the key, by the paths, and by the project or the namespace that several share.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from strongroom.base.errors import AwsError
from strongroom.services.codebuild.running.artifacts import encryption_of
from strongroom.services.codebuild.running.caches.archives import CacheBroken
from strongroom.services.codebuild.service_role import ServiceRole

OBJECT_BYTES_MAX = 2 * 1024**3
_MISSING = ("NoSuchKey", "404", "NotFound")
_PIECE_BYTES = 1024 * 1024


class S3Cache:
    """Where in S3 the caches of one build are. `version` tells those of other paths apart."""

    def __init__(self, role: ServiceRole, settings: Mapping[str, Any], scope: str, version: str) -> None:
        cache = settings["cache"]
        self._role = role
        self._settings = settings
        self._bucket, _, prefix = cache["location"].partition("/")
        beginning = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        namespace = cache.get("cacheNamespace")
        # The two cannot be mistaken for each other: who names a namespace does not name a project's cache.
        shared = f"namespace-{quote(namespace, safe='')}" if namespace else f"project-{scope}"
        self._single = f"{beginning}project-{scope}/cache"
        self._keyed = f"{beginning}{shared}/{version}/"

    def _name(self, key: str) -> str:
        return self._keyed + quote(key, safe="") if key else self._single

    async def fetch(self, key: str, fallbacks: Sequence[str], file: Path, bytes_max: int) -> str | None:
        """Fetch the cache of a key into a file, or the newest one that begins as the first fallback key that has any.

        Return the name of what was found, None for nothing. Raises AwsError, OSError, and CacheBroken for what has more
        than `bytes_max` or OBJECT_BYTES_MAX.
        """
        bytes_max = min(bytes_max, OBJECT_BYTES_MAX)
        if await self._get(self._name(key), file, bytes_max):
            return self._name(key)
        for fallback in fallbacks if key else ():
            found = await self._newest(self._name(fallback))
            if found is not None and await self._get(found, file, bytes_max):
                return found
        return None

    def is_of(self, name: str | None, key: str) -> bool:
        """Return whether what was found is the very cache of a key, which stays as it is."""
        return bool(key) and name == self._name(key)

    async def _newest(self, prefix: str) -> str | None:
        token, newest = None, None
        while True:
            params = {"Bucket": self._bucket, "Prefix": prefix} | ({"ContinuationToken": token} if token else {})
            answer = await self._role.s3("ListObjectsV2", params)
            for each in answer.get("Contents") or ():
                if newest is None or each["LastModified"] > newest["LastModified"]:
                    newest = each
            token = answer.get("NextContinuationToken")
            if not token:
                return str(newest["Key"]) if newest is not None else None

    async def _get(self, name: str, file: Path, bytes_max: int) -> bool:
        try:
            answer = await self._role.s3("GetObject", {"Bucket": self._bucket, "Key": name})
        except AwsError as error:
            if error.code in _MISSING:
                return False
            raise
        size = 0
        with file.open("wb") as written:
            async for piece in answer["Body"]:
                size += len(piece)
                if size > bytes_max:
                    raise CacheBroken(f"it has more than {bytes_max:,} bytes")
                written.write(piece)
        return True

    async def store(self, key: str, file: Path) -> bool:
        """Store a cache; return False when there is one of that key. Raises AwsError, OSError."""
        params: dict[str, Any] = {"Bucket": self._bucket, "Key": self._name(key), "ContentLength": _size(file)}
        params |= encryption_of(self._settings, disabled=False) | ({"IfNoneMatch": "*"} if key else {})
        try:
            await self._role.s3("PutObject", params | {"Body": _pieces(file)})
        except AwsError as error:
            if key and error.code == "PreconditionFailed":
                return False
            raise
        return True


def _size(file: Path) -> int:
    return file.stat().st_size


async def _pieces(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as content:
        while piece := content.read(_PIECE_BYTES):
            yield piece
