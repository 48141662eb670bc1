"""Blocks of addresses: how they are written, how large they may be, and which addresses in them are free.

Source: Amazon VPC User Guide, "VPC CIDR blocks", "Subnet CIDR blocks" (the first four addresses and the last are
reserved).
"""

import ipaddress
from collections.abc import Iterable

from strongroom.base.errors import AwsError
from strongroom.services.ec2 import errors

LARGEST_PREFIX = 16
SMALLEST_PREFIX = 28
RESERVED_FIRST = 4


def parse_block(text: str, parameter: str) -> ipaddress.IPv4Network:
    """Return a block in its canonical form (bits behind the prefix are dropped). Raises AwsError for no block."""
    try:
        if "/" not in text:
            raise ValueError
        return ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        raise errors.invalid_value(text, parameter, "This is not a valid CIDR block.") from None


def sized_block(text: str, parameter: str, code: str) -> ipaddress.IPv4Network:
    """Return a block that a VPC or subnet can have. Raises AwsError, with `code` for one of another size."""
    block = parse_block(text, parameter)
    if not LARGEST_PREFIX <= block.prefixlen <= SMALLEST_PREFIX:
        raise AwsError(code, f"The CIDR '{text[:64]}' is invalid.")
    return block


def parse_address(text: str, parameter: str) -> ipaddress.IPv4Address:
    """Return an IPv4 address. Raises AwsError for what is none."""
    try:
        return ipaddress.IPv4Address(text)
    except ValueError:
        raise errors.invalid_value(text, parameter, "Invalid IPv4 address.") from None


def usable_count(block: ipaddress.IPv4Network) -> int:
    """Return how many addresses of a subnet's block are not reserved."""
    return block.num_addresses - RESERVED_FIRST - 1


def is_reserved(address: ipaddress.IPv4Address, block: ipaddress.IPv4Network) -> bool:
    """Return whether an address of a subnet's block is one of the four first or the last."""
    offset = int(address) - int(block.network_address)
    return offset < RESERVED_FIRST or offset == block.num_addresses - 1


def first_free(block: ipaddress.IPv4Network, taken: Iterable[str]) -> str | None:
    """Return the first address of a subnet's block that is free, or None."""
    used = set(taken)
    for offset in range(RESERVED_FIRST, block.num_addresses - 1):
        address = str(block.network_address + offset)
        if address not in used:
            return address
    return None
