"""What carries packets from the keeper's namespace to the host's network for one who is not root: slirp4netns.

It is a process beside the keeper, of the server's user, which answers for the internet in the namespace and makes the
connections that are asked for itself. It ends with its server, however that ends, and with its keeper.
"""

import asyncio
import contextlib
import os
import select
import shutil

PROGRAM = "slirp4netns"
LINK = "tap0"
DEVICE = "/dev/net/tun"
READY_SECONDS_MAX = 10.0
_READ_BYTES = 65_536

# Its sandbox would need a root in the keeper's user namespace, which has none.
_OPTIONS = ("--configure", "--mtu=65520", "--disable-host-loopback", "--disable-dns", "--enable-seccomp")


def program() -> str | None:
    """Return the path of the program, None where it is not installed."""
    return shutil.which(PROGRAM)


class Carrier:
    """The process at work. Made by `start`; whoever has it must `stop` it."""

    def __init__(self, process: asyncio.subprocess.Process, lifeline: int) -> None:
        self._process = process
        # The process ends when nobody has this any more: neither we nor, after we were killed, anybody.
        self._lifeline = lifeline
        self._draining: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, path: str, keeper: int) -> "Carrier":
        """Start it for the namespace that the process `keeper` is in now. Raises OSError, with what it said."""
        theirs, lifeline = os.pipe()
        ready, told = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                path,
                *(*_OPTIONS, f"--exit-fd={theirs}", f"--ready-fd={told}", str(keeper), LINK),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=(theirs, told),
                start_new_session=True,
                cwd="/",
                env={},
            )
        except BaseException:
            os.close(ready)
            os.close(lifeline)
            raise
        finally:
            os.close(theirs)
            os.close(told)
        carrier = cls(process, lifeline)
        try:
            if await asyncio.to_thread(_is_ready, ready):
                carrier._draining = asyncio.create_task(carrier._drain())
                return carrier
        except BaseException:
            await carrier.stop()
            raise
        said = await carrier._said()
        raise OSError(f"{PROGRAM} does not start: {said}")

    @property
    def is_alive(self) -> bool:
        """Whether it still carries."""
        return self._lifeline >= 0 and self._process.returncode is None

    async def stop(self) -> None:
        """End it. Safe to call twice."""
        if self._lifeline < 0:
            return
        os.close(self._lifeline)
        self._lifeline = -1
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        if self._draining is not None:
            await self._draining

    async def _drain(self) -> None:
        """Read what it says, which must not keep it from its work."""
        stderr = self._process.stderr
        while stderr is not None and await stderr.read(_READ_BYTES):
            pass

    async def _said(self) -> str:
        await self.stop()
        stderr = self._process.stderr
        said = (await stderr.read()).decode(errors="replace") if stderr is not None else ""
        return " ".join(said.split())[-300:] or f"it ended with {self._process.returncode}"


def _is_ready(ready: int) -> bool:
    """Wait until it says that it is ready, or ends: whichever is first."""
    poll = select.poll()
    poll.register(ready, select.POLLIN)
    try:
        return bool(poll.poll(READY_SECONDS_MAX * 1000) and os.read(ready, 1))
    finally:
        os.close(ready)
