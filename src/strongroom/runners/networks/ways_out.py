"""The way from a VPC to the internet: a pair of links from its router to the host, which passes on what comes.

Only what is public is let out: not the addresses of private networks, among them the host's own, nor the host itself.
Nothing comes in but answers. Where the server is not root, the keeper's own namespace takes the place of the host's: it
is as empty as the routers' are, and from there a process of the server's carries on (see carrier).
"""

import contextlib
import ipaddress
import itertools
import os
import secrets
import socket
from collections.abc import Sequence

from pyroute2 import IPRoute

from strongroom.runners.memory_directory import is_alive, memory_file_system
from strongroom.runners.networks import carrier
from strongroom.runners.networks import netfilter as nf
from strongroom.runners.networks.namespaces import set_switch, within

LINK = "out"

NOT_PUBLIC = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "168.63.129.16/32",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
)
"""Source: RFC 6890, Special-Purpose IP Address Registries; and the address at which Azure's platform serves
its machines."""

_TABLE = "strongroom"
_HOST_TABLE = "strongroom-"
_LINK_NETWORKS = ipaddress.IPv4Network("100.127.0.0/16")
_SOURCE_NAT_PRIORITY = 100
_FORWARD_PRIORITY = -10
"""Before the host's own filters: they may say no as well, and have the last word."""

_numbers = itertools.count(1)


class WayOut:
    """One router's way. `gateway` is the host's address on it, `index` that of the link in the router.

    `refused` are the blocks of addresses that it does not lead to.
    """

    def __init__(self, gateway: str, index: int, host_link: str, refused: tuple[str, ...]) -> None:
        self.gateway = gateway
        self.index = index
        self.refused = refused
        self._host_link = host_link

    def close(self) -> None:
        """Take the links away."""
        with IPRoute() as host:
            for index in host.link_lookup(ifname=self._host_link):
                host.link("del", index=index)


class WaysOut:
    """What the host does for all routers of one server. `token` is the server's, see memory_directory.

    `outer` speaks with the network that the server is in, where that is not the keeper's: its addresses are the host's.
    """

    def __init__(self, token: str, outer: IPRoute | None = None) -> None:
        self._outer = outer
        self._table = f"{_HOST_TABLE}{token}"
        self._prefix = f"sr{token[:6]}"
        self._is_open = False

    def open(self, router: int, route: IPRoute) -> WayOut:
        """Lead a router's namespace out. Raises OSError."""
        if self._outer is not None and not _is_carried():
            raise PermissionError(
                "a route of this subnet leads to the internet, and a server that does not run as root leads there "
                f"by {carrier.PROGRAM}, which is not installed: apt-get install {carrier.PROGRAM}"
            )
        self._open_host()
        link = f"{self._prefix}{next(_numbers)}"
        network = _free_network()
        gateway, own = str(network[1]), str(network[2])
        with IPRoute() as host:
            host.link("add", ifname=link, kind="veth", peer={"ifname": LINK, "net_ns_fd": router})
            (outer,) = host.link_lookup(ifname=link)
            host.addr("add", index=outer, address=gateway, prefixlen=network.prefixlen)
            host.link("set", index=outer, state="up")
        (inner,) = route.link_lookup(ifname=LINK)
        route.addr("add", index=inner, address=own, prefixlen=network.prefixlen)
        route.link("set", index=inner, state="up")
        refused = self._refused()
        with within(router):
            nf.change(_router_rules(inner, refused))
        return WayOut(gateway, inner, link, refused)

    def renew(self, router: int, way: WayOut) -> None:
        """Have a way lead to none of the addresses either that the host was given since. Raises OSError."""
        refused = self._refused()
        if refused != way.refused:
            with within(router):
                nf.change(_router_rules(way.index, refused))
            way.refused = refused

    def _refused(self) -> tuple[str, ...]:
        return (*NOT_PUBLIC, *self._addresses_outside())

    def _addresses_outside(self) -> list[str]:
        """Return the host's own addresses, where what leaves the keeper's namespace comes from the host itself."""
        if self._outer is None:
            return []
        found = (address.get_attr("IFA_ADDRESS") for address in self._outer.get_addr(family=socket.AF_INET))
        return sorted({f"{address}/32" for address in found})

    def close(self) -> None:
        """Take back what the host was told."""
        if self._is_open:
            self._is_open = False
            nf.change([nf.remove_table(self._table, nf.IPV4)])

    def sweep(self) -> None:
        """Take back what the host was told by servers that are no more."""
        if os.geteuid() != 0:
            return
        for table in nf.table_names(nf.IPV4):
            token = table.removeprefix(_HOST_TABLE)
            if token != table and not is_alive(token, memory_file_system()):
                # Another server may be sweeping, too.
                with contextlib.suppress(OSError):
                    nf.change([nf.remove_table(table, nf.IPV4)])

    def _open_host(self) -> None:
        if self._is_open:
            return
        set_switch("ipv4/ip_forward", "1")
        nf.change(_host_rules(self._table, self._prefix))
        self._is_open = True


def _is_carried() -> bool:
    with IPRoute() as own:
        return bool(own.link_lookup(ifname=carrier.LINK))


def _router_rules(index: int, refused: Sequence[str]) -> list[nf.Message]:
    messages = nf.table_anew(_TABLE, nf.IPV4)
    messages.append(nf.add_chain(_TABLE, nf.IPV4, "forward", nf.FORWARD, nf.ACCEPT))
    incoming, outgoing = nf.by_index(nf.IN_INDEX, index), nf.by_index(nf.OUT_INDEX, index)
    messages.append(nf.add_rule(_TABLE, nf.IPV4, "forward", nf.is_answer(), nf.end(nf.ACCEPT)))
    messages.append(nf.add_rule(_TABLE, nf.IPV4, "forward", incoming, nf.end(nf.DROP)))
    for block in refused:
        to_block = nf.with_address(nf.DESTINATION, block)
        messages.append(nf.add_rule(_TABLE, nf.IPV4, "forward", outgoing, to_block, nf.end(nf.DROP)))
    messages.append(
        nf.add_chain(_TABLE, nf.IPV4, "out", nf.POSTROUTING, nf.ACCEPT, kind="nat", priority=_SOURCE_NAT_PRIORITY)
    )
    messages.append(nf.add_rule(_TABLE, nf.IPV4, "out", outgoing, nf.masquerade()))
    return messages


def _host_rules(table: str, prefix: str) -> list[nf.Message]:
    """Return what the host lets pass of all links whose names begin so: nothing to itself, nothing in but answers."""
    incoming, outgoing = (nf.known(key, prefix.encode()) for key in (nf.IN_NAME, nf.OUT_NAME))
    ours = nf.with_address(nf.SOURCE, str(_LINK_NETWORKS))
    return [
        *nf.table_anew(table, nf.IPV4),
        nf.add_chain(table, nf.IPV4, "input", nf.INPUT, nf.ACCEPT, priority=_FORWARD_PRIORITY),
        nf.add_rule(table, nf.IPV4, "input", incoming, nf.end(nf.DROP)),
        nf.add_chain(table, nf.IPV4, "forward", nf.FORWARD, nf.ACCEPT, priority=_FORWARD_PRIORITY),
        nf.add_rule(table, nf.IPV4, "forward", outgoing, nf.is_answer(), nf.end(nf.ACCEPT)),
        nf.add_rule(table, nf.IPV4, "forward", outgoing, nf.end(nf.DROP)),
        nf.add_chain(table, nf.IPV4, "out", nf.POSTROUTING, nf.ACCEPT, kind="nat", priority=_SOURCE_NAT_PRIORITY),
        nf.add_rule(table, nf.IPV4, "out", ours, nf.masquerade()),
    ]


def _free_network() -> ipaddress.IPv4Network:
    """Return four addresses for a pair of links that nothing on the host has."""
    with IPRoute() as host:
        taken = {address.get_attr("IFA_ADDRESS") for address in host.get_addr()}
    while True:
        number = secrets.randbelow(_LINK_NETWORKS.num_addresses // 4)
        network = ipaddress.IPv4Network((int(_LINK_NETWORKS.network_address) + 4 * number, 30))
        if str(network[1]) not in taken:
            return network
