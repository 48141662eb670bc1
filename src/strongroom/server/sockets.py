"""Listening sockets, bound before anything else starts, so that a port in use is found at once."""

import errno
import ipaddress
import socket

from strongroom.base.errors import OperatorError

BACKLOG = 2_048


def bind(host: str, port: int) -> socket.socket:
    """Return a TCP socket bound to `host` (a name or an address, IPv4 or IPv6) and `port` (0: a free one).

    `::` takes IPv4 as well. Raises OperatorError when the address is not ours or the port is in use.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError):
        raise OperatorError(f"cannot listen on {host!r}: it is no address, and no name that resolves to one") from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise OperatorError(f"port {port} on {host} is in use; choose another, or 0 for a free one") from None
        raise OperatorError(f"cannot listen on {host} port {port}: {error.strerror}") from None
    return listener


def port_of(listener: socket.socket) -> int:
    """Return the port that a socket is bound to."""
    port: int = listener.getsockname()[1]
    return port


def reachable_host(host: str) -> str:
    """Return the host that clients on this machine put in a URL to reach a server that listens on `host`."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "[::1]"
    return host if address.version == 4 else f"[{address.compressed}]"
