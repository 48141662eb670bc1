"""Stands between the server and a sandbox: a script of its own, run by a bare interpreter.

It makes the namespaces, listens in them, hands the sockets to the server, waits to be told what to run, and makes the
process that becomes bubblewrap. It is a process of its own because a thread of the server must never be in another
namespace, or have another user; and it imports next to nothing, because its start is part of every cold start.

What it is told comes over a socket that it inherits (its number is the only argument): a byte with which the namespaces
of a VPC come, if it is to be joined, then two messages, each a length of 4 bytes and a marshalled dictionary, made in
sandbox.py. Each is answered by one, with descriptors: the listening
sockets; then one of the process and one to read from what bubblewrap tells of its progress.
"""

from __future__ import annotations

# The module below `socket`, and none of `typing` and `signal`: those take another 10 milliseconds to import.
import _socket
import ctypes
import fcntl
import marshal
import os
import resource
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWPID = 0x20000000
_CLONE_NEWNET = 0x40000000
_CLONE_PARENT = 0x00008000
NUMBERS_OF_CLONE = {"x86_64": 56, "aarch64": 220, "riscv64": 220, "loongarch64": 220, "ppc64le": 120}
_MS_BIND = 4096
_MS_REC = 16384
_MS_PRIVATE = 1 << 18
_SIGKILL = 9
_SIGCHLD = 17
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_SIOCSIFFLAGS = 0x8914
_SIOCSIFADDR = 0x8916
_SIOCSIFNETMASK = 0x891C
_IFF_UP = 1
_BACKLOG = 128
_DESCRIPTORS_MAX = 2
_STAGE = "/tmp"  # noqa: S108  A mount of our own, in a mount namespace of our own.

_libc = ctypes.PyDLL(None, use_errno=True)


class Refusal(Exception):  # noqa: N818  What it says is the kernel's no.
    """The kernel refused a step; says which, and its words."""


def main() -> NoReturn:
    """Do as told over the socket whose number is the first argument."""
    control = _socket.socket(fileno=int(sys.argv[1]))
    _close_all_but(control.fileno())
    joined = _receive_descriptors(control)
    plan = _receive(control)
    _end_with_server(control)
    try:
        listeners = prepare(plan, joined)
    except Refusal as refusal:
        _send(control, {"refused": str(refusal)}, [])
        sys.exit(1)
    # A change of user has the kernel forget it.
    _end_with_server(control)
    _send(control, {"ports": [each.getsockname()[1] for each in listeners]}, [each.fileno() for each in listeners])
    for listener in listeners:
        listener.close()
    command = _receive(control)
    reading, writing = os.pipe()
    process = _make_sibling()
    if process != 0:
        _send(control, {"process": process}, [os.pidfd_open(process), reading])
        sys.exit(0)
    _end_with_server(control)
    control.close()
    os.close(reading)
    if plan["bubblewrap"]:
        become_bubblewrap(plan, command, writing)
    become_job(command)


def prepare(plan: dict[str, Any], joined: list[int]) -> list[_socket.socket]:
    """Leave the host's network and, where we are root, its root user. Returns the sockets that listen inside.

    `joined` are the namespaces to enter instead of making a network: of the network, and of the user that owns it.
    """
    if not plan["bubblewrap"]:
        _limit(plan["resources"])
        return [_listen(0) for _ in range(plan["ports"])]
    if joined:
        for descriptor, kind in reversed(list(zip(joined, (_CLONE_NEWNET, _CLONE_NEWUSER), strict=False))):
            _enter(descriptor, kind)
    network = 0 if joined else _CLONE_NEWNET
    if plan["user_id"] is not None:
        _unshare(_CLONE_NEWNS | network | _CLONE_NEWPID, "a network namespace")
        _stage(plan["staged"])
    elif joined:
        _unshare(_CLONE_NEWPID, "a PID namespace")
    else:
        _unshare(_CLONE_NEWUSER | network | _CLONE_NEWPID, "a user namespace with a network of its own")
        _map_own_user(plan["own_ids"])
    _bring_loopback_up()
    for number, address in enumerate(plan["own_addresses"]):
        _own(address, number)
    listeners = [_listen(plan["first_port"] + number) for number in range(plan["ports"])]
    listeners += [_listen(port, address) for address, port in plan["routes"]]
    _limit(plan["resources"])
    if plan["user_id"] is not None:
        _become_user(plan["user_id"])
    return listeners


def become_bubblewrap(plan: dict[str, Any], command: dict[str, Any], status: int) -> NoReturn:
    """Become bubblewrap, which tells on the descriptor `status` what becomes of the job.

    Options and environment go through memory: what is on a command line is seen by every user of the machine, and in
    bubblewrap's own environment a job's LD_PRELOAD would be obeyed outside of the sandbox.
    """
    options = list(plan["options"])
    for target, content in plan["files"].items():
        options += ["--perms", "0444", plan["file_option"], str(_in_memory(content)), target]
    options += plan["last_options"]
    if plan["seccomp"]:
        options += ["--seccomp", str(_in_memory(plan["seccomp"]))]
    options += ["--json-status-fd", str(status), "--chdir", command["directory"], "--clearenv"]
    for name, value in command["environment"].items():
        options += ["--setenv", name, value]
    os.set_inheritable(status, True)
    if any("\0" in option for option in options):
        sys.exit("a zero byte in what bubblewrap is told")
    given = _in_memory(b"\0".join(os.fsencode(option) for option in options) + b"\0")
    os.chdir("/")
    os.execve(plan["bubblewrap"], ["bwrap", "--args", str(given), "--", *command["argv"]], {})  # noqa: S606


def become_job(command: dict[str, Any]) -> NoReturn:
    """Become the job itself, without a sandbox: in a process group of its own, which can be killed."""
    os.setsid()
    try:
        os.chdir(command["directory"])
        os.execvpe(command["argv"][0], command["argv"], command["environment"])  # noqa: S606
    except OSError as error:
        sys.stderr.write(f"{command['argv'][0]}: {error.strerror}\n")
        sys.exit(127 if isinstance(error, FileNotFoundError) else 126)


def _close_all_but(kept: int) -> None:
    """Close what the server's own parent, or an event loop, left open for us: the job would inherit it."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) != kept:
            try:
                os.close(int(name))
            except OSError:
                continue  # The directory itself, which was open to be listed.


def _end_with_server(control: _socket.socket) -> None:
    """Have the kernel kill this process when the server's thread that started us ends, however it does."""
    _libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    try:
        is_alone = control.recv(1, _socket.MSG_PEEK | _socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        is_alone = False
    if is_alone:
        os._exit(1)  # It ended before the kernel knew.


def _make_sibling() -> int:
    """Make a process whose parent is the server, and return its number here, 0 there.

    In a sandbox it is the first process of a PID namespace: with it the kernel ends all that come after it. So nothing
    that bubblewrap begins outlives the server, not even what it has begun and not yet tied to itself.
    """
    made: int = _libc.syscall(NUMBERS_OF_CLONE[os.uname().machine], _CLONE_PARENT | _SIGCHLD, 0, 0, 0, 0)
    if made == -1:
        sys.exit(f"making a process: {os.strerror(ctypes.get_errno())}")
    return made


def _unshare(flags: int, what: str) -> None:
    if _libc.unshare(flags) != 0:
        raise Refusal(f"making {what}: {os.strerror(ctypes.get_errno())}")


def _enter(descriptor: int, kind: int) -> None:
    if _libc.setns(descriptor, kind) != 0:
        raise Refusal(f"entering the namespaces of a VPC: {os.strerror(ctypes.get_errno())}")
    os.close(descriptor)


def _map_own_user(ids: tuple[int, int]) -> None:
    # A group of one's own may be mapped only after giving up the right to change groups.
    user, group = ids
    for name, content in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        try:
            descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
            try:
                os.write(descriptor, content.encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            raise Refusal(f"writing /proc/self/{name} of a new user namespace: {error.strerror}") from None


def _stage(sources: list[str]) -> None:
    """Bind what root may read to where the job's user finds it: source number 3 is _STAGE/3."""
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE, None)
    opened = []
    for source in sources:
        try:
            opened.append(os.open(source, os.O_PATH))
        except OSError as error:
            raise Refusal(f"opening {source}: {error.strerror}") from None
    # Sources that are below _STAGE are held open, and bound from there.
    _mount("tmpfs", _STAGE, "tmpfs", 0, "mode=0755,size=1m")
    for number, descriptor in enumerate(opened):
        target = f"{_STAGE}/{number}"
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            os.mkdir(target, 0o755)
        else:
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
        _mount(f"/proc/self/fd/{descriptor}", target, None, _MS_BIND | _MS_REC, None)
        os.close(descriptor)


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None) -> None:
    texts = [text if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    if _libc.mount(texts[0], texts[1], texts[2], flags, texts[3]) != 0:
        raise Refusal(f"mounting {source or ''} on {target}: {os.strerror(ctypes.get_errno())}")


def _bring_loopback_up() -> None:
    try:
        anything = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
        request = b"lo".ljust(16, b"\0") + _IFF_UP.to_bytes(2, sys.byteorder) + bytes(22)
        fcntl.ioctl(anything.fileno(), _SIOCSIFFLAGS, request)
        anything.close()
    except OSError as error:
        raise Refusal(f"bringing up the loopback of a new network namespace: {error.strerror}") from None


def _own(address: str, number: int) -> None:
    """Have the loopback of the new network namespace own another address, and no other of its network."""
    name = b"lo:%d" % number
    try:
        anything = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
        for number_of_request, value in ((_SIOCSIFADDR, address), (_SIOCSIFNETMASK, "255.255.255.255")):
            of_family = _socket.AF_INET.to_bytes(2, sys.byteorder) + bytes(2) + _socket.inet_aton(value)
            fcntl.ioctl(anything.fileno(), number_of_request, name.ljust(16, b"\0") + of_family.ljust(24, b"\0"))
        anything.close()
    except OSError as error:
        raise Refusal(f"giving {address} to the loopback of a new network namespace: {error.strerror}") from None


def _listen(port: int, address: str = "127.0.0.1") -> _socket.socket:
    try:
        listener = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
        # The connections of a sandbox before, in the same network, may not be forgotten yet.
        listener.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        raise Refusal(f"listening on {address}:{port}: {error.strerror}") from None
    return listener


def _limit(resources: dict[int, int]) -> None:
    for number, most in resources.items():
        hard = resource.getrlimit(number)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(number, (allowed, allowed))


def _become_user(user_id: int) -> None:
    try:
        os.setgroups([])
        os.setresgid(user_id, user_id, user_id)
        os.setresuid(user_id, user_id, user_id)
    except OSError as error:
        raise Refusal(f"becoming the user {user_id}: {error.strerror}") from None
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _in_memory(content: bytes) -> int:
    """Return a descriptor, inherited by who comes after us, of a file in memory."""
    descriptor = os.memfd_create("strongroom", 0)
    while content:
        content = content[os.write(descriptor, content) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _receive_descriptors(control: _socket.socket) -> list[int]:
    """Return the descriptors that came with the first byte, which tells how many they are."""
    count, ancillary, _, _ = control.recvmsg(1, _socket.CMSG_SPACE(4 * _DESCRIPTORS_MAX), _socket.MSG_CMSG_CLOEXEC)
    if not count:
        sys.exit(0)  # The server has no use for us any more.
    numbers = b"".join(data for _, kind, data in ancillary if kind == _socket.SCM_RIGHTS)
    return [int.from_bytes(numbers[place : place + 4], sys.byteorder) for place in range(0, 4 * count[0], 4)]


def _receive(control: _socket.socket) -> Any:
    return marshal.loads(_read(control, int.from_bytes(_read(control, 4), "big")))  # noqa: S302  The server's own.


def _read(control: _socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        piece = control.recv(size - len(content))
        if not piece:
            sys.exit(0)  # The server has no use for us any more.
        content += piece
    return content


def _send(control: _socket.socket, message: dict[str, Any], descriptors: list[int]) -> None:
    content = marshal.dumps(message)
    numbers = b"".join(descriptor.to_bytes(4, sys.byteorder) for descriptor in descriptors)
    ancillary = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, numbers)] if descriptors else []
    control.sendmsg([len(content).to_bytes(4, "big") + content], ancillary)


if __name__ == "__main__":
    main()
