"""runtime-versions: whether the build environment has the versions that a specification asks for.

An environment has what it has: nothing is installed. Source: AWS CodeBuild User Guide, "Build specification reference",
phases/install/runtime-versions; "Runtime versions".
"""

import re
from collections.abc import Awaitable, Callable, Mapping

from strongroom.services.codebuild.running.failures import YAML_FILE_ERROR, PhaseFailed

Ask = Callable[[str], Awaitable[bytes]]
"""Returns what some commands print in the environment of the build."""

LATEST, ANY = "latest", "x"
_VERSION = r"(\d+(?:\.\d+)*)"
_PROGRAMS: Mapping[str, tuple[str, str]] = {
    "dotnet": ("dotnet --version", _VERSION),
    "golang": ("go version", rf"go{_VERSION}"),
    "java": ("java -version", rf'version "(?:1\.)?{_VERSION}'),
    "nodejs": ("node --version", rf"v{_VERSION}"),
    "php": ("php --version", rf"PHP {_VERSION}"),
    "python": ("python3 --version", rf"Python {_VERSION}"),
    "ruby": ("ruby --version", rf"ruby {_VERSION}"),
}
"""By the name of a runtime, what tells its version, and how."""
_DISTRIBUTION = re.compile(r"corretto")


async def check_runtimes(wanted: Mapping[str, str], ask: Ask, tell: Callable[[str], None]) -> None:
    """Look for each runtime in the version that is asked for. Raises PhaseFailed for the first one that is not there.

    `tell` takes a line for the log.
    """
    if not wanted:
        return
    script = "\n".join(f"printf '\\0'; {command} 2>&1 </dev/null" for command, _ in _PROGRAMS.values())
    answers = (await ask(script)).decode(errors="replace").split("\0")[1:]
    found = {}
    for (name, (_, pattern)), answer in zip(_PROGRAMS.items(), answers, strict=False):
        match = re.search(pattern, answer)
        if match is not None:
            found[name] = match[1]
    for name, version in wanted.items():
        if name not in found:
            raise PhaseFailed(
                YAML_FILE_ERROR,
                f"Unknown runtime named '{name}'. This build image has the following runtimes: {', '.join(found)}",
            )
        if not is_version(found[name], version):
            raise PhaseFailed(
                YAML_FILE_ERROR,
                f"Unknown runtime version named '{version}' of {name}. "
                f"This build image has the following versions: {found[name]}",
            )
        tell(f"Selecting '{name}' runtime version '{version}' based on manual selections...")


def is_version(found: str, wanted: str) -> bool:
    """Return whether a version is the one that `3.11`, `18.x`, `corretto17` or `latest` means."""
    wanted = _DISTRIBUTION.sub("", wanted.strip().lower())
    if wanted == LATEST:
        return True
    steps = found.split(".")
    for place, step in enumerate(wanted.split(".")):
        if step == ANY:
            return True
        if place >= len(steps) or steps[place] != step:
            return False
    return True
