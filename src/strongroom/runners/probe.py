"""What this machine can do to contain other people's code, found out once, when it is first needed."""

import asyncio
import contextlib
import errno
import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from strongroom.runners.cgroups import Cgroups, Controller, find_cgroups
from strongroom.runners.job_users import job_users
from strongroom.runners.launcher import NUMBERS_OF_CLONE
from strongroom.runners.memory_directory import NoMemoryFileSystem, is_alive, memory_directory, memory_file_system

Means = Literal["cgroup-v2", "cgroup-v1", "rlimits", "nothing"]

BUBBLEWRAP_LEAST = (0, 8)
_TRIAL_SECONDS_MAX = 10.0
_VERSION = re.compile(r"(\d+)\.(\d+)")


class SandboxUnavailable(Exception):  # noqa: N818 (it says what is wrong)
    """Other people's code cannot be contained here. The text says why, for people, in the words of who refused."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found. `bubblewrap` is the program's path, or None with `refusal` saying why it cannot be used."""

    bubblewrap: str | None
    version: str | None
    refusal: str | None
    cgroups: Cgroups | None
    not_limited: dict[Controller, str]
    """Controllers that cannot be used, and why."""
    job_users: range | None
    """Users that jobs run as, one each; None when they run as the server's own user, who is not root."""

    def means(self, controller: Controller) -> Means:
        """Return by which means the limit is held."""
        if self.cgroups is not None and controller in self.cgroups.parents:
            return "cgroup-v2" if self.cgroups.version == 2 else "cgroup-v1"
        return "nothing" if controller == "cpu" else "rlimits"


async def probe() -> Probe:
    """Return what this machine can do. The first call takes some 20 milliseconds, in a thread."""
    return await asyncio.to_thread(probe_now)


@cache
def probe_now(*, is_server: bool = True) -> Probe:
    """Return what this machine can do, as `probe` does, without giving way to others.

    For a server, control groups are prepared, and what dead servers left is swept; else nothing is changed.
    """
    cgroups, not_limited = find_cgroups(prepared=is_server)
    path = shutil.which("bwrap")
    version = None if path is None else _version(path)
    users = job_users()
    refusal = _refusal(path, version, users)
    if is_server:
        _sweep(cgroups)
    return Probe(None if refusal else path, version, refusal, cgroups, not_limited, users)


def _refusal(path: str | None, version: str | None, users: range | None) -> str | None:
    if platform.machine() not in NUMBERS_OF_CLONE:
        return f"no sandbox is known for {platform.machine()}; there is one for {', '.join(NUMBERS_OF_CLONE)}"
    if path is None:
        return (
            "bubblewrap (bwrap) is not installed: apt-get install bubblewrap "
            "(dnf, pacman, apk and others have it by the same name)"
        )
    found = _VERSION.search(version or "")
    if found is None or (int(found[1]), int(found[2])) < BUBBLEWRAP_LEAST:
        least = ".".join(map(str, BUBBLEWRAP_LEAST))
        return f"{path} is {version or 'of an unknown version'}; bubblewrap {least} or newer is needed"
    return _try(path, users)


def _version(path: str) -> str | None:
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        return _call([path, "--version"], None).stdout.strip() or None
    return None


def _try(path: str, users: range | None) -> str | None:
    """Return the kernel's refusal to contain anything, or None. Tried as the user that jobs run as."""
    command = [path, "--unshare-user", "--unshare-all", "--disable-userns", "--cap-drop", "ALL", "--ro-bind", "/", "/"]
    command += ["--proc", "/proc", "--dev", "/dev", "/bin/true"]
    try:
        done = _call(command, None if users is None else users[-1])
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{path} does not start: {error}"
    if done.returncode == 0:
        return None
    said = done.stderr.strip().splitlines()
    refusal = said[-1] if said else f"{path} ended with {done.returncode}"
    return f"{refusal}{advice(refusal)}"


def _call(command: list[str], user: int | None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 (nothing of the command comes from outside)
        command,
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        cwd="/",
        env={},
        timeout=_TRIAL_SECONDS_MAX,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )


def advice(refusal: str) -> str:
    """Return what forbids namespaces here, as far as it shows, and what to do about it; nothing for other refusals."""
    words = (*(os.strerror(number) for number in (errno.EPERM, errno.EACCES, errno.ENOSPC)), "ENOSPC")
    if not any(word in refusal for word in words):
        return ""
    switches = {
        "/proc/sys/user/max_user_namespaces": ("0", "sysctl -w user.max_user_namespaces=10000"),
        "/proc/sys/kernel/unprivileged_userns_clone": ("0", "sysctl -w kernel.unprivileged_userns_clone=1"),
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": (
            "1",
            "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    }
    for path, (refusing, remedy) in switches.items():
        with contextlib.suppress(OSError):
            if Path(path).read_text().strip() == refusing:
                return f" ({path} is {refusing}: {remedy})"
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return (
            " (in a container, its runtime forbids it: run it with --privileged, or a seccomp profile that allows it)"
        )
    return ""


def _sweep(cgroups: Cgroups | None) -> None:
    """End and remove what is left of the jobs of servers that are no more."""
    if cgroups is None:
        return
    try:
        parent = memory_file_system()
        own = memory_directory().token
    except (NoMemoryFileSystem, OSError):
        return
    for name, group in cgroups.left_behind().items():
        token = name.partition("-")[0]
        if token != own and not is_alive(token, parent):
            group.kill()
            group.remove()
