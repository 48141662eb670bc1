"""Namespaces, made and entered by the keeper. They have no names: they end with the last who holds them."""

import contextlib
import ctypes
import fcntl
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000

# Each thread can be in a network of its own.
_OWN = "/proc/thread-self/ns/net"
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int, what: str) -> None:
    """Put this process into new namespaces. Raises OSError, naming what was to be made."""
    if _libc.unshare(flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"making {what}: {os.strerror(number)}")


def enter(descriptor: int, kind: int) -> None:
    """Put this thread into a namespace. Raises OSError."""
    if _libc.setns(descriptor, kind) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"entering a namespace: {os.strerror(number)}")


def open_own() -> int:
    """Return a descriptor of the network namespace that this thread is in."""
    return os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)


def open_own_user() -> int:
    """Return a descriptor of the user namespace that this process is in."""
    return os.open("/proc/self/ns/user", os.O_RDONLY | os.O_CLOEXEC)


def make_network() -> int:
    """Return a descriptor of a new network namespace, whose loopback is up. This process stays where it is."""
    here = open_own()
    try:
        unshare(CLONE_NEWNET, "a network namespace")
        try:
            _bring_loopback_up()
            return open_own()
        finally:
            enter(here, CLONE_NEWNET)
    finally:
        os.close(here)


@contextlib.contextmanager
def within(network: int) -> Iterator[None]:
    """Have this thread be in a network namespace for a while. What sockets are made meanwhile stay in it."""
    here = open_own()
    try:
        enter(network, CLONE_NEWNET)
        try:
            yield
        finally:
            enter(here, CLONE_NEWNET)
    finally:
        os.close(here)


def set_switch(name: str, value: str) -> None:
    """Write a setting of the network namespace that this process is in (`ipv4/ip_forward`)."""
    Path("/proc/sys/net", name).write_text(value)


def map_own_user() -> None:
    """Be in a new user namespace who we were before."""
    user, group = os.geteuid(), os.getegid()
    unshare(CLONE_NEWUSER, "a user namespace")
    # A group of one's own may be mapped only after giving up the right to change groups.
    for name, content in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        Path("/proc/self", name).write_text(content)


def _bring_loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anything:
        request = b"lo".ljust(16, b"\0") + _IFF_UP.to_bytes(2, sys.byteorder) + bytes(22)
        fcntl.ioctl(anything.fileno(), _SIOCSIFFLAGS, request)
