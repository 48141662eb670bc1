"""What a server tells the keeper of its networks, and what it is answered; over a socket, with descriptors.

A VPC is told as a whole, as it should be: what changed is the keeper's to find out.
"""

import array
import socket
from typing import Any

import msgspec

DESCRIPTORS_MAX = 4
_LENGTH_BYTES = 4
_PIECE_BYTES = 65_536


class Rule(msgspec.Struct, array_like=True, frozen=True):
    """What one rule of a security group allows. `protocol` is an IP protocol's number, -1 for all of them.

    `first` and `last` are ports of TCP and UDP, type and code of ICMP; -1 is any. `peer` is a block of addresses
    ("10.0.0.0/8"), or the id of a security group, which stands for the addresses of its members.
    """

    protocol: int
    first: int
    last: int
    peer: str


class Interface(msgspec.Struct, array_like=True, frozen=True):
    """A network interface: where it is, and what may come in and go out."""

    id: str
    subnet_id: str
    address: str
    mac_address: str
    inbound: tuple[Rule, ...]
    outbound: tuple[Rule, ...]


class Subnet(msgspec.Struct, array_like=True, frozen=True):
    """A subnet. `leads_out` are the blocks of addresses that its routes lead to the internet."""

    id: str
    block: str
    leads_out: tuple[str, ...] = ()


class Vpc(msgspec.Struct, array_like=True, frozen=True):
    """A VPC as it should be. `groups` are the addresses of the members of security groups, by their ids.

    `interfaces` may be more than are in use: those that nobody attached are passed over.
    """

    id: str
    subnets: tuple[Subnet, ...]
    interfaces: tuple[Interface, ...]
    groups: dict[str, tuple[str, ...]]


class Attach(msgspec.Struct, frozen=True, tag=True):
    """Make a namespace with an interface of a VPC in it. Answered with descriptors of it, see `Answer`."""

    vpc: Vpc
    interface_id: str


class Follow(msgspec.Struct, frozen=True, tag=True):
    """Make a VPC that is in force as it should be."""

    vpc: Vpc


class Detach(msgspec.Struct, frozen=True, tag=True):
    """Take an interface out of its VPC for good."""

    interface_id: str


class Try(msgspec.Struct, frozen=True, tag=True):
    """Make a network and take it away again: to know whether it can be done."""


Request = Attach | Follow | Detach | Try


class Answer(msgspec.Struct, frozen=True):
    """How a request went: `refused` says why it did not.

    With an attachment come descriptors: of the network namespace, then (unless the keeper is root) of the user
    namespace that it belongs to.
    """

    refused: str = ""


_encode = msgspec.msgpack.Encoder().encode
decode_request = msgspec.msgpack.Decoder(Request).decode
decode_answer = msgspec.msgpack.Decoder(Answer).decode


def framed(message: Any) -> bytes:
    """Return a message as it goes over the socket: its length in 4 bytes, then its text."""
    content = _encode(message)
    return len(content).to_bytes(_LENGTH_BYTES, "big") + content


def received(control: socket.socket) -> tuple[bytes, list[int]] | None:
    """Return the next message and its descriptors from a blocking socket, or None when the other end is closed."""
    content = b""
    descriptors: list[int] = []
    while len(content) < _LENGTH_BYTES or len(content) < _LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES], "big"):
        piece, more = receive_with_descriptors(control)
        descriptors += more
        if not piece:
            return None
        content += piece
    return content[_LENGTH_BYTES:], descriptors


def receive_with_descriptors(control: socket.socket) -> tuple[bytes, list[int]]:
    """Return what has come, and the descriptors that came with it (ours to close, and not inherited)."""
    descriptors = array.array("i")
    space = socket.CMSG_LEN(DESCRIPTORS_MAX * descriptors.itemsize)
    content, ancillary, _, _ = control.recvmsg(_PIECE_BYTES, space, socket.MSG_CMSG_CLOEXEC)
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    return content, list(descriptors)


def send(control: socket.socket, message: Any, descriptors: list[int]) -> None:
    """Send a message over a blocking socket, with descriptors."""
    content = framed(message)
    if descriptors:
        sent = socket.send_fds(control, [content], descriptors)
        content = content[sent:]
    control.sendall(content)
