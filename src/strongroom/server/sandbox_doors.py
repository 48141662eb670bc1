"""The doors of code in sandboxes: the whole API over TLS, on sockets that listen where the code runs.

They have listeners of their own, with a limit of their own on connections: functions cannot take those of clients, and
can still call while the server lets the requests in flight finish.
"""

import dataclasses
import socket
from typing import Any

from strongroom.base.clock import Clock
from strongroom.base.configuration import Configuration
from strongroom.operations.house import Doors, House
from strongroom.server.listeners import Listener, Listeners
from strongroom.server.protocol import ConnectionLimits, DoorState
from strongroom.server.tls import Tls, open_tls


class SandboxDoors:
    """The listeners of one server's sandboxes. `tls` is None where it is the server's own, which is renewed already."""

    def __init__(self, listeners: Listeners, serving: Tls, tls: Tls | None) -> None:
        self._listeners = listeners
        self._serving = serving
        self.tls = tls

    async def listen(self, listener: socket.socket) -> Listener:
        """Serve everything on a listening socket, which is ours to close from now on."""
        return await self._listeners.start(listener, self._serving.context)

    async def close(self) -> None:
        """Cut what is left, once no sandbox is any more."""
        await self._listeners.drain(0)


async def open_sandbox_doors(
    configuration: Configuration, front_door: Any, tls: Tls, house: House, clock: Clock
) -> SandboxDoors:
    """Give the house doors for sandboxes.

    An operator's certificate is for other names than the loopback's: sandboxes trust the server's own authority then.
    """
    own = None
    if configuration.tls_certificate is not None:
        own = await open_tls(without_operators_certificate(configuration), house.store, house.sealer, clock)
    limits = ConnectionLimits(connections_max=configuration.connections_max)
    doors = SandboxDoors(Listeners(front_door, DoorState(limits)), own or tls, own)
    house.doors = Doors(doors.listen, (own or tls).ca_bundle.absolute())
    return doors


def without_operators_certificate(configuration: Configuration) -> Configuration:
    """Return the configuration of a server that has its own authority only."""
    return dataclasses.replace(configuration, tls_certificate=None, tls_private_key=None, tls_ca_bundle=None)
