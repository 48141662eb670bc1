"""Who is at the other end of a connection, as the socket knows it."""

import asyncio

from strongroom.server.proxies import canonical_address


class Peer:
    """Facts of one connection that every request on it shares."""

    __slots__ = ("address", "tls_cipher", "tls_version")

    def __init__(self, address: str, tls_version: str | None, tls_cipher: str | None) -> None:
        self.address = address
        self.tls_version = tls_version
        self.tls_cipher = tls_cipher


def peer_of(transport: asyncio.Transport) -> Peer:
    """Return who is at the other end of a connection, with an empty address when that one is gone already."""
    try:
        place = transport.get_extra_info("socket").getpeername()
    except OSError:
        place = ("",)
    tls = transport.get_extra_info("ssl_object")
    if tls is None:
        return Peer(canonical_address(place[0]), None, None)
    agreed = tls.cipher()
    version = (tls.version() or "").removeprefix("TLSv") or None
    return Peer(canonical_address(place[0]), version, agreed[0] if agreed else None)
