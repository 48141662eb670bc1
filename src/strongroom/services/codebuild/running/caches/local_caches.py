"""Caches that this server keeps itself: in memory, as everything is that builds leave, and gone with the server.

On AWS too a local cache is there only on the host that made it, for as long as the host is. What was used longest ago
goes first when they are larger than LOCAL_BYTES_MAX together.
"""

import asyncio
import hashlib
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from strongroom.operations.house import House
from strongroom.runners.memory_directory import memory_directory
from strongroom.runners.trees import remove_tree

LOCAL_BYTES_MAX = 1024**3
_ARCHIVE = "files.tar.gz"


class LocalCaches:
    """The caches of one house. A `scope` is whose they are (cache_settings.py): nobody has them under another one."""

    def __init__(self, house: House) -> None:
        self._directory: Path | None = None
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        house.before_close(self._close)

    def link_archive(self, scope: str, file: Path) -> bool:
        """Have the archive of a scope's files at another path; return whether there is one. Raises OSError.

        It is linked there: so it may be replaced or removed meanwhile.
        """
        try:
            file.hardlink_to(self._place(scope) / _ARCHIVE)
        except FileNotFoundError:
            return False
        return True

    async def keep_archive(self, scope: str, archive: Path) -> None:
        """Take an archive over as that of a scope's files. Raises OSError."""
        async with self._locks[scope]:
            os.replace(archive, self._place(scope) / _ARCHIVE)
        await self._make_room(scope)

    @asynccontextmanager
    async def mirror(self, scope: str, location: str) -> AsyncIterator[Path]:
        """Have the place of a scope's mirror of a repository, for one at a time. It may be empty."""
        name = f"git-{hashlib.sha256(location.encode()).hexdigest()[:32]}"
        async with self._locks[scope]:
            yield self._place(scope) / name
        await self._make_room(scope)

    async def forget(self, scope: str) -> None:
        """Remove what a scope has: there will be no next build that could find it."""
        if self._directory is not None:
            async with self._locks[scope]:
                await asyncio.to_thread(remove_tree, self._directory / scope)

    def _place(self, scope: str) -> Path:
        if self._directory is None:
            self._directory = memory_directory().make("caches")
        place = self._directory / scope
        place.mkdir(exist_ok=True)
        os.utime(place)
        return place

    async def _make_room(self, kept: str) -> None:
        """Remove what was used longest ago until the others fit."""
        if self._directory is None:
            return
        places = sorted(self._directory.iterdir(), key=lambda place: place.stat().st_mtime, reverse=True)
        left = LOCAL_BYTES_MAX
        for place in places:
            async with self._locks[place.name]:
                left -= await asyncio.to_thread(_size, place)
                if left < 0:
                    await asyncio.to_thread(remove_tree, place)
        for scope in tuple(self._locks):
            if scope != kept and not self._locks[scope].locked() and not (self._directory / scope).exists():
                del self._locks[scope]

    async def _close(self) -> None:
        if self._directory is not None:
            await asyncio.to_thread(remove_tree, self._directory)
            self._directory = None


def _size(place: Path) -> int:
    return sum(os.lstat(os.path.join(folder, name)).st_size for folder, _, names in os.walk(place) for name in names)
