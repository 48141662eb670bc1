"""A sandbox: one job in namespaces of its own, whose only way out are the sockets that it was given.

    sandbox = await prepare(limits=Limits(), ports=1)
    server = await asyncio.start_server(answer, sock=sandbox.listeners[0])
    await sandbox.run(["/usr/bin/python3", "-c", "..."], {"API": sandbox.addresses[0]}, "/tmp")
    end = await sandbox.wait()
    await sandbox.close()

What it holds against, and what not, is told in docs/decisions/0020-a-sandbox-for-functions.md.
"""

import asyncio
import errno
import itertools
import os
import resource
import socket
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from strongroom.runners import bubblewrap, job_users
from strongroom.runners.bubblewrap import SANDBOX_USER, JobUser
from strongroom.runners.cgroups import PROCESSES_OF_OURS, Cgroup
from strongroom.runners.launch import Launch, LauncherEnded
from strongroom.runners.limits import MEBIBYTE, Limits
from strongroom.runners.memory_directory import NoMemoryFileSystem, memory_directory
from strongroom.runners.memory_watch import wait_until_exceeded
from strongroom.runners.networks.joined import JoinedNetwork
from strongroom.runners.probe import Probe, SandboxUnavailable, advice, probe
from strongroom.runners.relay import Route
from strongroom.runners.seccomp import seccomp_filter

Mode = Literal["bubblewrap", "unsafe"]

FIRST_PORT = 9001

_PREPARE_SECONDS_MAX = 30.0
# setrlimit counts what is reserved, and every thread reserves 8 MiB for a stack that it hardly touches.
_UNTOUCHED_BYTES = 128 * MEBIBYTE
_CGROUP_TRIES_MAX = 100
_CGROUP_TRY_SECONDS = 0.005
# A shell's way, and bubblewrap's, to tell that a signal ended a command, or that it could not begin.
_SIGNALLED = 128
_NOT_EXECUTABLE = 126
_NOT_FOUND = 127
_NOT_EXECUTED = "bwrap: execvp "

_numbers = itertools.count(1)


class Mount(NamedTuple):
    """A file or directory of the host that a job may read, at `target`; for writing only when it says so.

    What is in it must be readable to all (modes 0644, 0755): jobs of a server that is root run as another user.
    The directories above it need not be. A directory for writing should be in memory (memory_directory.py), where what
    is written counts as memory of the job; its mode must let all write, or its owner be the sandbox's `owner`. What a
    job leaves in it may be anything, links that lead elsewhere too: so no source may be in a directory that a job may
    write to, or have been one.
    """

    source: Path
    target: str
    for_writing: bool = False


class Exit(NamedTuple):
    """How a job ended: with a `status`, or by a `signal` (the other is None).

    `out_of_memory` tells that memory was the reason; only control groups know it. A status above 128 is taken for the
    signal that shells report so.
    """

    status: int | None
    signal: int | None
    out_of_memory: bool = False


async def prepare(
    *,
    limits: Limits,
    mounts: Sequence[Mount] = (),
    ports: int = 0,
    routes: Sequence[Route] = (),
    mode: Mode = "bubblewrap",
    hidden: Sequence[Path] = (),
    found: Probe | None = None,
    network: JoinedNetwork | None = None,
    root: Path | None = None,
    user: JobUser = SANDBOX_USER,
    owner: int | None = None,
) -> "Sandbox":
    """Make a sandbox in which nothing runs yet, with `ports` listening sockets in its own network.

    `routes` are ways out, for which sockets listen as well, and which somebody has to forward (relay.py). Without a
    sandbox there are none, as the job has the host's network.
    `network` is a namespace that is joined to a VPC, for this one sandbox: the job reaches what it reaches, and has its
    address; it stays the caller's to close. Without one a job reaches nothing but the listening sockets. With one,
    there has to be a sandbox: the mode "unsafe" is refused.
    `root` is a directory that takes the place of the host's programs and settings, for reading: another root file
    system, whose files must be readable to all. It needs a sandbox. `user` is who the job is to itself.
    `owner` is what a sandbox before handed over, whose files the job goes on with; it stays that one's if this raises.
    `hidden` are directories of the host that stay unseen even where they are below something that is seen. With the
    mode "unsafe" there is no sandbox: what runs, runs as the server's user, with the host's files and network.
    `found` is what the machine can do, probed unless given. Must be called in the server's main thread: the job ends
    with the thread that started it.
    Raises SandboxUnavailable.
    """
    found = found or await probe()
    if mode == "bubblewrap" and found.refusal is not None:
        raise SandboxUnavailable(f"there is no sandbox: {found.refusal}")
    if mode == "unsafe" and network is not None:
        raise SandboxUnavailable("a job without a sandbox is in the host's network, and cannot be in a VPC")
    if mode == "unsafe" and root is not None:
        raise SandboxUnavailable("a job without a sandbox has the host's files, and no root file system of its own")
    sandbox = Sandbox(found, await Launch.start(), limits, mounts, mode, root, user)
    try:
        async with asyncio.timeout(_PREPARE_SECONDS_MAX):
            await sandbox.open(ports, hidden, routes, network, owner)
    except BaseException as error:
        if owner is not None:
            sandbox.hand_over()
        await sandbox.close()
        if isinstance(error, (LauncherEnded, NoMemoryFileSystem, OSError)):
            told = str(error) or "it took too long to make one"
            raise SandboxUnavailable(f"there is no sandbox: {told}") from None
        raise
    return sandbox


class Sandbox:
    """One sandbox, for one command. Made by `prepare`; whoever has it must `close` it."""

    listeners: tuple[socket.socket, ...] = ()
    """Sockets that listen inside, ours to accept from; they do not block."""

    addresses: tuple[str, ...] = ()
    """Where a process inside reaches them: "127.0.0.1:9001"."""

    ways_out: tuple[socket.socket, ...] = ()
    """Sockets that listen inside for the routes, in their order; none in the mode "unsafe"."""

    def __init__(
        self,
        found: Probe,
        launch: Launch,
        limits: Limits,
        mounts: Sequence[Mount],
        mode: Mode,
        root: Path | None = None,
        user: JobUser = SANDBOX_USER,
    ) -> None:
        self.limits = limits
        self.mode = mode
        self._found = found
        self._launch = launch
        self._mounts = tuple(mounts)
        self._root = root
        self._job_user = user
        self._cgroup: Cgroup | None = None
        self._user: int | None = None
        self._keeps_user = False
        self._memory_watch: asyncio.Task[None] | None = None
        self._exceeded_memory = False
        self._closing: asyncio.Task[None] | None = None

    @property
    def output(self) -> asyncio.StreamReader:
        """What the job writes to standard output and standard error, at the reader's pace."""
        return self._launch.output

    async def open(
        self,
        ports: int,
        hidden: Sequence[Path],
        routes: Sequence[Route],
        network: JoinedNetwork | None,
        owner: int | None,
    ) -> None:
        """Have the launcher make what it makes. For `prepare` alone."""
        self._make_group()
        users = self._found.job_users
        if self.mode == "bubblewrap" and users is not None:
            self._user = job_users.take(users) if owner is None else owner
        joined = [] if network is None else network.descriptors
        answer, listeners = await self._launch.ask(self._plan(ports, hidden, routes), joined)
        self.listeners, self.ways_out = listeners[:ports], listeners[ports:]
        if "refused" in answer:
            raise SandboxUnavailable(f"there is no sandbox: {answer['refused']}{advice(answer['refused'])}")
        for listener in listeners:
            listener.setblocking(False)
        self.addresses = tuple(f"127.0.0.1:{port}" for port in answer["ports"][:ports])

    @property
    def owner(self) -> int | None:
        """User and group that own what the job makes, as the host sees them; None when it is the server's own user."""
        return self._user

    def hand_over(self) -> int | None:
        """Return the `owner`, for a sandbox that comes after this one: it stays taken when this one closes."""
        self._keeps_user = True
        return self._user

    def take_back(self) -> None:
        """Undo `hand_over`, for no sandbox came after this one."""
        self._keeps_user = False
        if self._user is not None and self._closing is not None and self._closing.done():
            job_users.give_back(self._user)

    def path(self, target: str) -> str:
        """Return the path by which the job reaches what is mounted at or below `target`."""
        if self.mode == "bubblewrap":
            return target
        for mount in self._mounts:
            if target == mount.target or target.startswith(f"{mount.target}/"):
                return str(mount.source) + target[len(mount.target) :]
        return target

    async def run(self, argv: Sequence[str], environment: Mapping[str, str], directory: str) -> None:
        """Start a command in `directory`, with exactly this environment (and PWD). Once for each sandbox.

        Returns when there is a process for it. What comes after shows in `wait`: a command that is not there, or cannot
        be executed, ends with a status and says so in the output.
        Raises ValueError for texts that no process can be given, SandboxUnavailable when the sandbox refuses, OSError
        when it was killed before.
        """
        _check_texts(argv, environment, directory)
        command = {"argv": list(argv), "environment": dict(environment), "directory": self.path(directory)}
        try:
            await self._launch.tell(command)
        except LauncherEnded as ended:
            raise SandboxUnavailable(f"the sandbox was not made: {ended}") from None
        if self._cgroup is not None and "memory" in self._cgroup.paths:
            self._memory_watch = asyncio.create_task(self._hold_to_memory(self._cgroup))

    async def wait(self) -> Exit:
        """Return how the job ended, when it has. Raises SandboxUnavailable when it never began."""
        code = await self._launch.ended()
        if code == 0:
            return Exit(0, None)
        out_of_memory = self._exceeded_memory or (self._cgroup is not None and self._cgroup.out_of_memory_kills() > 0)
        if code < 0:
            return Exit(None, -code, out_of_memory)
        if self.mode == "bubblewrap":
            if not self._launch.was_set_up:
                return _not_executed(await self._launch.last_words())
            if code > _SIGNALLED:
                return Exit(None, code - _SIGNALLED, out_of_memory)
        return Exit(code, None, out_of_memory)

    async def kill(self) -> None:
        """End every process of the job at once, and return when they are gone. Safe to call twice."""
        self._launch.kill()
        await self._launch.ended()
        if self._cgroup is not None:
            self._cgroup.kill()

    async def close(self) -> None:
        """End the job and free all that the sandbox had. Safe to call twice; once begun, it is done to its end."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    def memory_bytes_peak(self) -> int | None:
        """Return the most memory that the job used at once; None where control groups do not tell.

        Files in /tmp count until the limit of the memory is reached: what is above it can be nothing else.
        """
        peak = None if self._cgroup is None else self._cgroup.memory_bytes_peak()
        return None if peak is None else min(peak, self.limits.memory_bytes)

    async def _close(self) -> None:
        if self._memory_watch is not None:
            self._memory_watch.cancel()
        await self.kill()
        self._launch.free()
        for listener in (*self.listeners, *self.ways_out):
            listener.close()
        await self._remove_group()
        if self._user is not None and not self._keeps_user:
            job_users.give_back(self._user)

    async def _hold_to_memory(self, group: Cgroup) -> None:
        await wait_until_exceeded(group, self.limits.memory_bytes)
        self._exceeded_memory = True
        self._launch.kill()

    def _make_group(self) -> None:
        """Put the launcher into a control group, before it has been told anything."""
        groups = self._found.cgroups
        if groups is None:
            return
        name = f"{memory_directory().token}-{next(_numbers)}"
        try:
            self._cgroup = groups.make(name, self.limits)
            self._cgroup.add(self._launch.launcher.pid)
        except OSError as error:
            raise SandboxUnavailable(f"there is no sandbox: {error.filename}: {error.strerror}") from None

    async def _remove_group(self) -> None:
        if self._cgroup is None:
            return
        for _ in range(_CGROUP_TRIES_MAX):
            if self._cgroup.remove():
                return
            self._cgroup.kill()
            await asyncio.sleep(_CGROUP_TRY_SECONDS)

    def _plan(self, ports: int, hidden: Sequence[Path], routes: Sequence[Route]) -> dict[str, Any]:
        """Return what the launcher is told first."""
        plan: dict[str, Any] = {"ports": ports, "resources": self._resources()}
        if self.mode == "unsafe":
            return plan | {"bubblewrap": None}
        roots = [] if self._root is None else [str(self._root.absolute())]
        if not all(_is_directory(mount.source) for mount in self._mounts if mount.for_writing):
            raise SandboxUnavailable("there is no sandbox: what it is to write to is not there, or is no directory")
        sources = [str(mount.source.absolute()) for mount in self._mounts] + roots
        # What a user who is not root cannot reach is staged for him by the launcher.
        seen = sources if self._user is None else [f"/tmp/{number}" for number in range(len(sources))]  # noqa: S108
        mounts = [(where, mount.target, mount.for_writing) for where, mount in zip(seen, self._mounts, strict=False)]
        root = None if self._root is None else bubblewrap.SeenRoot(self._root, seen[-1])
        files = bubblewrap.FILES | {"/etc/hosts": bubblewrap.hosts(routes)}
        return plan | {
            "bubblewrap": self._found.bubblewrap,
            "user_id": self._user,
            "own_ids": (os.geteuid(), os.getegid()),
            "staged": sources,
            "first_port": FIRST_PORT,
            "own_addresses": sorted({route.address for route in routes if not route.is_loopback}),
            "routes": [(route.address, route.destination.port) for route in routes],
            "options": bubblewrap.options(self.limits, mounts, self._targets(hidden), root, self._job_user),
            "files": files if root is None else bubblewrap.files_over(root, routes),
            "file_option": "--file" if root is None else "--ro-bind-data",
            "last_options": list(bubblewrap.LAST_OPTIONS),
            "seccomp": seccomp_filter(),
        }

    def _resources(self) -> dict[int, int]:
        limited = {resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: self.limits.open_files_max}
        if self._found.means("memory") == "rlimits":
            limited[resource.RLIMIT_DATA] = self.limits.memory_bytes + _UNTOUCHED_BYTES
        users = self._found.job_users
        # The kernel counts processes by user and user namespace: without a sandbox, all that this user has.
        counts_apart = self.mode == "bubblewrap" and (users is None or len(users) > 1)
        if counts_apart:
            limited[resource.RLIMIT_NPROC] = self.limits.processes_max + PROCESSES_OF_OURS
        return limited

    def _targets(self, hidden: Sequence[Path]) -> list[Path]:
        """Return where the job would see what it must not."""
        targets = []
        for path in hidden:
            real = path.resolve()
            host = Mount(Path("/usr"), "/usr") if self._root is None else Mount(self._root, "/")
            for source, target, _ in (*self._mounts, host):
                if real.is_dir() and real.is_relative_to(source.resolve()):
                    targets.append(Path(target) / real.relative_to(source.resolve()))
        return targets


def _is_directory(path: Path) -> bool:
    """Return whether something is a directory itself, and not a link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _check_texts(argv: Sequence[str], environment: Mapping[str, str], directory: str) -> None:
    # A zero byte would end the text, and what follows it would be another one: an option of bubblewrap's.
    if any("\0" in text for text in (*argv, *environment, *environment.values(), directory)):
        raise ValueError("a zero byte in a command, its environment or its directory")
    if not argv:
        raise ValueError("a command without a program")
    if any(not name or "=" in name for name in environment):
        raise ValueError("an environment variable whose name is empty or has a '='")


def _not_executed(said: str) -> Exit:
    """Return how a command "ended" that could not begin, as shells tell it. Raises SandboxUnavailable for all else.

    When bubblewrap says so, all is set up; but for it a job begins only when the command does.
    """
    if not said.startswith(_NOT_EXECUTED):
        raise SandboxUnavailable(f"the sandbox was not made: {said}")
    return Exit(_NOT_FOUND if said.endswith(os.strerror(errno.ENOENT)) else _NOT_EXECUTABLE, None)
