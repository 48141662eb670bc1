"""Which addresses beyond this server a function reaches: what its tag asks for, if the operator allows it.

A function has no network but the way to this server. The tag `strongroom:network` names addresses, apart by spaces
(`localhost:5432 db.example.com:3306`), and the operator's setting `outbound-addresses` says which of them a function
may have. Its code finds them under their own names; `runners/relay.py` forwards what it sends there.
"""

from collections.abc import Mapping

from strongroom.base.outbound_addresses import Address, may_reach, parse_address
from strongroom.operations.house import House
from strongroom.runners.relay import Route, routes_to

NETWORK_TAG = "strongroom:network"


class NetworkRefused(Exception):  # noqa: N818 (it says what is refused)
    """A function asks for an address that it cannot have. The text says which, for people."""


def routes_of(house: House, account_id: str, function_arn: str, tags: Mapping[str, str]) -> tuple[Route, ...]:
    """Return the ways out that a function has. Raises NetworkRefused: a function is not started without them."""
    try:
        wanted = [parse_address(text) for text in tags.get(NETWORK_TAG, "").split()]
        for address in wanted:
            _must_be_allowed(house, account_id, function_arn, address)
        return routes_to(wanted)
    except ValueError as error:
        raise NetworkRefused(f"The tag {NETWORK_TAG} of the function is not valid: {error}") from None


def _must_be_allowed(house: House, account_id: str, function_arn: str, address: Address) -> None:
    if not may_reach(house.configuration.outbound_addresses, account_id, function_arn, address):
        raise NetworkRefused(
            f"The operator of this server has not allowed the function the address {address} (the setting "
            f"outbound-addresses), which its tag {NETWORK_TAG} asks for."
        )
