"""The paths of a cache: what they are below a build's directory, whose names are another's in the next build."""

from pathlib import PurePosixPath
from typing import NamedTuple

from strongroom.services.codebuild.running.artifacts import NoDirectory
from strongroom.services.codebuild.running.room import BUILD_DIRECTORY, HOME, HOME_DIRECTORY, Room

SOURCES = "sources"
"""What the directory of the sources is called in a cache: in builds its name is random."""

_GLOB = frozenset("*?")


class CachedPlace(NamedTuple):
    """A path of a cache below the build's directory: where to look, and what is taken of it.

    `pattern` is a glob for all of the path, empty for what is at `base` and all below it.
    """

    base: str
    pattern: str


def place_of(room: Room, path: str) -> CachedPlace | None:
    """Return what a path of a specification, expanded, means; None for one outside of what outlives a build."""
    path = f"{HOME}{path[1:]}" if path.startswith("~/") else path
    absolute = path if path.startswith("/") else f"{room.directory}/{path}"
    if ".." in PurePosixPath(absolute).parts or "\0" in absolute:
        return None
    try:
        below = room.below_output(str(PurePosixPath(absolute)))
    except NoDirectory:
        return None
    steps = below.split("/")
    if steps[0] != HOME_DIRECTORY and steps[:2] != [BUILD_DIRECTORY, room.name]:
        return None
    literal = next((place for place, step in enumerate(steps) if _GLOB & set(step)), len(steps))
    return CachedPlace("/".join(steps[:literal]), below if literal < len(steps) else "")


def name_in_cache(room: Room, path: str) -> str:
    """Return what a path below a build's directory is called in a cache."""
    sources = f"{BUILD_DIRECTORY}/{room.name}/"
    return f"{SOURCES}/{path.removeprefix(sources)}" if path.startswith(sources) else path


def steps_in_build(room: Room, name: str) -> list[str]:
    """Return the steps of what is called so in a cache below a build's directory; none for what cannot be there."""
    steps = [step for step in PurePosixPath(name).parts if step not in ("/", "//", ".")]
    if len(steps) <= 1 or ".." in steps or any("\0" in step for step in steps):
        return []
    if steps[0] == SOURCES:
        return [BUILD_DIRECTORY, room.name, *steps[1:]]
    return steps if steps[0] == HOME_DIRECTORY else []
