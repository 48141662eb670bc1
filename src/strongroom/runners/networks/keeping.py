"""The keeper of networks as the server sees it: started when it is first needed, told one thing at a time."""

import asyncio
import contextlib
import os
import secrets
import socket
import sys

from strongroom.runners.memory_directory import NoMemoryFileSystem, memory_directory
from strongroom.runners.networks.carrier import Carrier
from strongroom.runners.networks.carrier import program as carrier_program
from strongroom.runners.networks.joined import JoinedNetwork
from strongroom.runners.networks.messages import (
    Answer,
    Attach,
    Detach,
    Follow,
    Request,
    Try,
    Vpc,
    decode_answer,
    received,
    send,
)

ANSWER_SECONDS_MAX = 30.0


class NetworksUnavailable(Exception):  # noqa: N818 (it says what is wrong)
    """There can be no networks here, or not this one. The text says why, for people."""


class NetworkKeeper:
    """The keeper's process. Made by `start`; whoever has it must `stop` it, and all of its networks end with it."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._process: asyncio.subprocess.Process
        self._turn = asyncio.Lock()
        self._is_stopped = False
        self._carrier: Carrier | None = None
        self._carrying: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, token: str = "") -> "NetworkKeeper":
        """Start a keeper. Takes a quarter of a second. Must be called in the server's main thread: it ends with it.

        `token` is what the host knows its ways out by, the server's own unless told otherwise. Raises
        NetworksUnavailable.
        """
        ours, theirs = socket.socketpair()
        ours.settimeout(ANSWER_SECONDS_MAX)
        keeper = cls(ours)
        try:
            with theirs:
                keeper._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-P",
                    "-m",
                    "strongroom.runners.networks.keeper",
                    str(theirs.fileno()),
                    token or memory_directory().token,
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                    cwd="/",
                    env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
                )
            await asyncio.to_thread(keeper._receive)
        except (NoMemoryFileSystem, OSError) as error:
            ours.close()
            raise NetworksUnavailable(f"there are no networks: {error}") from None
        except BaseException:
            ours.close()
            raise
        return keeper

    @property
    def is_alive(self) -> bool:
        """Whether it can still be asked."""
        return not self._is_stopped and self._process.returncode is None

    async def attach(self, vpc: Vpc, interface_id: str) -> JoinedNetwork:
        """Return a new namespace with an interface of a VPC in it. Raises NetworksUnavailable."""
        network, *user = await self._ask(Attach(vpc, interface_id))
        return JoinedNetwork(network, user[0] if user else None)

    async def follow(self, vpc: Vpc) -> None:
        """Make a VPC as it should be, if it is in force. Raises NetworksUnavailable."""
        await self._ask(Follow(vpc))

    async def detach(self, interface_id: str) -> None:
        """Take an interface out of its VPC, if it is in one. Raises NetworksUnavailable."""
        await self._ask(Detach(interface_id))

    async def try_out(self) -> None:
        """Make a network and take it away again. Raises NetworksUnavailable."""
        await self._ask(Try())

    async def stop(self) -> None:
        """End it, and all of its networks. Safe to call twice."""
        if self._is_stopped:
            return
        self._is_stopped = True
        async with self._turn:
            self._control.close()
        try:
            await asyncio.wait_for(self._process.wait(), ANSWER_SECONDS_MAX)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        if self._carrying is not None:
            await self._carrying

    async def _ask(self, request: Request) -> list[int]:
        # Whoever gives up waiting must not leave an answer behind for the next who asks.
        asking = asyncio.create_task(self._ask_in_turn(request))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            asking.add_done_callback(_close_descriptors)
            raise

    async def _ask_in_turn(self, request: Request) -> list[int]:
        async with self._turn:
            if not self.is_alive:
                raise NetworksUnavailable("there are no networks: their keeper has ended")
            failure = await self._lead_out() if _leads_out(request) else ""
            try:
                return await asyncio.to_thread(self._exchange, request)
            except NetworksUnavailable as unavailable:
                # All else of the request was done: a firewall does not wait for a way out.
                raise NetworksUnavailable(failure or str(unavailable)) from None

    async def _lead_out(self) -> str:
        """Have packets carried out of the keeper's namespace, where that can be and is not done yet; root needs none.

        Nothing is asked of the keeper meanwhile: it is in its own namespace. Returns why it cannot be, empty if it can.
        """
        path = carrier_program()
        if os.geteuid() == 0 or path is None or (self._carrier is not None and self._carrier.is_alive):
            return ""
        if self._carrying is not None:
            # The one before it has ended, and takes its link away with it.
            self._carrying.cancel()
            await asyncio.gather(self._carrying, return_exceptions=True)
            self._carrying = None
        if self._carrier is not None:
            await self._carrier.stop()
            self._carrier = None
        try:
            self._carrier = await Carrier.start(path, self._process.pid)
        except OSError as error:
            return f"a route of this subnet leads to the internet, and there is no way: {error}"
        self._carrying = asyncio.create_task(self._carry(self._carrier))
        return ""

    async def _carry(self, carrier: Carrier) -> None:
        await self._process.wait()
        await carrier.stop()

    def _exchange(self, request: Request) -> list[int]:
        try:
            send(self._control, request, [])
            return self._receive()
        except OSError as error:
            raise NetworksUnavailable(f"there are no networks: {error}") from None

    def _receive(self) -> list[int]:
        message = received(self._control)
        if message is None:
            raise NetworksUnavailable("there are no networks: their keeper ended")
        answer: Answer = decode_answer(message[0])
        if answer.refused:
            raise NetworksUnavailable(answer.refused)
        return message[1]


def _leads_out(request: Request) -> bool:
    return isinstance(request, Attach | Follow) and any(subnet.leads_out for subnet in request.vpc.subnets)


def _close_descriptors(asked: asyncio.Task[list[int]]) -> None:
    if not asked.cancelled() and asked.exception() is None:
        for descriptor in asked.result():
            os.close(descriptor)


async def why_no_networks() -> str | None:
    """Return why there can be no networks on this machine, or None. Takes half a second."""
    try:
        keeper = await NetworkKeeper.start(secrets.token_hex(8))
    except NetworksUnavailable as unavailable:
        return str(unavailable)
    try:
        await keeper.try_out()
    except NetworksUnavailable as unavailable:
        return str(unavailable)
    finally:
        await keeper.stop()
    return None
