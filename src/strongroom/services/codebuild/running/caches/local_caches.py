"""Caches that this server keeps itself: in memory, as everything is that builds leave, and gone with the server.

On AWS too a local cache is there only on the host that made it, for as long as the host is. What was used longest ago
goes first when they are larger than LOCAL_BYTES_MAX together.
"""

import asyncio
import contextlib
import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from strongroom.operations.house import House
from strongroom.runners.memory_directory import memory_directory
from strongroom.runners.trees import TooDeep, remove_tree, walk

LOCAL_BYTES_MAX = 1024**3
_ARCHIVE = "files.tar.gz"


class LocalCaches:
    """The caches of one house. A `scope` is whose they are (cache_settings.py): nobody has them under another one.

    Who holds a scope may do so for as long as a repository takes to come. So nobody waits for another one's.
    """

    def __init__(self, house: House) -> None:
        self._directory: Path | None = None
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._users: Counter[str] = Counter()
        self._forgetting: set[asyncio.Task[None]] = set()
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
        async with self._held(scope):
            os.replace(archive, self._place(scope) / _ARCHIVE)
        await self._make_room()

    @asynccontextmanager
    async def mirror(self, scope: str, location: str) -> AsyncIterator[Path]:
        """Have the place of a scope's mirror of a repository, for one at a time. It may be empty."""
        name = f"git-{hashlib.sha256(location.encode()).hexdigest()[:32]}"
        async with self._held(scope):
            yield self._place(scope) / name
        await self._make_room()

    def forget(self, scope: str) -> None:
        """Remove what a scope has, as soon as nobody holds it: there will be no next build that could find it."""
        if self._directory is not None:
            task = asyncio.create_task(self._remove(self._directory / scope))
            self._forgetting.add(task)
            task.add_done_callback(self._forgetting.discard)

    @asynccontextmanager
    async def _held(self, scope: str) -> AsyncIterator[None]:
        self._users[scope] += 1
        try:
            async with self._locks[scope]:
                yield
        finally:
            self._users[scope] -= 1
            if not self._users[scope]:
                del self._users[scope], self._locks[scope]

    def _place(self, scope: str) -> Path:
        if self._directory is None:
            self._directory = memory_directory().make("caches")
        place = self._directory / scope
        place.mkdir(exist_ok=True)
        os.utime(place)
        return place

    async def _remove(self, place: Path) -> None:
        async with self._held(place.name):
            await asyncio.to_thread(remove_tree, place)

    async def _make_room(self) -> None:
        """Remove what was used longest ago until the others fit. What is held counts when it is held no more."""
        if self._directory is None:
            return
        left = LOCAL_BYTES_MAX
        for place in sorted(self._directory.iterdir(), key=_used_at, reverse=True):
            if self._users[place.name]:
                continue
            async with self._held(place.name):
                size = await asyncio.to_thread(_size, place)
                if size > left:
                    await asyncio.to_thread(remove_tree, place)
                else:
                    left -= size

    async def _close(self) -> None:
        for task in self._forgetting:
            task.cancel()
        await asyncio.gather(*self._forgetting, return_exceptions=True)
        if self._directory is not None:
            await asyncio.to_thread(remove_tree, self._directory)
            self._directory = None


def _used_at(place: Path) -> float:
    try:
        return place.stat().st_mtime
    except FileNotFoundError:
        return 0.0  # Somebody removed it.


def _size(place: Path) -> int:
    """Return how many bytes are in a directory; more than there may be for one that is too deep to look through."""
    size = 0
    try:
        top = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        for folder in walk(top):
            for name in folder.files:
                with contextlib.suppress(FileNotFoundError):
                    size += os.stat(name, dir_fd=folder.descriptor, follow_symlinks=False).st_size
    except TooDeep:
        return LOCAL_BYTES_MAX + 1
    finally:
        os.close(top)
    return size
