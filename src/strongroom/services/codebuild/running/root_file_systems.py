"""The root file system of a build, found, pulled or unpacked while it is provisioned.

Source: AWS CodeBuild User Guide, "Troubleshooting", "BUILD_CONTAINER_UNABLE_TO_PULL_IMAGE".
"""

import asyncio
import shutil
import stat
from collections import defaultdict
from pathlib import Path

from strongroom.operations.house import House
from strongroom.runners.bubblewrap import FILES, ROOT_USER, SANDBOX_USER, JobUser
from strongroom.runners.images.archives import ArchivedImage
from strongroom.runners.images.bounds import Bounds
from strongroom.runners.images.cache import ImageCache, RootFileSystem
from strongroom.runners.images.refusals import ImageRefused
from strongroom.runners.images.registries import PulledImage
from strongroom.services.codebuild.build_images import AllowedImage, PlacedImage, find_image
from strongroom.services.codebuild.project_settings import HOST_IMAGE
from strongroom.services.codebuild.running.failures import PhaseFailed
from strongroom.services.codebuild.running.work_files import files_below, open_file

UNABLE_TO_PULL = "BUILD_CONTAINER_UNABLE_TO_PULL_IMAGE"
ACCOUNTS_BYTES_MAX = 1024 * 1024
HOME_BYTES_MAX = 16 * 1024 * 1024
_USERS = "etc/passwd"
_USER_FIELDS = 7
_ID_MAX = 2**31 - 1


class _OneAtATime(defaultdict[str, asyncio.Lock]):
    """For each name a lock: what one build unpacks, another one that waits for the same finds."""

    def __init__(self, house: House) -> None:
        super().__init__(asyncio.Lock)


async def root_file_system(house: House, name: str) -> RootFileSystem | None:
    """Return the root file system that an image is, None for the host's. Raises PhaseFailed."""
    if name == HOST_IMAGE:
        return None
    found = find_image(house.configuration, name)
    if found is None:
        raise _unable(name, "the operator of this server does not allow it")
    bounds = Bounds()
    cache = ImageCache(house.configuration.data / "cache" / "images")
    async with house.part(_OneAtATime)[name]:
        working = asyncio.ensure_future(asyncio.to_thread(_root, found, cache, bounds))
        try:
            return await asyncio.shield(working)
        except ImageRefused as refused:
            raise _unable(name, str(refused)) from None
        except asyncio.CancelledError:
            bounds.give_up.set()
            working.add_done_callback(_release)
            raise


def _release(working: "asyncio.Future[RootFileSystem]") -> None:
    if not working.cancelled() and working.exception() is None:
        working.result().release()


def _unable(name: str, why: str) -> PhaseFailed:
    return PhaseFailed(
        UNABLE_TO_PULL, f"Unable to pull customer's container image. CannotPullContainerError: {name}: {why}"
    )


def _root(found: PlacedImage | AllowedImage, cache: ImageCache, bounds: Bounds) -> RootFileSystem:
    if isinstance(found, AllowedImage):
        try:
            scratch = cache.scratch()
        except OSError as error:
            raise ImageRefused(f"there is no place for it: {error.strerror}") from None
        with PulledImage(found.registry, found.image, scratch, bounds) as pulled:
            return cache.root_of(pulled, bounds)
    if found.path.is_dir():
        return RootFileSystem(found.path, {})
    with ArchivedImage(found.path) as archived:
        return cache.root_of(archived, bounds)


def copy_home(root: Path, home: Path) -> None:
    """Copy what an image has in /root to a build's home, which is in its place, as far as every user may read it.

    Links are left out.

    No more than HOME_BYTES_MAX: a build's home is memory.
    """
    left = HOME_BYTES_MAX
    try:
        for file in files_below(root, "root"):
            if not file.mode & stat.S_IROTH:
                continue
            left -= file.size
            if left < 0:
                break
            target = home / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            with open_file(root, f"root/{file.path}") as content, target.open("wb") as copy:
                shutil.copyfileobj(content, copy)
            target.chmod(0o755 if file.mode & 0o111 else 0o644)
    except OSError:
        return  # It has none, or one that is not for everybody to read.


def default_user(root: RootFileSystem | None) -> JobUser:
    """Return who runs the commands of a build that says nothing: root to itself, as on AWS, in an image."""
    return SANDBOX_USER if root is None else ROOT_USER


def user_named(root: RootFileSystem | None, name: str) -> JobUser | None:
    """Return the user of a name in an image, or None when it has none."""
    for line in _accounts(root).splitlines():
        fields = line.split(":")
        if len(fields) < _USER_FIELDS or fields[0] != name or not (fields[2] + fields[3]).isdecimal():
            continue
        user = JobUser(int(fields[2]), int(fields[3]))
        return user if max(user) <= _ID_MAX else None
    return None


def _accounts(root: RootFileSystem | None) -> str:
    if root is None:
        return FILES["/etc/passwd"].decode()
    try:
        with open_file(Path(root.path), _USERS) as file:
            return file.read(ACCOUNTS_BYTES_MAX).decode(errors="replace")
    except OSError:
        return ""
