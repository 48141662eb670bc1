"""The launcher as the server sees it: a process, the socket it is told things over, and what the job prints."""

import array
import asyncio
import contextlib
import json
import marshal
import os
import signal
import socket
import sys
from typing import Any

from strongroom.runners import launcher

OUTPUT_BYTES_MAX = 65_536
"""Output that is held for a reader who does not read; a job that prints more waits."""

_FIRST_OUTPUT_BYTES_MAX = 4_096
_LAST_WORDS_SECONDS_MAX = 1.0
_DESCRIPTORS_MAX = 16
_LENGTH_BYTES = 4


class LauncherEnded(Exception):  # noqa: N818 (it says what happened)
    """It ended without an answer. The text is the last line that it wrote."""


class Launch:
    """One launcher, later bubblewrap, later (without a sandbox) the job. Made by `start`."""

    def __init__(self, control: socket.socket, output: "_Output", transport: asyncio.ReadTransport) -> None:
        self.output = output.reader
        self.has_begun = asyncio.Event()
        """Bubblewrap has its two processes, or there is nothing more to come from it."""
        self.was_set_up = False
        """Bubblewrap told how the command ended, so it had begun."""
        self.inner: int | None = None
        """Descriptor of the first process in the sandbox."""
        self._control = control
        self._printed = output
        self._transport = transport
        self._following: asyncio.Task[None] | None = None
        self.process: asyncio.subprocess.Process

    @classmethod
    async def start(cls) -> "Launch":
        """Start a launcher, which waits to be told its plan."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        reading, writing = os.pipe()
        with theirs, os.fdopen(writing, "wb", 0):
            loop = asyncio.get_running_loop()
            transport, output = await loop.connect_read_pipe(_Output, os.fdopen(reading, "rb", 0))
            launch = cls(ours, output, transport)
            try:
                launch.process = await asyncio.create_subprocess_exec(
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
            except BaseException:
                launch.close()
                raise
        return launch

    async def ask(self, plan: dict[str, Any]) -> tuple[dict[str, Any], tuple[socket.socket, ...]]:
        """Tell the plan; return the answer and the sockets that came with it. Raises LauncherEnded."""
        await self._send(plan)
        content = b""
        descriptors: list[int] = []
        while len(content) < _LENGTH_BYTES or len(content) < _LENGTH_BYTES + _length(content):
            await _readable(self._control)
            try:
                piece, more = _receive_with_descriptors(self._control)
            except BlockingIOError:
                continue
            descriptors += more
            if not piece:
                raise LauncherEnded(await self.last_words())
            content += piece
        sockets = tuple(socket.socket(fileno=descriptor) for descriptor in descriptors)
        # It is our own script that sent it, before it ran anything.
        return marshal.loads(content[_LENGTH_BYTES:]), sockets  # noqa: S302

    @property
    def is_told(self) -> bool:
        """Whether it was told what to run."""
        return self._following is not None

    async def tell(self, command: dict[str, Any]) -> None:
        """Tell what to run. From now on what comes over the socket is bubblewrap's, and is followed. Raises OSError."""
        await self._send(command)
        self._following = asyncio.get_running_loop().create_task(self._follow())

    async def ended(self) -> int:
        """Return the exit status, negative for a signal, when the process has ended and all that it told is known."""
        code = await self.process.wait()
        if self._following is not None:
            await self._following
        return code

    async def last_words(self) -> str:
        """Return the last line that was written by what ended early. Call it only when it has ended, or will."""
        await self.process.wait()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._printed.ended.wait(), _LAST_WORDS_SECONDS_MAX)
        said = self._printed.beginning.decode(errors="replace").strip().splitlines()
        return said[-1] if said else "its launcher ended"

    def kill_inner(self) -> bool:
        """Kill the first process in the sandbox, and with it all others. Returns whether there was one."""
        if self.inner is None:
            return False
        # The kernel ends every process of a PID namespace before its first one is gone.
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.inner, signal.SIGKILL)
        return True

    def kill_outer(self) -> None:
        """Kill the launcher, or bubblewrap, or (without a sandbox) the job with its process group."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Free what it had. The process must have ended."""
        self._control.close()
        self._transport.close()
        if self.inner is not None:
            os.close(self.inner)
            self.inner = None

    async def _send(self, message: dict[str, Any]) -> None:
        content = marshal.dumps(message)
        framed = len(content).to_bytes(_LENGTH_BYTES, "big") + content
        await asyncio.get_running_loop().sock_sendall(self._control, framed)

    async def _follow(self) -> None:
        """Note what bubblewrap tells of its progress (one JSON object a line), until nobody can tell any more."""
        loop = asyncio.get_running_loop()
        lines = b""
        try:
            while piece := await loop.sock_recv(self._control, 4_096):
                *complete, lines = (lines + piece).split(b"\n")
                for line in complete:
                    self._note(json.loads(line))
        except ConnectionResetError:
            pass  # It ended before it had read all that it was told.
        finally:
            self.has_begun.set()

    def _note(self, told: dict[str, Any]) -> None:
        if "child-pid" in told:
            with contextlib.suppress(ProcessLookupError):
                self.inner = os.pidfd_open(told["child-pid"])
            self.has_begun.set()
        if "exit-code" in told:
            self.was_set_up = True


class _Output(asyncio.StreamReaderProtocol):
    """Feeds a reader, and remembers the beginning of what came."""

    def __init__(self) -> None:
        self.reader = asyncio.StreamReader(OUTPUT_BYTES_MAX // 2)
        self.beginning = bytearray()
        self.ended = asyncio.Event()
        super().__init__(self.reader)

    def data_received(self, data: bytes) -> None:
        if len(self.beginning) < _FIRST_OUTPUT_BYTES_MAX:
            self.beginning += data[: _FIRST_OUTPUT_BYTES_MAX - len(self.beginning)]
        super().data_received(data)

    def eof_received(self) -> bool:
        self.ended.set()
        super().eof_received()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.ended.set()
        super().connection_lost(error)


def _length(content: bytes) -> int:
    return int.from_bytes(content[:_LENGTH_BYTES], "big")


async def _readable(control: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(control, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(control)


def _receive_with_descriptors(control: socket.socket) -> tuple[bytes, list[int]]:
    descriptors = array.array("i")
    space = socket.CMSG_LEN(_DESCRIPTORS_MAX * descriptors.itemsize)
    content, ancillary, _, _ = control.recvmsg(65_536, space)
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    return content, list(descriptors)
