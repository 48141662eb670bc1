"""Git repositories as sources: cloned by the server's own git, from places that the operator allows.

A build has no network of the host's, so the server fetches what a project names. It reaches what builds must not (this
machine's files, its network), hence only the places in `build-git-sources`.
"""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from strongroom.runners.trees import remove_tree
from strongroom.services.codebuild.running.failures import CLIENT_ERROR, PhaseFailed
from strongroom.services.codebuild.source_credentials.logins import Login

CLONE_SECONDS_MAX = 300.0
_SILENT_SECONDS_MAX = 60
_AUTHORITIES = "GIT_SSL_CAINFO"
"""The server's environment may name a file with the authorities that prove who a git server is."""
_SAID_CHARACTERS_MAX = 1_000


def is_allowed(location: str, allowed: tuple[str, ...]) -> bool:
    """Return whether a repository is one of the places that may be cloned from, or below one."""
    if location.startswith("/"):
        location = os.path.realpath(location)
    elif urlsplit(location).scheme not in ("http", "https") or "/.." in location or "@" in location:
        return False
    places = [os.path.realpath(place) if place.startswith("/") else place.rstrip("/") for place in allowed]
    return any(location == place or location.startswith(f"{place}/") for place in places)


Mirrors = Callable[[str], AbstractAsyncContextManager[Path]]
"""For a repository, the directory in which a mirror of it is kept, for one at a time; it need not be there yet."""


async def clone(
    source: Mapping[str, Any],
    version: str,
    target: Path,
    scratch: Path,
    allowed: tuple[str, ...],
    login: Login | None = None,
    mirrors: Mirrors | None = None,
) -> str:
    """Clone a repository into `target`, check a version out, and return its commit. Raises PhaseFailed.

    Of the login nothing is left in `target`, nor in a mirror.
    """
    location = source["location"]
    if not is_allowed(location, allowed):
        raise PhaseFailed(
            CLIENT_ERROR,
            f"This server may not clone {location}: its operator allows places by the option build-git-sources.",
        )
    program = shutil.which("git")
    if program is None:
        raise PhaseFailed(CLIENT_ERROR, "git is not installed on this server.")
    if version.startswith("-") or "\0" in version:
        raise PhaseFailed(CLIENT_ERROR, f"reference not found for primary source and source version {version}")
    git = _Git(program, scratch, insecure=bool(source.get("insecureSsl")))
    if login is not None:
        git.log_in(location, login)
    if mirrors is not None:
        async with mirrors(location) as mirror:
            await _refresh(git, location, mirror)
            await git.run("clone", "--quiet", "--no-local", "--", str(mirror), str(target))
        await git.run("-C", str(target), "remote", "set-url", "origin", location)
    else:
        depth = source.get("gitCloneDepth") or 0
        shallow = ("--depth", str(depth)) if depth and not version and not location.startswith("/") else ()
        await git.run("clone", "--quiet", "--no-local", *shallow, "--", location, str(target))
    if version:
        try:
            await git.run("-C", str(target), "checkout", "--quiet", "--detach", version, "--")
        except PhaseFailed:
            await git.run("-C", str(target), "fetch", "--quiet", "origin", version)
            await git.run("-C", str(target), "checkout", "--quiet", "--detach", "FETCH_HEAD", "--")
    return (await git.run("-C", str(target), "rev-parse", "HEAD")).strip()


async def _refresh(git: "_Git", location: str, mirror: Path) -> None:
    """Have a mirror be what its repository is now: by what has changed, or whole where that cannot be."""
    if _is_there(mirror):
        try:
            await git.run("-C", str(mirror), "fetch", "--quiet", "--prune", "origin")
        except PhaseFailed:
            await asyncio.to_thread(remove_tree, mirror)
        else:
            return
    await git.run("clone", "--quiet", "--mirror", "--no-local", "--", location, str(mirror))


def _is_there(mirror: Path) -> bool:
    return mirror.exists()


class _Git:
    """Calls git with nothing of this machine's configuration, and no questions asked."""

    def __init__(self, program: str, home: Path, *, insecure: bool) -> None:
        self._program = program
        self._environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "file:http:https",
            "GIT_LFS_SKIP_SMUDGE": "1",
        }
        if _AUTHORITIES in os.environ:
            self._environment[_AUTHORITIES] = os.environ[_AUTHORITIES]
        self._options = ["-c", "core.hooksPath=/dev/null", "-c", "safe.directory=*", "-c", "core.symlinks=true"]
        self._options += ["-c", "http.followRedirects=false"]
        self._options += ["-c", "http.lowSpeedLimit=1", "-c", f"http.lowSpeedTime={_SILENT_SECONDS_MAX}"]
        if insecure:
            self._options += ["-c", "http.sslVerify=false"]

    def log_in(self, location: str, login: Login) -> None:
        """Send a login to one repository. It is in git's environment, and neither in its arguments nor in a file."""
        self._environment |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{location}.extraHeader",
            "GIT_CONFIG_VALUE_0": login.header,
        }

    async def run(self, *arguments: str) -> str:
        """Run one command of git and return what it prints. Raises PhaseFailed with what it says."""
        process = await asyncio.create_subprocess_exec(
            self._program,
            *self._options,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(CLONE_SECONDS_MAX):
                said, complained = await process.communicate()
        except BaseException as error:
            # With all that it started: what speaks HTTP for it is another process, and knows the login.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            if isinstance(error, TimeoutError):
                raise PhaseFailed(CLIENT_ERROR, f"git took longer than {CLONE_SECONDS_MAX:g} seconds.") from None
            raise
        if process.returncode != 0:
            text = complained.decode(errors="replace").strip()[-_SAID_CHARACTERS_MAX:]
            raise PhaseFailed(CLIENT_ERROR, f"git failed: {text}")
        return said.decode(errors="replace")
