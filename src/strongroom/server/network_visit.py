"""A command run in a VPC: asks at the server's network door, enters, and leaves when the command ends."""

import ctypes
import json
import os
import select
import shlex
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from strongroom.base.errors import OperatorError
from strongroom.runners.networks.namespaces import CLONE_NEWNET, CLONE_NEWUSER, enter
from strongroom.server.network_door import door_address

ANSWER_SECONDS_MAX = 60.0
ENDING_SECONDS_MAX = 30.0

_DESCRIPTORS_MAX = 2
_PR_CAPBSET_DROP = 24
_CAP_NET_ADMIN = 12
_PASSED_ON = (signal.SIGTERM, signal.SIGHUP)
_FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT)
_SIGNALLED = 128
_NOT_EXECUTABLE, _NOT_FOUND = 126, 127


def visit(data: Path, command: list[str], subnet: str, security_groups: list[str], private_ip: str | None) -> int:
    """Run a command in a subnet and return its exit status (128 and a signal's number for one that a signal ended).

    Raises OperatorError when there is no server, or it refuses.
    """
    if not command:
        raise OperatorError("there is no command to run; it comes last, behind --")
    with _knock(data) as door:
        asked = {
            "subnet": subnet,
            "security_groups": security_groups,
            "private_ip": private_ip,
            "description": f"strongroom vpc run: {shlex.join(command[:1])}",
        }
        door.sendall(json.dumps(asked).encode() + b"\n")
        answer, namespaces = _answer(door)
        if "refused" in answer:
            raise OperatorError(answer["refused"])
        sys.stderr.write(f"strongroom: {answer['address']} in {subnet} ({answer['interface']})\n")
        sys.stderr.flush()
        process = os.fork()
        if process == 0:
            door.close()
            _become(command, namespaces)
        for descriptor in namespaces:
            os.close(descriptor)
        return _attend(door, process)


def _knock(data: Path) -> socket.socket:
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    door.settimeout(ANSWER_SECONDS_MAX)
    try:
        address, directory = door_address(data)
        try:
            door.connect(address)
        finally:
            os.close(directory)
    except OSError as error:
        door.close()
        if isinstance(error, PermissionError):
            raise OperatorError("only the server's user, and root, may run commands in a VPC") from None
        raise OperatorError(f"no server runs on {data}: {error.strerror}") from None
    return door


def _answer(door: socket.socket) -> tuple[dict[str, Any], list[int]]:
    content, descriptors = b"", []
    try:
        while not content.endswith(b"\n"):
            piece, more, _, _ = socket.recv_fds(door, 65_536, _DESCRIPTORS_MAX)
            descriptors += more
            content += piece
            if not piece:
                raise OperatorError("the server ended, or may not be asked by this user")
    except TimeoutError:
        raise OperatorError("the server does not answer") from None
    return json.loads(content), descriptors


def _become(command: list[str], namespaces: list[int]) -> None:
    """Be the command, in the namespaces. Never returns."""
    status = _NOT_EXECUTABLE
    try:
        network, *user = namespaces
        for descriptor in user:
            enter(descriptor, CLONE_NEWUSER)
        enter(network, CLONE_NEWNET)
        # Not even root changes what was joined: its addresses and its firewall are the VPC's.
        ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, _CAP_NET_ADMIN, 0, 0, 0)
        os.execvp(command[0], command)  # noqa: S606
    except FileNotFoundError as error:
        status = _NOT_FOUND
        sys.stderr.write(f"strongroom: {command[0]}: {error.strerror}\n")
    except OSError as error:
        sys.stderr.write(f"strongroom: {command[0]}: {error.strerror}\n")
    finally:
        sys.stderr.flush()
        os._exit(status)


def _attend(door: socket.socket, process: int) -> int:
    """Pass signals on until the command ends, and end it when the server does. Returns its status."""
    for number in (*_PASSED_ON, *_FROM_TERMINAL):
        # What the terminal sends reaches the command by itself.
        is_sent_by_terminal = number in _FROM_TERMINAL and sys.stdin.isatty()
        signal.signal(number, signal.SIG_IGN if is_sent_by_terminal else lambda received, _: os.kill(process, received))
    ended = os.pidfd_open(process)
    try:
        ready, _, _ = select.select([door.fileno(), ended], [], [])
        if ended not in ready:
            sys.stderr.write("strongroom: the server ended, and the network with it; ending the command\n")
            os.kill(process, signal.SIGTERM)
            if not select.select([ended], [], [], ENDING_SECONDS_MAX)[0]:
                os.kill(process, signal.SIGKILL)
    finally:
        os.close(ended)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    return code if code >= 0 else _SIGNALLED - code
