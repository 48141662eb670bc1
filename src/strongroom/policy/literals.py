"""The typed values of conditions, read from text: numbers, times, booleans, bytes, IP networks.

Each reader answers None for text that is no such value. The grammars are narrower than Python's own (no underscores, no
white space, ASCII digits only), because what a policy means must not depend on a language's leniency.
"""

import base64
import binascii
import ipaddress
import re
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

NUMBER_CHARACTERS_MAX = 64
ADDRESSES_REMEMBERED_MAX = 1024

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
_TIME = re.compile(
    r"(?P<year>[0-9]{4})(-(?P<month>[0-9]{2})(-(?P<day>[0-9]{2})"
    r"(T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(:(?P<second>[0-9]{2})(\.(?P<fraction>[0-9]{1,9}))?)?"
    r"(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2}))?)?)?"
)
_PREFIX = re.compile(r"[^/%]+(/[0-9]{1,3})?")
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_NANOSECONDS = 1_000_000_000


def read_number(text: str) -> Decimal | None:
    """Read an integer or decimal number of at most NUMBER_CHARACTERS_MAX characters, exactly."""
    if len(text) > NUMBER_CHARACTERS_MAX or not _NUMBER.fullmatch(text):
        return None
    return Decimal(text)


def read_time(text: str) -> int | None:
    """Read a time as nanoseconds since 1970-01-01T00:00:00Z.

    Accepted are the formats of the W3C note "Date and Time Formats" (a year to a fraction of a second; a time of day
    needs its zone) and seconds since the epoch. Four digits are a year. A missing month or day is the first.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        seconds = read_number(text)
        if seconds is None or abs(seconds) >= 10**15:
            return None
        return int(seconds * _NANOSECONDS)
    part = found.groupdict()
    hour, minute, second = (int(part[name] or 0) for name in ("hour", "minute", "second"))
    if hour > 23 or minute > 59 or second > 59:
        return None
    try:
        day = date(int(part["year"]), int(part["month"] or 1), int(part["day"] or 1)).toordinal() - _EPOCH_DAY
    except ValueError:
        return None
    offset_minutes = _zone_minutes(part["zone"] or "Z")
    if offset_minutes is None:
        return None
    total_seconds = ((day * 24 + hour) * 60 + minute - offset_minutes) * 60 + second
    return total_seconds * _NANOSECONDS + int((part["fraction"] or "").ljust(9, "0"))


def _zone_minutes(zone: str) -> int | None:
    if zone == "Z":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if hours > 23 or minutes > 59:
        return None
    return (hours * 60 + minutes) * (-1 if zone[0] == "-" else 1)


def read_boolean(text: str) -> bool | None:
    """Read `true` or `false` in any case."""
    return {"true": True, "false": False}.get(text.lower())


def read_bytes(text: str) -> bytes | None:
    """Read base64 with its padding (RFC 4648, section 4)."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


class Network(NamedTuple):
    """A range of addresses of one IP version: those whose upper bits, under `mask`, are `base`."""

    version: int
    base: int
    mask: int


def read_network(text: str) -> Network | None:
    """Read an IPv4 or IPv6 address, or a range in CIDR form. Bits below the prefix are ignored, as AWS does.

    An IPv4 range written as IPv4-mapped IPv6 (RFC 4291, section 2.5.5.2) is that IPv4 range: a server's socket may
    show a caller either way, and both are the same machine.
    """
    if not _PREFIX.fullmatch(text):
        return None
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    base, mask = int(network.network_address), int(network.netmask)
    if network.version == 6 and network.prefixlen >= 96 and base >> 32 == 0xFFFF:
        return Network(4, base & 0xFFFF_FFFF, mask & 0xFFFF_FFFF)
    return Network(network.version, base, mask)


@lru_cache(maxsize=ADDRESSES_REMEMBERED_MAX)
def read_address(text: str) -> tuple[int, int] | None:
    """Read one IP address as its version and number; an IPv4-mapped IPv6 address is that IPv4 address."""
    if "/" in text or "%" in text:
        return None
    network = read_network(text)
    return None if network is None else (network.version, network.base)
