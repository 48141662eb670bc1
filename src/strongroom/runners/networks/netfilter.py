"""nftables, spoken to the kernel directly: messages made of attributes, sent as one change that is made whole or not.

pyroute2 knows these messages too, but takes five milliseconds to encode a rule, and a change of a security group has
to reach all of its members at once.

Source: the kernel's include/uapi/linux/netfilter/nfnetlink.h and nf_tables.h.
"""

import ipaddress
import os
import socket
import struct
import sys
from collections.abc import Iterable, Iterator

INET, IPV4 = 1, 2
"""Families of tables: for IPv4 and IPv6 both, for IPv4 alone."""

INPUT, FORWARD, OUTPUT, POSTROUTING = 1, 2, 3, 4
"""Hooks: where packets pass by."""

DROP, ACCEPT = 0, 1

IN_INDEX, OUT_INDEX, IN_NAME, OUT_NAME, FAMILY, PROTOCOL = 4, 5, 6, 7, 15, 16
"""What is known of a packet (`meta`)."""

SOURCE, DESTINATION = 12, 16
"""Where the addresses are in an IPv4 header."""

EQUAL, NOT_EQUAL, AT_MOST, AT_LEAST = 0, 1, 3, 5

_NETFILTER = 12
_NFTABLES = 10
_BEGIN, _COMMIT, _ERROR = 0x10, 0x11, 2
_NEW_TABLE, _LIST_TABLES, _DELETE_TABLE, _NEW_CHAIN, _NEW_RULE, _NEW_SET, _NEW_ELEMENTS, _DELETE_ELEMENTS = (
    0,
    1,
    2,
    3,
    6,
    9,
    12,
    14,
)
_REQUEST, _ACKNOWLEDGE, _DUMP, _CREATE, _APPEND = 0x1, 0x4, 0x300, 0x400, 0x800
_DONE = 3
_NESTED = 0x8000
_HEADER = struct.Struct("=IHHII")
_FAMILY = struct.Struct("!BBH")
_ATTRIBUTE = struct.Struct("=HH")
_ANSWER_SECONDS_MAX = 5
_ANSWER_BYTES_MAX = 65_536
_REGISTER = 1
_NETWORK_HEADER, _TRANSPORT_HEADER = 1, 2
_ADDRESS_BYTES = 4
_IPV4_ADDRESS = 7
_CONNECTION_STATE = 0
_ESTABLISHED_OR_RELATED = 0b110
# A list of attributes is at most 65,535 bytes long; an element takes 16.
_ELEMENTS_MAX = 2_000

Message = tuple[int, int, int, bytes]
"""Type, flags, family and attributes."""

Steps = bytes
"""A rule, or a part of one: expressions, as the kernel reads them."""


def add_table(name: str, family: int) -> Message:
    """Make a table, unless it is there."""
    return _NEW_TABLE, _CREATE, family, _text(1, name)


def remove_table(name: str, family: int) -> Message:
    """Remove a table with all that is in it."""
    return _DELETE_TABLE, 0, family, _text(1, name)


def table_anew(name: str, family: int) -> list[Message]:
    """Put an empty table in place of the one of that name, if there is one."""
    return [add_table(name, family), remove_table(name, family), add_table(name, family)]


def add_chain(
    table: str, family: int, name: str, hook: int, policy: int, *, kind: str = "filter", priority: int = 0
) -> Message:
    """Make a chain where packets pass by. Of lower priorities come first."""
    place = _number(1, hook) + _attribute(2, priority.to_bytes(4, "big", signed=True))
    named = _text(1, table) + _text(3, name) + _nested(4, place) + _number(5, policy) + _text(7, kind)
    return _NEW_CHAIN, _CREATE, family, named


def add_rule(table: str, family: int, chain: str, *steps: Steps) -> Message:
    """Append a rule to a chain."""
    return _NEW_RULE, _CREATE | _APPEND, family, _text(1, table) + _text(2, chain) + _nested(4, b"".join(steps))


def add_set(table: str, family: int, name: str, number: int, addresses: Iterable[str]) -> list[Message]:
    """Make a set of IPv4 addresses; `number` is one that no other set of the change has."""
    about = _text(1, table) + _text(2, name) + _number(3, 0) + _number(4, _IPV4_ADDRESS)
    about += _number(5, _ADDRESS_BYTES) + _number(10, number)
    messages: list[Message] = [(_NEW_SET, _CREATE, family, about)]
    return messages + add_elements(table, family, name, addresses)


def add_elements(table: str, family: int, name: str, addresses: Iterable[str]) -> list[Message]:
    """Add addresses to a set."""
    return [(_NEW_ELEMENTS, _CREATE, family, listed) for listed in _listed(table, name, addresses)]


def remove_elements(table: str, family: int, name: str, addresses: Iterable[str]) -> list[Message]:
    """Remove addresses from a set, which has to have them."""
    return [(_DELETE_ELEMENTS, 0, family, listed) for listed in _listed(table, name, addresses)]


def end(code: int) -> Steps:
    """End a rule with what becomes of the packet."""
    return _expression("immediate", _number(1, 0) + _nested(2, _nested(2, _number(1, code))))


def masquerade() -> Steps:
    """Give a packet the address of the interface that it leaves by."""
    return _expression("masq", b"")


def compared(value: bytes, how: int = EQUAL) -> Steps:
    """Go on only if what was read compares so to a value. Shorter values compare to the beginning of what was read."""
    return _expression("cmp", _number(1, _REGISTER) + _number(2, how) + _nested(3, _data(value)))


def known(key: int, value: bytes) -> Steps:
    """Go on only for packets of which this is known."""
    return _expression("meta", _number(1, _REGISTER) + _number(2, key)) + compared(value)


def by_index(key: int, index: int) -> Steps:
    """Go on only for packets of an interface, IN_INDEX or OUT_INDEX."""
    return known(key, index.to_bytes(4, sys.byteorder))


def is_answer() -> Steps:
    """Go on only for packets of connections that were let through when they began."""
    read = _expression("ct", _number(1, _REGISTER) + _number(2, _CONNECTION_STATE))
    mask = _ESTABLISHED_OR_RELATED.to_bytes(4, sys.byteorder)
    return read + _masked(mask) + compared(bytes(len(mask)), NOT_EQUAL)


def with_address(place: int, block: str) -> Steps:
    """Go on only for IPv4 packets whose address at a place (SOURCE or DESTINATION) is of a block."""
    network = ipaddress.IPv4Network(block)
    steps = known(FAMILY, bytes([IPV4]))
    if network.prefixlen == 0:
        return steps
    steps += _read(_NETWORK_HEADER, place, _ADDRESS_BYTES)
    if network.prefixlen < network.max_prefixlen:
        steps += _masked(network.netmask.packed)
    return steps + compared(network.network_address.packed)


def not_from(address: str) -> Steps:
    """Go on only for IPv4 packets that come from another address."""
    packed = ipaddress.IPv4Address(address).packed
    read = _read(_NETWORK_HEADER, SOURCE, len(packed))
    return known(FAMILY, bytes([IPV4])) + read + compared(packed, NOT_EQUAL)


def with_address_in(place: int, name: str) -> Steps:
    """Go on only for IPv4 packets whose address at a place is in a set."""
    found = _expression("lookup", _text(1, name) + _number(2, _REGISTER))
    return known(FAMILY, bytes([IPV4])) + _read(_NETWORK_HEADER, place, _ADDRESS_BYTES) + found


def of_transport(offset: int, length: int) -> Steps:
    """Read a field of TCP's, UDP's or ICMP's header."""
    return _read(_TRANSPORT_HEADER, offset, length)


def change(messages: Iterable[Message]) -> None:
    """Make changes in the network namespace that this process is in: all of them at once, or (OSError) none."""
    numbered = [
        (_BEGIN, _REQUEST, 0, None),
        *((_NFTABLES << 8 | kind, flags, of, text) for kind, flags, of, text in messages),
    ]
    last = len(numbered) - 1
    content = b""
    for number, (kind, flags, family, attributes) in enumerate([*numbered, (_COMMIT, _REQUEST, 0, None)]):
        # Errors are told of every message, success only of the last one.
        asked = _REQUEST | flags | (_ACKNOWLEDGE if number == last else 0)
        about = _FAMILY.pack(family, 0, 0) + attributes if attributes is not None else _FAMILY.pack(0, 0, _NFTABLES)
        content += _HEADER.pack(_HEADER.size + len(about), kind, asked, number, 0) + about
    with _kernel() as kernel:
        kernel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, max(len(content) * 2, 65_536))
        kernel.send(content)
        while True:
            for kind, number, text in _messages(kernel.recv(_ANSWER_BYTES_MAX)):
                if kind != _ERROR:
                    continue
                error = -int.from_bytes(text[:4], sys.byteorder, signed=True)
                if error:
                    raise OSError(error, f"changing nftables: {os.strerror(error)}")
                if number == last:
                    return


def table_names(family: int) -> list[str]:
    """Return the names of the tables in the network namespace that this process is in."""
    about = _FAMILY.pack(family, 0, 0)
    asked = _HEADER.pack(_HEADER.size + len(about), _NFTABLES << 8 | _LIST_TABLES, _REQUEST | _DUMP, 1, 0) + about
    names: list[str] = []
    with _kernel() as kernel:
        kernel.send(asked)
        while True:
            for kind, _, text in _messages(kernel.recv(_ANSWER_BYTES_MAX)):
                if kind in (_DONE, _ERROR):
                    return names
                names += _names_in(text[_FAMILY.size :])


def _names_in(attributes: bytes) -> list[str]:
    place = 0
    while place + _ATTRIBUTE.size <= len(attributes):
        length, kind = _ATTRIBUTE.unpack_from(attributes, place)
        if kind == 1:
            return [attributes[place + _ATTRIBUTE.size : place + length].rstrip(b"\0").decode()]
        place += max(length + 3 & ~3, _ATTRIBUTE.size)
    return []


def _kernel() -> socket.socket:
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER)
    kernel.settimeout(_ANSWER_SECONDS_MAX)
    return kernel


def _messages(content: bytes) -> Iterable[tuple[int, int, bytes]]:
    place = 0
    while place + _HEADER.size <= len(content):
        length, kind, _, number, _ = _HEADER.unpack_from(content, place)
        yield kind, number, content[place + _HEADER.size : place + length]
        place += max(length + 3 & ~3, _HEADER.size)


def _listed(table: str, name: str, addresses: Iterable[str]) -> Iterator[bytes]:
    elements = [_nested(1, _nested(1, _data(ipaddress.IPv4Address(each).packed))) for each in addresses]
    for start in range(0, len(elements), _ELEMENTS_MAX):
        yield _text(1, table) + _text(2, name) + _nested(3, b"".join(elements[start : start + _ELEMENTS_MAX]))


def _expression(name: str, attributes: bytes) -> Steps:
    return _nested(1, _text(1, name) + _nested(2, attributes))


def _read(header: int, offset: int, length: int) -> Steps:
    about = _number(1, _REGISTER) + _number(2, header) + _number(3, offset) + _number(4, length)
    return _expression("payload", about)


def _masked(mask: bytes) -> Steps:
    about = _number(1, _REGISTER) + _number(2, _REGISTER) + _number(3, len(mask))
    return _expression("bitwise", about + _nested(4, _data(mask)) + _nested(5, _data(bytes(len(mask)))))


def _data(value: bytes) -> bytes:
    return _attribute(1, value)


def _attribute(kind: int, value: bytes) -> bytes:
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + bytes(-length % 4)


def _nested(kind: int, attributes: bytes) -> bytes:
    return _attribute(kind | _NESTED, attributes)


def _text(kind: int, text: str) -> bytes:
    return _attribute(kind, text.encode() + b"\0")


def _number(kind: int, value: int) -> bytes:
    return _attribute(kind, value.to_bytes(4, "big"))
