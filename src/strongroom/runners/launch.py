"""The launcher as the server sees it: a socket that it is told things over, the process it makes, and its output."""

import array
import asyncio
import contextlib
import importlib.util
import json
import marshal
import os
import signal
import socket
import struct
import sys
from typing import Any

from strongroom.runners import launcher

OUTPUT_BYTES_MAX = 65_536
"""Output that is held for a reader who does not read; a job that prints more waits."""

_FIRST_OUTPUT_BYTES_MAX = 4_096
_LAST_WORDS_SECONDS_MAX = 1.0
_DESCRIPTORS_MAX = 16
_LENGTH_BYTES = 4
# What the interpreter may need to find its own library. The job is given nothing of it.
_LOADER = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
_STATUS_BYTES_MAX = 4_096


class LauncherEnded(Exception):  # noqa: N818 (it says what happened)
    """It ended without an answer. The text is the last line that it wrote."""


class Launch:
    """One launcher, and the process that it made: bubblewrap, or (without a sandbox) the job. Made by `start`."""

    def __init__(self, control: socket.socket, output: "_Output", transport: asyncio.ReadTransport) -> None:
        self.output = output.reader
        self.launcher: asyncio.subprocess.Process
        self.was_set_up = False
        """Bubblewrap told how the command ended, so it had begun."""
        self._control = control
        self._printed = output
        self._transport = transport
        self._process: int | None = None
        self._ended: asyncio.Task[int] | None = None

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
                launch.launcher = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-I",
                    "-S",
                    _script(),
                    str(theirs.fileno()),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=writing,
                    stderr=writing,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                    cwd="/",
                    env=_LOADER,
                )
            except BaseException:
                launch.free()
                raise
        return launch

    async def ask(self, plan: dict[str, Any]) -> tuple[dict[str, Any], tuple[socket.socket, ...]]:
        """Tell the plan; return the answer and the sockets that came with it. Raises LauncherEnded, OSError."""
        await self._send(plan)
        answer, descriptors = await self._receive()
        return answer, tuple(socket.socket(fileno=descriptor) for descriptor in descriptors)

    async def tell(self, command: dict[str, Any]) -> None:
        """Tell what to run; return when the process for it is there. Raises LauncherEnded, OSError."""
        telling = asyncio.create_task(self._tell(command))
        try:
            await asyncio.shield(telling)
        except asyncio.CancelledError:
            # A process that is there must be known, or nobody ends it.
            await asyncio.gather(telling, return_exceptions=True)
            raise

    async def _tell(self, command: dict[str, Any]) -> None:
        await self._send(command)
        answer, (self._process, status) = await self._receive()
        self._ended = asyncio.create_task(self._reap(self._process, answer["process"], status))

    async def ended(self) -> int:
        """Return the status of the process when it has ended, negative for a signal. That of the launcher before."""
        code = await self.launcher.wait()
        return code if self._ended is None else await asyncio.shield(self._ended)

    async def last_words(self) -> str:
        """Return the last line that was written by what ended early. Call it only when it has ended, or will."""
        await self.ended()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._printed.ended.wait(), _LAST_WORDS_SECONDS_MAX)
        said = self._printed.beginning.decode(errors="replace").strip().splitlines()
        return said[-1] if said else "its launcher ended"

    def kill(self) -> None:
        """Kill the process and, when it is dead, all others of the job.

        In a sandbox the kernel does it, for it is the first of a PID namespace; else all of its process group die.
        """
        if self._process is None:
            self._kill_launcher()
        elif self._ended is not None and not self._ended.done():
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._process, signal.SIGKILL)

    def free(self) -> None:
        """Free what it had. The process must have ended."""
        self._control.close()
        self._transport.close()
        if self._process is not None:
            os.close(self._process)
            self._process = None

    def _kill_launcher(self) -> None:
        if self.launcher.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.launcher.kill()

    async def _send(self, message: dict[str, Any]) -> None:
        content = marshal.dumps(message)
        framed = len(content).to_bytes(_LENGTH_BYTES, "big") + content
        await asyncio.get_running_loop().sock_sendall(self._control, framed)

    async def _receive(self) -> tuple[dict[str, Any], list[int]]:
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
        # It is our own script that sent it, and the job had no part in it.
        return marshal.loads(content[_LENGTH_BYTES:]), descriptors  # noqa: S302

    async def _reap(self, process: int, number: int, status: int) -> int:
        """Note what bubblewrap tells of its progress (one JSON object a line), and return how it ended."""
        with os.fdopen(status, "rb", 0) as told:
            os.set_blocking(status, False)
            await _readable(process)
            # All that held the other end is gone, and what was told is a few lines: it is in the pipe.
            lines = (told.read(_STATUS_BYTES_MAX) or b"").splitlines()
        self.was_set_up = any("exit-code" in json.loads(line) for line in lines)
        # Without a sandbox others of its group may live. While it is a zombie, nobody else's group has its number.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(number, signal.SIGKILL)
        ended = os.waitid(os.P_PIDFD, process, os.WEXITED)  # noqa: ASYNC222  # It is a zombie, and does not block.
        assert ended is not None  # noqa: S101  # Only with WNOHANG is there none.
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


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


def _script() -> str:
    """Return the launcher as it was compiled when we imported it, which starts 3 milliseconds sooner, or its text."""
    text, compiled = launcher.__file__, importlib.util.cache_from_source(launcher.__file__)
    try:
        with open(compiled, "rb") as file:
            flags, modified = struct.unpack("<4xII4x", file.read(16))
        is_current = flags == 0 and modified == int(os.stat(text).st_mtime) & 0xFFFF_FFFF
    except (OSError, struct.error):
        is_current = False
    return compiled if is_current else text


def _length(content: bytes) -> int:
    return int.from_bytes(content[:_LENGTH_BYTES], "big")


async def _readable(source: socket.socket | int) -> None:
    """Return when there is something to read; of a process's descriptor, when the process is no more."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(source, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(source)


def _receive_with_descriptors(control: socket.socket) -> tuple[bytes, list[int]]:
    descriptors = array.array("i")
    space = socket.CMSG_LEN(_DESCRIPTORS_MAX * descriptors.itemsize)
    content, ancillary, _, _ = control.recvmsg(65_536, space)
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    return content, list(descriptors)
