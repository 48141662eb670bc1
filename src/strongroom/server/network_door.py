"""The operator's way into a VPC: a socket in the data directory, at which processes ask to be joined to a subnet.

Only the server's own user, and root, may ask. What is asked is one line of JSON; the answer is another, with the
descriptors of the namespaces to enter. The network interface is there until the one who asked closes its end.
"""

import asyncio
import contextlib
import json
import os
import socket
import struct
from pathlib import Path
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.house import House
from strongroom.operations.private_networks import (
    Attachment,
    PrivateNetworkUnavailable,
    attachment_for,
    owner_of_subnet,
)
from strongroom.server.logs import logger

SOCKET = "networks.sock"
REQUEST_BYTES_MAX = 65_536
REQUEST_SECONDS_MAX = 10.0

_CREDENTIALS = struct.Struct("3i")


def door_address(data: Path) -> tuple[str, int]:
    """Return where the socket is, and a descriptor to be closed once it was used.

    The path leads through the descriptor: the path of a socket may not be longer than 107 bytes.
    """
    directory = os.open(data, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    return f"/proc/self/fd/{directory}/{SOCKET}", directory


class NetworkDoor:
    """Listens in the data directory, as long as the server runs."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._accepting: asyncio.Task[None] | None = None
        self._visits: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Begin to listen. Where the data directory can't hold a socket, there is no way in; that is logged."""
        data = self._house.configuration.data
        try:
            with contextlib.suppress(FileNotFoundError):
                (data / SOCKET).unlink()
            address, directory = door_address(data)
            try:
                # For this user only: the server's umask says so.
                self._listener.bind(address)
            finally:
                os.close(directory)
        except OSError as error:
            self._listener.close()
            logger.warning("strongroom vpc run will not work", reason=f"{data / SOCKET}: {error.strerror}")
            return
        self._listener.listen()
        self._listener.setblocking(False)
        self._accepting = asyncio.create_task(self._accept())
        self._house.before_close(self.close)

    async def close(self) -> None:
        """Listen no more, and let everybody out."""
        tasks = [*self._visits, *([] if self._accepting is None else [self._accepting])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._listener.close()
        with contextlib.suppress(OSError):
            (self._house.configuration.data / SOCKET).unlink()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            visitor, _ = await loop.sock_accept(self._listener)
            visit = asyncio.create_task(self._serve(visitor))
            self._visits.add(visit)
            visit.add_done_callback(self._visits.discard)

    async def _serve(self, visitor: socket.socket) -> None:
        with visitor, contextlib.suppress(OSError):
            visitor.setblocking(False)
            if not _may_enter(visitor):
                return
            loop = asyncio.get_running_loop()
            try:
                asked = await asyncio.wait_for(_line(visitor), REQUEST_SECONDS_MAX)
                attachment = await self._attach(asked)
            except (AwsError, PrivateNetworkUnavailable, ValueError, TimeoutError) as refusal:
                await loop.sock_sendall(visitor, _told({"refused": str(refusal) or "the request never came"}))
                return
            try:
                answer = _told({"interface": attachment.network_interface_id, "address": attachment.private_address})
                socket.send_fds(visitor, [answer], attachment.network.descriptors)
                attachment.network.close()
                # Whatever comes now is the end.
                await loop.sock_recv(visitor, 1)
            finally:
                await asyncio.shield(attachment.release())

    async def _attach(self, asked: dict[str, Any]) -> Attachment:
        subnet_id = str(asked["subnet"])
        account_id, region = await owner_of_subnet(self._house, subnet_id)
        return await attachment_for(
            self._house,
            account_id,
            region,
            [subnet_id],
            [str(group) for group in asked["security_groups"]],
            caller=None,
            description=str(asked["description"]),
            private_address=asked["private_ip"],
        )


def _may_enter(visitor: socket.socket) -> bool:
    credentials = visitor.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return _CREDENTIALS.unpack(credentials)[1] in (0, os.geteuid())


async def _line(visitor: socket.socket) -> dict[str, Any]:
    """Return what is asked. Raises ValueError for what cannot be read."""
    loop = asyncio.get_running_loop()
    content = b""
    while not content.endswith(b"\n"):
        piece = await loop.sock_recv(visitor, REQUEST_BYTES_MAX)
        content += piece
        if not piece or len(content) > REQUEST_BYTES_MAX:
            raise ValueError("the request cannot be read")
    asked: dict[str, Any] = json.loads(content)
    if set(asked) != {"subnet", "security_groups", "private_ip", "description"}:
        raise ValueError("the request cannot be read")
    return asked


def _told(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer).encode() + b"\n"
