"""Which addresses beyond this server a function reaches: what its tag asks for, if the operator allows it.

A function without a VPC has no network but the way to this server. The tag `strongroom:network` names addresses, apart
by spaces (`localhost:5432 db.example.com:3306`), and the operator's setting `outbound-addresses` says which of them a
function may have. Its code finds them under their own names; `runners/relay.py` forwards what it sends there. A
function in a VPC has that network and no other: with the tag it is not started.
"""

from collections.abc import Mapping

from strongroom.base.errors import AwsError
from strongroom.base.outbound_addresses import Address, may_reach, parse_address
from strongroom.operations.house import House
from strongroom.runners.relay import Route, routes_to
from strongroom.services.lambda_.function_version import FunctionVersion

NETWORK_TAG = "strongroom:network"


def network_of(tags: Mapping[str, str]) -> str:
    """Return what a function's tag asks for; empty without one."""
    return tags.get(NETWORK_TAG, "")


def routes_of(house: House, version: FunctionVersion, network: str) -> tuple[Route, ...]:
    """Return the ways out that a function's tag asks for.

    Raises EC2AccessDeniedException for one that it cannot have: a function is not started without what it needs.
    """
    if network and version.vpc is not None:
        raise _refused(
            f"A function in a VPC reaches what its VPC lets it reach, and nothing by the tag {NETWORK_TAG}. Take off "
            "the tag, or the VpcConfig."
        )
    try:
        wanted = [parse_address(text) for text in network.split()]
        for address in wanted:
            _must_be_allowed(house, version, address)
        return routes_to(wanted)
    except ValueError as error:
        raise _refused(f"The tag {NETWORK_TAG} of the function is not valid: {error}") from None


def _must_be_allowed(house: House, version: FunctionVersion, address: Address) -> None:
    allowed = house.configuration.outbound_addresses
    if not may_reach(allowed, version.account_id, version.function_arn, address):
        raise _refused(
            f"The operator of this server has not allowed the function the address {address} (the setting "
            f"outbound-addresses), which its tag {NETWORK_TAG} asks for."
        )


def _refused(message: str) -> AwsError:
    return AwsError("EC2AccessDeniedException", message, 502)
