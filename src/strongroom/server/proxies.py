"""Who really sent a request that came through a proxy, as far as the proxy can be believed."""

import ipaddress

from strongroom.base.configuration import Network

REMEMBERED_MAX = 4_096
HOPS_MAX = 32


def canonical_address(text: str) -> str:
    """Return an address as policies write it: an IPv4 address that came over an IPv6 socket is an IPv4 address."""
    text = text.partition("%")[0]
    if text.startswith("::ffff:") and "." in text:
        return text[7:]
    return text


class Networks:
    """A set of networks, and a memory of the addresses it was asked about."""

    __slots__ = ("_networks", "_remembered")

    def __init__(self, networks: tuple[Network, ...]) -> None:
        self._networks = networks
        self._remembered: dict[str, bool] = {}

    def __bool__(self) -> bool:
        return bool(self._networks)

    def __contains__(self, address: str) -> bool:
        found = self._remembered.get(address)
        if found is None:
            found = self._look_up(address)
            if len(self._remembered) >= REMEMBERED_MAX:
                self._remembered.clear()
            self._remembered[address] = found
        return found

    def _look_up(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._networks)


def sender(peer: str, secure: bool, fields: dict[bytes, bytes], trusted: Networks) -> tuple[str, bool]:
    """Return the address of the sender, and whether it came over TLS.

    `fields` are the request's headers by lower-case name. Only a trusted peer's `X-Forwarded-For` and
    `X-Forwarded-Proto` count. Each proxy appends the address it saw, so the list is read from its end, and the first
    address that is not itself a trusted proxy is the sender; what stands before it, the sender may have made up.
    """
    if peer not in trusted:
        return peer, secure
    protocols = fields.get(b"x-forwarded-proto")
    if protocols is not None:
        secure = protocols.rpartition(b",")[2].strip().lower() == b"https"
    address = peer
    hops = fields.get(b"x-forwarded-for", b"").decode("latin-1").split(",")[-HOPS_MAX:]
    for hop in reversed(hops):
        try:
            parsed = ipaddress.ip_address(hop.strip())
        except ValueError:
            break
        address = str(getattr(parsed, "ipv4_mapped", None) or parsed)
        if address not in trusted:
            break
    return address, secure
