"""One VPC in force: a router in a namespace of its own, a bridge for each subnet, and the members joined to them.

Members reach each other over the bridges and the router; there is no route to anywhere else, unless a subnet's routes
lead out: then a routing table of the subnet's own is asked, after the main one, for packets that come from it.
"""

import ipaddress
import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pyroute2 import IPRoute

from strongroom.runners.networks import netfilter
from strongroom.runners.networks.firewalls import Groups, member_firewall, membership_changes
from strongroom.runners.networks.messages import Interface, Rule, Subnet, Vpc
from strongroom.runners.networks.namespaces import make_network, set_switch, within
from strongroom.runners.networks.ways_out import WayOut, WaysOut

INTERFACE = "eth0"

_LOOPBACK_INDEX = 1
_FIRST_TABLE = 1_000
_AT_A_TIME = 16
_RULE_PRIORITY = 40_000
"""Behind the main table, which knows the subnets of the VPC."""

_numbers = itertools.count(1)


@dataclass(slots=True)
class _Bridge:
    subnet: Subnet
    index: int
    table: int
    leads_out: tuple[str, ...] = ()

    @property
    def block(self) -> ipaddress.IPv4Network:
        return ipaddress.IPv4Network(self.subnet.block)

    @property
    def gateway(self) -> str:
        """The router's address, which is the second of a subnet, as on AWS."""
        return str(self.block.network_address + 1)


@dataclass(slots=True)
class Member:
    """An interface in use. `network` is a descriptor of the namespace that it is in, ours to close."""

    interface_id: str
    network: int
    link: str
    rules: tuple[tuple[Rule, ...], tuple[Rule, ...]] | None = None
    groups: Groups = field(default_factory=dict)


class Router:
    """A VPC in force."""

    def __init__(self, ways_out: WaysOut) -> None:
        self._ways_out = ways_out
        self._way_out: WayOut | None = None
        self._bridges: dict[str, _Bridge] = {}
        self.members: dict[str, Member] = {}
        self._network = make_network()
        with within(self._network):
            set_switch("ipv4/ip_forward", "1")
            self._route = IPRoute()

    def close(self) -> None:
        """Give up the namespace, with every link in it."""
        for interface_id in tuple(self.members):
            self.detach(interface_id)
        if self._way_out is not None:
            self._way_out.close()
        self._route.close()
        os.close(self._network)

    def follow(self, vpc: Vpc) -> None:
        """Make subnets, routes and firewalls as they should be. Raises OSError, NetlinkError."""
        if self._way_out is not None:
            self._ways_out.renew(self._network, self._way_out)
        wanted = {subnet.id: subnet for subnet in vpc.subnets}
        for subnet_id in self._bridges.keys() - wanted.keys():
            self._route.link("del", index=self._bridges.pop(subnet_id).index)
        self._protect_all([(self.members[each.id], each) for each in vpc.interfaces if each.id in self.members], vpc)
        for subnet in vpc.subnets:
            bridge = self._bridges.get(subnet.id) or self._add_bridge(subnet)
            if bridge.leads_out != subnet.leads_out:
                self._lead_out(bridge, subnet.leads_out)

    def attach(self, vpc: Vpc, interface_id: str) -> Member:
        """Join a new namespace to the VPC. Raises OSError, NetlinkError, LookupError for an interface it has not."""
        interface = next((each for each in vpc.interfaces if each.id == interface_id), None)
        if interface is None or interface.subnet_id not in {subnet.id for subnet in vpc.subnets}:
            raise LookupError(f"the VPC has no network interface {interface_id}")
        if interface_id in self.members:
            raise LookupError(f"the network interface {interface_id} is in use")
        self.follow(vpc)
        member = Member(interface_id, make_network(), f"m{next(_numbers)}")
        try:
            # The firewall is there before there is anything to let through.
            _protect(member, interface, vpc.groups)
            self._join(member, interface, self._bridges[interface.subnet_id])
        except BaseException:
            os.close(member.network)
            raise
        self.members[interface_id] = member
        return member

    def detach(self, interface_id: str) -> None:
        """Take an interface out, for good; a process that is still in its namespace reaches nothing any more."""
        member = self.members.pop(interface_id)
        for index in self._route.link_lookup(ifname=member.link):
            self._route.link("del", index=index)
        os.close(member.network)

    def _protect_all(self, members: list[tuple[Member, Interface]], vpc: Vpc) -> None:
        """Put firewalls in place, many at a time: the kernel lets each wait for ten milliseconds."""
        if not members:
            return

        def protect(each: tuple[Member, Interface]) -> OSError | None:
            try:
                _protect(*each, vpc.groups)
            except OSError as error:
                return error
            return None

        with ThreadPoolExecutor(min(_AT_A_TIME, len(members))) as threads:
            outcomes = list(threads.map(protect, members))
        for (member, _), error in zip(members, outcomes, strict=True):
            if error is not None:
                # Better out of reach than behind a firewall that is not what it should be.
                self.detach(member.interface_id)
        for error in filter(None, outcomes):
            raise error

    def _add_bridge(self, subnet: Subnet) -> _Bridge:
        number = next(_numbers)
        name = f"s{number}"
        self._route.link("add", ifname=name, kind="bridge")
        (index,) = self._route.link_lookup(ifname=name)
        bridge = self._bridges[subnet.id] = _Bridge(subnet, index, _FIRST_TABLE + number)
        self._route.addr("add", index=index, address=bridge.gateway, prefixlen=bridge.block.prefixlen)
        self._route.link("set", index=index, state="up")
        return bridge

    def _join(self, member: Member, interface: Interface, bridge: _Bridge) -> None:
        peer = {"ifname": INTERFACE, "net_ns_fd": member.network, "address": interface.mac_address}
        self._route.link("add", ifname=member.link, kind="veth", peer=peer)
        (outer,) = self._route.link_lookup(ifname=member.link)
        self._route.link("set", index=outer, master=bridge.index, state="up")
        with within(member.network):
            # Others learn at once who has the address now, should it have been somebody else's.
            set_switch(f"ipv4/conf/{INTERFACE}/arp_notify", "1")
            with IPRoute() as route:
                (inner,) = route.link_lookup(ifname=INTERFACE)
                route.addr("add", index=inner, address=interface.address, prefixlen=bridge.block.prefixlen)
                route.link("set", index=inner, state="up")
                route.route("add", dst="default", gateway=bridge.gateway)

    def _lead_out(self, bridge: _Bridge, blocks: tuple[str, ...]) -> None:
        """Route what comes from a subnet to the internet, for these blocks of addresses and no others."""
        source = {"src": str(bridge.block.network_address), "src_len": bridge.block.prefixlen}
        if bridge.leads_out:
            self._route.rule("del", table=bridge.table, priority=_RULE_PRIORITY, **source)
            self._route.flush_routes(table=bridge.table)
            bridge.leads_out = ()
        if not blocks:
            return
        if self._way_out is None:
            self._way_out = self._ways_out.open(self._network, self._route)
        for block in blocks:
            self._route.route(
                "add", dst=block, gateway=self._way_out.gateway, oif=self._way_out.index, table=bridge.table
            )
        self._route.rule("add", table=bridge.table, priority=_RULE_PRIORITY, **source)
        bridge.leads_out = blocks


def _protect(member: Member, interface: Interface, groups: Groups) -> None:
    """Put the firewall of a member in place, unless it is there as it should be."""
    rules = interface.inbound, interface.outbound
    peers = {rule.peer for direction in rules for rule in direction if "/" not in rule.peer}
    known = {group: groups.get(group, ()) for group in sorted(peers)}
    messages = membership_changes(member.groups, known) if member.rules == rules else member_firewall(interface, groups)
    if messages:
        with within(member.network):
            netfilter.change(messages)
    member.rules, member.groups = rules, known
