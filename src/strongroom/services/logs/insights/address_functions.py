"""Functions of IP addresses.

Source: CloudWatch Logs User Guide, "Boolean, comparison, numeric, datetime, and other functions".
"""

import ipaddress
from collections.abc import Callable
from functools import lru_cache

from strongroom.services.logs.insights.values import Value, as_text

_CHARACTERS_MAX = 64

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _address(value: Value) -> Address | None:
    text = as_text(value)
    if text is None or len(text) > _CHARACTERS_MAX or "%" in text:
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


@lru_cache(maxsize=256)
def _network(text: str) -> Network | None:
    if len(text) > _CHARACTERS_MAX or "%" in text:
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _is_valid(*versions: int) -> Callable[..., Value]:
    def function(value: Value) -> Value:
        address = _address(value)
        return address is not None and address.version in versions

    return function


def _is_in_subnet(*versions: int) -> Callable[..., Value]:
    def function(value: Value, subnet: Value) -> Value:
        address, network = _address(value), _network(as_text(subnet) or "")
        if address is None or network is None or address.version != network.version:
            return False
        return address.version in versions and address in network

    return function


def _ipv4_to_number(value: Value) -> Value:
    address = _address(value)
    return int(address) if address is not None and address.version == 4 else None


ADDRESS_FUNCTIONS: dict[str, tuple[Callable[..., Value], int, int]] = {
    "isvalidip": (_is_valid(4, 6), 1, 1),
    "isvalidipv4": (_is_valid(4), 1, 1),
    "isvalidipv6": (_is_valid(6), 1, 1),
    "isipinsubnet": (_is_in_subnet(4, 6), 2, 2),
    "isipv4insubnet": (_is_in_subnet(4), 2, 2),
    "isipv6insubnet": (_is_in_subnet(6), 2, 2),
    "ipv4tonumber": (_ipv4_to_number, 1, 1),
}
