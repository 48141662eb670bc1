"""The cache of one build: restored before its commands, saved behind them. It never fails a build, and tells the log.

Source: AWS CodeBuild User Guide, "Build specification reference", cache.
"""

import asyncio
import os
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.house import House
from strongroom.services.codebuild import tables
from strongroom.services.codebuild.buildspec.specification import Cache
from strongroom.services.codebuild.cache_settings import CUSTOM_MODE, LOCAL, S3, SOURCE_MODE, cache_scope
from strongroom.services.codebuild.compute import limits_of
from strongroom.services.codebuild.names import ProjectName
from strongroom.services.codebuild.running.caches.archives import CACHE_BYTES_MAX, CacheBroken, pack, unpack
from strongroom.services.codebuild.running.caches.keys import KEY_CHARACTERS_MAX, version_of, with_hashes
from strongroom.services.codebuild.running.caches.local_caches import LocalCaches
from strongroom.services.codebuild.running.caches.places import CachedPlace, place_of
from strongroom.services.codebuild.running.caches.s3_caches import S3Cache
from strongroom.services.codebuild.running.failures import told
from strongroom.services.codebuild.running.git import Mirrors
from strongroom.services.codebuild.running.log import BuildLog
from strongroom.services.codebuild.running.room import Room
from strongroom.services.codebuild.service_role import ServiceRole


class BuildCache:
    """What one build has of a cache. Its methods must come in the order in which they are written here."""

    def __init__(self, house: House, project: ProjectName, settings: Mapping[str, Any], role: ServiceRole) -> None:
        self._house = house
        self._project = project
        self._settings = settings
        self._role = role
        self._kind = settings["cache"]["type"]
        self._scope = ""
        self._cache = Cache()
        self._in_s3: S3Cache | None = None
        self._key = ""
        self._fallbacks: list[str] = []
        self._found: str | None = None
        self._places: list[CachedPlace] = []

    async def mirrors(self) -> Mirrors | None:
        """Return where mirrors of the build's repositories are kept; None for nowhere."""
        row = await self._house.store.read(lambda connection: tables.select_project(connection, self._project))
        # Of a project that is gone there is no next build.
        self._scope = "" if row is None else cache_scope(self._project, row)
        if not self._scope or SOURCE_MODE not in self._modes:
            return None
        return partial(self._house.part(LocalCaches).mirror, self._scope)

    @property
    def _modes(self) -> list[str]:
        modes: list[str] = self._settings["cache"].get("modes", []) if self._kind == LOCAL else []
        return modes

    @property
    def _is_wanted(self) -> bool:
        return bool(self._scope and self._cache.paths) and (self._kind == S3 or CUSTOM_MODE in self._modes)

    async def restore(self, cache: Cache, room: Room, log: BuildLog) -> None:
        """Put what is in the cache into the build's directory. Raises Ending."""
        self._cache = cache
        if not self._is_wanted:
            return
        file = room.scratch / "restored.tar.gz"
        # All of it is in memory: a build has no more of that for having a cache.
        bytes_max = min(CACHE_BYTES_MAX, limits_of(self._settings["environment"]["computeType"]).memory_bytes // 2)
        try:
            if self._kind == S3:
                await self._look_up_keys(room, log)
            if "restore" in cache.actions and await self._fetch(file, bytes_max):
                log.tell(f"Restored {await _unpacked(room, file, bytes_max)} file(s) from the cache")
        except AwsError as error:
            log.tell(f"Unable to download cache: {told(error)}")
        except (CacheBroken, OSError, ValueError) as error:
            log.tell(f"Unable to download cache: {error}")
        finally:
            file.unlink(missing_ok=True)

    async def _look_up_keys(self, room: Room, log: BuildLog) -> None:
        texts = [self._cache.key, *self._cache.fallback_keys]
        if self._cache.key:
            hashed = [await asyncio.to_thread(with_hashes, text, room.sources) for text in texts]
            texts = [text.strip()[:KEY_CHARACTERS_MAX] for text in await room.expanded(hashed)]
            if not texts[0]:
                raise CacheBroken("its key is empty")
            if any(log.masked(text) != text for text in texts):
                # It would be in the name of an object, and in the audit trail.
                raise CacheBroken("its key has the value of a secret in it")
        self._key, self._fallbacks = texts[0], [text for text in texts[1:] if text]
        self._in_s3 = S3Cache(self._role, self._settings, self._scope, version_of(self._cache.paths))

    async def _fetch(self, file: Path, bytes_max: int) -> bool:
        if self._in_s3 is not None:
            self._found = await self._in_s3.fetch(self._key, self._fallbacks, file, bytes_max)
            return self._found is not None
        return self._house.part(LocalCaches).link_archive(self._scope, file)

    async def look(self, room: Room, log: BuildLog) -> None:
        """Find out which paths are to be saved, while the build's shell can still say it. Raises Ending."""
        if not self._is_wanted or "save" not in self._cache.actions or (self._kind == S3 and self._in_s3 is None):
            return
        if self._in_s3 is not None and self._in_s3.is_of(self._found, self._key):
            log.tell(f"The cache of the key {self._key} is there, and stays as it is")
            return
        for path in await room.expanded(list(self._cache.paths)):
            log.tell(f"Expanding cache path {path}")
            place = place_of(room, path)
            if place is None:
                log.tell(f"Unable to cache {path}: it is not below the home directory or the source")
            else:
                self._places.append(place)

    async def save(self, room: Room, log: BuildLog) -> None:
        """Save what the build left, of which nothing runs any more."""
        if not self._places:
            return
        file = room.scratch / "saved.tar.gz"
        try:
            count = await asyncio.to_thread(pack, room, self._places, file)
            if not count:
                log.tell("There is nothing to save in the cache")
            elif self._in_s3 is not None:
                if not await self._in_s3.store(self._key, file):
                    log.tell(f"The cache of the key {self._key} is there, and stays as it is")
            else:
                await self._house.part(LocalCaches).keep_archive(self._scope, file)
        except AwsError as error:
            log.tell(f"Unable to upload cache: {told(error)}")
        except (CacheBroken, OSError) as error:
            log.tell(f"Unable to upload cache: {error}")
        finally:
            file.unlink(missing_ok=True)


async def _unpacked(room: Room, file: Path, bytes_max: int) -> int:
    """Unpack an archive in a thread, and return how many files it had. Nothing is unpacked any more once it is over."""
    give_up = threading.Event()
    with file.open("rb") as content:
        bytes_max -= os.fstat(content.fileno()).st_size
        unpacking = asyncio.ensure_future(asyncio.to_thread(unpack, room, content, give_up, bytes_max))
        try:
            return await asyncio.shield(unpacking)
        finally:
            # A build that ends has its directory removed, and nobody may write to it then.
            give_up.set()
            await asyncio.gather(unpacking, return_exceptions=True)
