"""The process that makes the networks of a server and holds them: with it they are gone.

It is a process of its own because the server must never be in another namespace, and may not be in the user namespace
in which somebody who is not root can have networks. The namespaces have no names: what it holds is all that keeps them,
and it ends with its server, however that ends. So there is nothing to be swept but what the host was told (see
ways_out).

Run by keeping.py. Its arguments are the number of the socket that it inherits, and the server's token.
"""

import ctypes
import os
import signal
import socket
import sys

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from strongroom.runners.networks.messages import (
    Answer,
    Attach,
    Detach,
    Follow,
    Interface,
    Request,
    Subnet,
    Try,
    Vpc,
    decode_request,
    received,
    send,
)
from strongroom.runners.networks.namespaces import CLONE_NEWNET, map_own_user, open_own_user, unshare
from strongroom.runners.networks.routers import Router
from strongroom.runners.networks.ways_out import WaysOut

_PR_SET_PDEATHSIG = 1


class Keeper:
    """All networks of a server."""

    def __init__(self, token: str, outer: IPRoute | None) -> None:
        self._ways_out = WaysOut(token, outer)
        self._ways_out.sweep()
        self._routers: dict[str, Router] = {}
        # Whoever enters a namespace of ours has to enter the user namespace first that it belongs to.
        self._user = None if os.geteuid() == 0 else open_own_user()

    def answer(self, request: Request) -> list[int]:
        """Do what is asked; return descriptors to send along. Raises OSError, NetlinkError, LookupError."""
        if isinstance(request, Attach):
            return self._attach(request)
        if isinstance(request, Follow):
            if request.vpc.id in self._routers:
                self._routers[request.vpc.id].follow(request.vpc)
        elif isinstance(request, Detach):
            self._detach(request.interface_id)
        elif isinstance(request, Try):
            self._try()
        return []

    def close(self) -> None:
        """Give up everything."""
        for router in self._routers.values():
            router.close()
        self._ways_out.close()

    def _attach(self, request: Attach) -> list[int]:
        router = self._routers.get(request.vpc.id)
        if router is None:
            router = self._routers[request.vpc.id] = Router(self._ways_out)
        try:
            network = router.attach(request.vpc, request.interface_id).network
        finally:
            self._close_unused(request.vpc.id)
        return [network] if self._user is None else [network, self._user]

    def _detach(self, interface_id: str) -> None:
        for vpc_id, router in tuple(self._routers.items()):
            if interface_id in router.members:
                router.detach(interface_id)
                self._close_unused(vpc_id)

    def _close_unused(self, vpc_id: str) -> None:
        if not self._routers[vpc_id].members:
            self._routers.pop(vpc_id).close()

    def _try(self) -> None:
        """Make a network with a member, and take it away again."""
        interface = Interface("eni", "subnet", "10.0.0.10", "02:00:00:00:00:01", (), ())
        vpc = Vpc("vpc", (Subnet("subnet", "10.0.0.0/24"),), (interface,), {})
        router = Router(self._ways_out)
        try:
            router.attach(vpc, interface.id)
        finally:
            router.close()


def main() -> None:
    """Do as told until the server closes its end of the socket."""
    control = socket.socket(fileno=int(sys.argv[1]))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # What ends it is the end of its server.
    try:
        outer = None
        if os.geteuid() != 0:
            outer = IPRoute()  # Its socket stays in the network that it was made in.
            map_own_user()
            unshare(CLONE_NEWNET, "a network namespace")
        # A change of credentials has the kernel forget it, so that it comes after the user namespace.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        keeper = Keeper(sys.argv[2], outer)
    except (OSError, NetlinkError) as error:
        send(control, Answer(refused=str(error)), [])
        return
    send(control, Answer(), [])
    while True:
        message = received(control)
        if message is None:
            keeper.close()
            return
        descriptors: list[int] = []
        refused = ""
        try:
            descriptors = keeper.answer(decode_request(message[0]))
        except (OSError, NetlinkError, LookupError) as error:
            refused = _told(error)
        send(control, Answer(refused=refused), descriptors)


def _told(error: Exception) -> str:
    if isinstance(error, NetlinkError):
        return f"the kernel refused a change of its networks: {os.strerror(error.code)}"
    return str(error.args[0] if isinstance(error, LookupError) else error)


if __name__ == "__main__":
    main()
