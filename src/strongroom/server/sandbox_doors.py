"""The doors of code in sandboxes: the whole API over TLS, on sockets that listen where the code runs.

Each has listeners of its own, with a limit of its own on connections: a function takes none of those of clients, nor of
other functions, and can still call while the server lets the requests in flight finish.
"""

import dataclasses
import socket
from typing import Any

from strongroom.base.clock import Clock
from strongroom.base.configuration import Configuration
from strongroom.operations.house import Doors, House
from strongroom.server.listeners import Listeners
from strongroom.server.protocol import ConnectionLimits, DoorState
from strongroom.server.tls import Tls, open_tls

CONNECTIONS_MAX = 128
"""Connections of one sandbox at once."""

DRAIN_SECONDS_MAX = 5.0
"""How long calls go on that were made by code that is no more: they are carried out, as they are anywhere."""


class SandboxDoor:
    """The way of one sandbox to this server."""

    def __init__(self, listeners: Listeners) -> None:
        self._listeners = listeners

    async def close(self) -> None:
        """Listen no more, let what was asked be done, and cut the connections. Safe to call twice."""
        await self._listeners.drain(DRAIN_SECONDS_MAX)


class SandboxDoors:
    """Makes the doors of one server. `own_tls` is None where they use the server's own, which is renewed already."""

    def __init__(self, application: Any, serving: Tls, own_tls: Tls | None) -> None:
        self._application = application
        self._serving = serving
        self.own_tls = own_tls

    async def listen(self, listener: socket.socket) -> SandboxDoor:
        """Serve everything on a listening socket, which is ours to close from now on."""
        listeners = Listeners(self._application, DoorState(ConnectionLimits(connections_max=CONNECTIONS_MAX)))
        await listeners.start(listener, self._serving.context)
        return SandboxDoor(listeners)


async def open_sandbox_doors(
    configuration: Configuration, application: Any, tls: Tls, house: House, clock: Clock
) -> SandboxDoors:
    """Give the house doors for sandboxes.

    An operator's certificate is for other names than the loopback's: sandboxes trust the server's own authority then.
    """
    own = None
    if configuration.tls_certificate is not None:
        own = await open_tls(without_operators_certificate(configuration), house.store, house.sealer, clock)
    doors = SandboxDoors(application, own or tls, own)
    house.doors = Doors(doors.listen, (own or tls).ca_bundle.absolute())
    return doors


def without_operators_certificate(configuration: Configuration) -> Configuration:
    """Return the configuration of a server that has its own authority only."""
    return dataclasses.replace(configuration, tls_certificate=None, tls_private_key=None, tls_ca_bundle=None)
