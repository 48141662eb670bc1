"""A sandbox: one job in namespaces of its own, whose only way out are the sockets that it was given.

    sandbox = await prepare(limits=Limits(), ports=1)
    server = await asyncio.start_server(answer, sock=sandbox.listeners[0])
    await sandbox.run(["/usr/bin/python3", "-c", "..."], {"API": sandbox.addresses[0]}, "/tmp")
    exit = await sandbox.wait()
    await sandbox.close()

What it holds against, and what not, is told in docs/decisions/0020-a-sandbox-for-functions.md.
"""

import array
import asyncio
import contextlib
import errno
import itertools
import json
import marshal
import os
import resource
import secrets
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from strongroom.runners import bubblewrap, launcher
from strongroom.runners.cgroups import PROCESSES_OF_OURS, Cgroup
from strongroom.runners.limits import Limits
from strongroom.runners.memory_directory import NoMemoryFileSystem, memory_directory
from strongroom.runners.probe import Probe, SandboxUnavailable, probe

Mode = Literal["bubblewrap", "unsafe"]

FIRST_PORT = 9001
OUTPUT_BYTES_MAX = 65_536
"""Output that is held for a reader who does not read; a job that prints more waits."""

_PREPARE_SECONDS_MAX = 30.0
_KILL_SECONDS_MAX = 5.0
_LAST_WORDS_SECONDS_MAX = 1.0
_CGROUP_TRIES_MAX = 100
_CGROUP_TRY_SECONDS = 0.005
_FIRST_OUTPUT_BYTES_MAX = 4_096
# A shell's way, and bubblewrap's, to tell that a signal ended a command.
_SIGNALLED = 128
_NOT_EXECUTABLE = 126
_NOT_FOUND = 127
_NOT_EXECUTED = "bwrap: execvp "

_numbers = itertools.count(1)
_users_taken: set[int] = set()


class Mount(NamedTuple):
    """A file or directory of the host that a job may read, at `target`. Never for writing.

    What is in it must be readable to all (modes 0644, 0755): jobs of a server that is root run as another user.
    The directories above it need not be.
    """

    source: Path
    target: str


class Exit(NamedTuple):
    """How a job ended: with a `status`, or by a `signal` (the other is None).

    `out_of_memory` tells that the kernel killed for memory; only control groups know it. A status above 128 is taken
    for the signal that shells report so.
    """

    status: int | None
    signal: int | None
    out_of_memory: bool = False


async def prepare(
    *,
    limits: Limits,
    mounts: Sequence[Mount] = (),
    ports: int = 0,
    mode: Mode = "bubblewrap",
    hidden: Sequence[Path] = (),
) -> "Sandbox":
    """Make a sandbox in which nothing runs yet, with `ports` listening sockets in its own network.

    `hidden` are directories of the host that stay unseen even where they are below something that is seen. With the
    mode "unsafe" there is no sandbox: what runs, runs as the server's user, with the host's files and network.
    Must be called in the server's main thread: the job ends with the thread that started it.
    Raises SandboxUnavailable.
    """
    found = await probe()
    if mode == "bubblewrap" and found.refusal is not None:
        raise SandboxUnavailable(f"no sandbox for it: {found.refusal}")
    sandbox = Sandbox(found, limits, mounts, mode, hidden)
    try:
        async with asyncio.timeout(_PREPARE_SECONDS_MAX):
            await sandbox.start(ports)
    except TimeoutError:
        await sandbox.close()
        raise SandboxUnavailable(f"making a sandbox took longer than {_PREPARE_SECONDS_MAX:.0f} seconds") from None
    except BaseException:
        await sandbox.close()
        raise
    return sandbox


class Sandbox:
    """One sandbox, for one command. Made by `prepare`; whoever has it must `close` it."""

    listeners: tuple[socket.socket, ...] = ()
    addresses: tuple[str, ...] = ()
    output: asyncio.StreamReader

    def __init__(
        self, found: Probe, limits: Limits, mounts: Sequence[Mount], mode: Mode, hidden: Sequence[Path]
    ) -> None:
        self.limits = limits
        self.mode = mode
        self._found = found
        self._mounts = tuple(mounts)
        self._hidden = tuple(hidden)
        self._process: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        self._status: asyncio.Task[None] | None = None
        self._begun = asyncio.Event()
        self._inner: int | None = None
        self._is_set_up = mode == "unsafe"
        self._cgroup: Cgroup | None = None
        self._user: int | None = None
        self._transport: asyncio.ReadTransport | None = None
        self._first_output = bytearray()
        self._output_ended = asyncio.Event()
        self._is_closed = False

    async def start(self, ports: int) -> None:
        """Start the launcher and receive its sockets. Raises SandboxUnavailable. For `prepare` alone."""
        await self._spawn()
        await self._send(self._plan(ports))
        answer, descriptors = await self._receive_answer()
        self.listeners = tuple(socket.socket(fileno=descriptor) for descriptor in descriptors)
        for listener in self.listeners:
            listener.setblocking(False)
        if "refused" in answer:
            raise SandboxUnavailable(f"no sandbox for it: {answer['refused']}")
        self.addresses = tuple(f"127.0.0.1:{port}" for port in answer["ports"])

    def path(self, target: str) -> str:
        """Return the path by which the job reaches what is mounted at or below `target`."""
        if self.mode == "bubblewrap":
            return target
        for mount in self._mounts:
            if target == mount.target or target.startswith(f"{mount.target.rstrip('/')}/"):
                return str(mount.source) + target[len(mount.target.rstrip("/")) :]
        return target

    async def run(self, argv: Sequence[str], environment: Mapping[str, str], directory: str) -> None:
        """Start a command in `directory`, with exactly this environment (and PWD). Once for each sandbox.

        A command that is not there, or cannot be executed, ends with a status and says so in the output.
        Raises SandboxUnavailable when the sandbox refuses; OSError when it was killed before.
        """
        command = {"argv": list(argv), "environment": dict(environment), "directory": self.path(directory)}
        await self._send(command)
        self._status = asyncio.get_running_loop().create_task(self._follow())
        await self._begun.wait()
        if self.mode == "bubblewrap" and self._inner is None:
            await self._must_be_set_up()

    async def wait(self) -> Exit:
        """Return how the job ended, when it has. Raises SandboxUnavailable when it never began."""
        assert self._process is not None
        code = await self._process.wait()
        if self._status is not None:
            await self._status
            if code > 0 and not self._is_set_up:
                return self._not_executed(await self._last_words())
        if code < 0:
            ended = Exit(None, -code)
        elif code > _SIGNALLED and self.mode == "bubblewrap":
            ended = Exit(None, code - _SIGNALLED)
        else:
            return Exit(code, None, code != 0 and self._ran_out_of_memory())
        return ended._replace(out_of_memory=self._ran_out_of_memory())

    async def kill(self) -> None:
        """End every process of the job at once, and return when they are gone."""
        process = self._process
        if process is None or process.returncode is not None:
            self._kill_group()
            return
        if self._status is not None and not self._begun.is_set():
            # Between the two processes of bubblewrap's that begin, the death of one is not the end of the other.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._begun.wait(), _KILL_SECONDS_MAX)
        if self._inner is None:
            self._kill_outer(process)
        else:
            # The first process of a PID namespace: when it is gone, all others are.
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._inner, signal.SIGKILL)
        try:
            await asyncio.wait_for(process.wait(), _KILL_SECONDS_MAX)
        except TimeoutError:
            self._kill_outer(process)
            await process.wait()
        self._kill_group()

    async def close(self) -> None:
        """End the job and free all that the sandbox had. Safe to call twice."""
        if self._is_closed:
            return
        self._is_closed = True
        await self.kill()
        if self._status is not None:
            await self._status
        if self._control is not None:
            self._control.close()
        for listener in self.listeners:
            listener.close()
        if self._transport is not None:
            self._transport.close()
        if self._inner is not None:
            os.close(self._inner)
            self._inner = None
        if self._user is not None:
            _users_taken.discard(self._user)
        await self._remove_group()

    def memory_bytes_peak(self) -> int | None:
        """Return the most memory that the job used at once, or None where that is not known (without cgroups)."""
        return None if self._cgroup is None else self._cgroup.memory_bytes_peak()

    async def _spawn(self) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._control = ours
        reading, writing = os.pipe()
        try:
            await self._connect_output(reading)
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-S",
                launcher.__file__,
                str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                cwd="/",
                env={},
            )
        finally:
            theirs.close()
            os.close(writing)
        self._make_group()

    async def _connect_output(self, descriptor: int) -> None:
        loop = asyncio.get_running_loop()
        self.output = asyncio.StreamReader(OUTPUT_BYTES_MAX // 2, loop)
        self._transport, _ = await loop.connect_read_pipe(
            lambda: _Output(self.output, self._first_output, self._output_ended), os.fdopen(descriptor, "rb", 0)
        )

    def _make_group(self) -> None:
        """Put the launcher into a control group, before it has been told anything."""
        assert self._process is not None
        groups = self._found.cgroups
        if groups is None:
            return
        try:
            token = memory_directory().token
        except NoMemoryFileSystem as error:
            raise SandboxUnavailable(f"no sandbox for it: {error}") from None
        try:
            self._cgroup = groups.make(f"{token}-{next(_numbers)}", self.limits)
            self._cgroup.add(self._process.pid)
        except OSError as error:
            raise SandboxUnavailable(f"no sandbox for it: {error.filename}: {error.strerror}") from None

    def _plan(self, ports: int) -> dict[str, Any]:
        """Return what the launcher is told first."""
        plan: dict[str, Any] = {"server": os.getpid(), "ports": ports, "resources": self._resources()}
        plan |= {"bubblewrap": None, "user_id": None}
        if self.mode == "unsafe":
            return plan
        users = self._found.job_users
        if users is not None:
            self._user = plan["user_id"] = _take_user(users)
        sources = [str(mount.source.absolute()) for mount in self._mounts]
        seen = sources if users is None else [f"/tmp/{number}" for number in range(len(sources))]  # noqa: S108
        mounts = list(zip(seen, [mount.target for mount in self._mounts], strict=True))
        return plan | {
            "bubblewrap": self._found.bubblewrap,
            "own_ids": (os.geteuid(), os.getegid()),
            "staged": sources,
            "first_port": FIRST_PORT,
            "options": bubblewrap.options(self.limits, mounts, self._hidden_targets()),
            "files": bubblewrap.FILES,
            "last_options": list(bubblewrap.LAST_OPTIONS),
            "seccomp": None,
        }

    def _resources(self) -> dict[int, int]:
        limited = {resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: self.limits.open_files_max}
        if self._found.means("memory") == "rlimits":
            limited[resource.RLIMIT_DATA] = self.limits.memory_bytes
        users = self._found.job_users
        # The kernel counts a user's processes in each user namespace, or for each user that a job has for itself.
        if self.mode == "bubblewrap" and (users is None or len(users) > 1 or self._found.means("pids") == "rlimits"):
            limited[resource.RLIMIT_NPROC] = self.limits.processes_max + PROCESSES_OF_OURS
        return limited

    def _hidden_targets(self) -> list[Path]:
        targets = []
        for hidden in self._hidden:
            real = hidden.resolve()
            for source, target in (*self._mounts, (Path("/usr"), "/usr")):
                if real.is_dir() and real.is_relative_to(source.resolve()):
                    targets.append(Path(target) / real.relative_to(source.resolve()))
        return targets

    async def _send(self, message: dict[str, Any]) -> None:
        assert self._control is not None
        content = marshal.dumps(message)
        await asyncio.get_running_loop().sock_sendall(self._control, len(content).to_bytes(4, "big") + content)

    async def _receive_answer(self) -> tuple[dict[str, Any], list[int]]:
        assert self._control is not None
        content = b""
        descriptors: list[int] = []
        while len(content) < 4 or len(content) < 4 + int.from_bytes(content[:4], "big"):
            await _readable(self._control)
            try:
                piece, more = _receive_with_descriptors(self._control)
            except BlockingIOError:
                continue
            descriptors += more
            if not piece:
                raise SandboxUnavailable(f"the sandbox was not made: {await self._last_words()}")
            content += piece
        return marshal.loads(content[4:]), descriptors  # noqa: S302  The launcher's, before it runs anything.

    async def _follow(self) -> None:
        """Note what bubblewrap tells of its progress, until it ends."""
        assert self._control is not None
        loop = asyncio.get_running_loop()
        lines = b""
        try:
            while piece := await loop.sock_recv(self._control, 4_096):
                *complete, lines = (lines + piece).split(b"\n")
                for line in complete:
                    self._note(json.loads(line))
        except ConnectionResetError:
            pass
        finally:
            self._begun.set()

    def _note(self, told: dict[str, Any]) -> None:
        if "child-pid" in told:
            with contextlib.suppress(ProcessLookupError):
                self._inner = os.pidfd_open(told["child-pid"])
            self._begun.set()
        if "exit-code" in told:
            self._is_set_up = True

    async def _must_be_set_up(self) -> None:
        """Raise SandboxUnavailable with what was said last, unless the job ran."""
        if not self._is_set_up:
            raise SandboxUnavailable(f"the sandbox was not made: {await self._last_words()}")

    def _not_executed(self, said: str) -> Exit:
        """Return how a command "ended" that could not begin, as shells tell it. Raises SandboxUnavailable for all else.

        Bubblewrap says so when all is set up, but for it a job begins only when the command does.
        """
        if not said.startswith(_NOT_EXECUTED):
            raise SandboxUnavailable(f"the sandbox was not made: {said}")
        return Exit(_NOT_FOUND if said.endswith(os.strerror(errno.ENOENT)) else _NOT_EXECUTABLE, None)

    async def _last_words(self) -> str:
        """Return the last line that the launcher or bubblewrap wrote before it ended."""
        assert self._process is not None
        await self._process.wait()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._output_ended.wait(), _LAST_WORDS_SECONDS_MAX)
        said = self._first_output.decode(errors="replace").strip().splitlines()
        return said[-1] if said else "its launcher ended"

    def _ran_out_of_memory(self) -> bool:
        return self._cgroup is not None and self._cgroup.out_of_memory_kills() > 0

    def _kill_outer(self, process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            # It leads a session and a process group, which without a sandbox is the job's.
            os.killpg(process.pid, signal.SIGKILL)

    def _kill_group(self) -> None:
        if self._cgroup is not None:
            self._cgroup.kill()

    async def _remove_group(self) -> None:
        if self._cgroup is None:
            return
        for _ in range(_CGROUP_TRIES_MAX):
            if self._cgroup.remove():
                return
            self._cgroup.kill()
            await asyncio.sleep(_CGROUP_TRY_SECONDS)


class _Output(asyncio.StreamReaderProtocol):
    """Feeds a reader, and remembers the beginning of what came."""

    def __init__(self, reader: asyncio.StreamReader, first: bytearray, ended: asyncio.Event) -> None:
        super().__init__(reader)
        self._first = first
        self._ended = ended

    def data_received(self, data: bytes) -> None:
        if len(self._first) < _FIRST_OUTPUT_BYTES_MAX:
            self._first += data[: _FIRST_OUTPUT_BYTES_MAX - len(self._first)]
        super().data_received(data)

    def eof_received(self) -> bool:
        self._ended.set()
        return super().eof_received() or False

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._ended.set()


def _take_user(users: range) -> int:
    """Return a user that no other job of ours runs as; where there is but one, that one."""
    if len(users) == 1:
        return users[0]
    while (user := users[secrets.randbelow(len(users))]) in _users_taken:
        pass
    _users_taken.add(user)
    return user


async def _readable(control: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def note() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(control, note)
    try:
        await ready
    finally:
        loop.remove_reader(control)


def _receive_with_descriptors(control: socket.socket) -> tuple[bytes, list[int]]:
    space = socket.CMSG_LEN(16 * array.array("i").itemsize)
    content, ancillary, _, _ = control.recvmsg(65_536, space)
    descriptors = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    return content, list(descriptors)
