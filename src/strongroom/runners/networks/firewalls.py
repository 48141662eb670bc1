"""What a member of a VPC lets through: nftables rules in its own namespace, put in place as a whole, at once.

Nothing comes in and nothing goes out unless a rule of one of its security groups says so; answers to what was let
through pass. Addresses of a group's members are a set by the group's id. What was allowed when it began goes on when a
rule is gone, as on AWS.

Sources: Amazon VPC User Guide, "Security group rules"; Amazon EC2 User Guide, "Security group connection tracking".
"""

from strongroom.runners.networks import netfilter as nf
from strongroom.runners.networks.messages import Interface, Rule

TABLE = "strongroom"

_LOOPBACK_INDEX = 1
_ICMP, _TCP, _UDP = 1, 6, 17
_DESTINATION_PORT, _PORT_BYTES = 2, 2


Groups = dict[str, tuple[str, ...]]
"""The addresses of groups' members, by the groups' ids."""


def member_firewall(interface: Interface, groups: Groups) -> list[nf.Message]:
    """Return what makes the firewall of a member, in place of the one that it has."""
    messages = nf.table_anew(TABLE, nf.INET)
    rules = (*interface.inbound, *interface.outbound)
    for number, group in enumerate(sorted({each.peer for each in rules if "/" not in each.peer})):
        messages += nf.add_set(TABLE, nf.INET, group, number + 1, groups.get(group, ()))
    for chain, hook, key, allowed, place in (
        ("input", nf.INPUT, nf.IN_INDEX, interface.inbound, nf.SOURCE),
        ("output", nf.OUTPUT, nf.OUT_INDEX, interface.outbound, nf.DESTINATION),
    ):
        messages.append(nf.add_chain(TABLE, nf.INET, chain, hook, nf.DROP))
        messages.append(nf.add_rule(TABLE, nf.INET, chain, nf.by_index(key, _LOOPBACK_INDEX), nf.end(nf.ACCEPT)))
        if hook == nf.OUTPUT:
            # Others go by its address when they let it in.
            messages.append(nf.add_rule(TABLE, nf.INET, chain, nf.not_from(interface.address), nf.end(nf.DROP)))
        messages.append(nf.add_rule(TABLE, nf.INET, chain, nf.is_answer(), nf.end(nf.ACCEPT)))
        # Two groups may well allow the same.
        for each in dict.fromkeys(allowed):
            messages.append(
                nf.add_rule(TABLE, nf.INET, chain, _of_peer(each, place), _of_kind(each), nf.end(nf.ACCEPT))
            )
    return messages


def membership_changes(before: Groups, after: Groups) -> list[nf.Message]:
    """Return what makes the sets of groups' members as they should be, of a firewall that is right but for them.

    To add takes a fiftieth of a millisecond, where a whole firewall takes ten: the kernel waits before it frees rules.
    """
    messages: list[nf.Message] = []
    for group, addresses in after.items():
        were, are = set(before[group]), set(addresses)
        messages += nf.remove_elements(TABLE, nf.INET, group, were - are)
        messages += nf.add_elements(TABLE, nf.INET, group, are - were)
    return messages


def _of_peer(rule: Rule, place: int) -> nf.Steps:
    return nf.with_address(place, rule.peer) if "/" in rule.peer else nf.with_address_in(place, rule.peer)


def _of_kind(rule: Rule) -> nf.Steps:
    if rule.protocol < 0:
        return b""
    steps = nf.known(nf.PROTOCOL, bytes([rule.protocol]))
    if rule.protocol in (_TCP, _UDP):
        first, last = (port.to_bytes(_PORT_BYTES, "big") for port in (rule.first, rule.last))
        steps += nf.of_transport(_DESTINATION_PORT, _PORT_BYTES)
        return steps + nf.compared(first, nf.AT_LEAST) + nf.compared(last, nf.AT_MOST)
    if rule.protocol == _ICMP:
        for place, value in enumerate((rule.first, rule.last)):
            if value >= 0:
                steps += nf.of_transport(place, 1) + nf.compared(bytes([value]))
    return steps
