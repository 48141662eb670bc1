"""A second layer: system calls that a job is refused, whatever the namespaces say.

It names what namespaces do not contain (virtual machines' sockets, the kernel's keyrings), what has let many out of
many containers (io_uring, bpf, userfaultfd, new namespaces), and what only administrators call. All else is allowed:
this is not the wall, only a thicker part of it.

The filter is a program for the kernel's packet filter, some hundred instructions of eight bytes.
Source: Linux kernel documentation, "Seccomp BPF (SECure COMPuting with filters)"; the numbers are from unistd.h.
"""

import errno
import platform
import struct
import sys
from typing import NamedTuple

_LOAD_WORD = 0x20
_JUMP_EQUAL = 0x15
_JUMP_GREATER_EQUAL = 0x35
_JUMP_ANY_BIT = 0x45
_RETURN = 0x06

_ALLOW = 0x7FFF0000
_REFUSE_WITH = 0x00050000

# Offsets in struct seccomp_data; the low half of an argument of 64 bits comes first where we run.
_NUMBER = 0
_ARCHITECTURE = 4
_FIRST_ARGUMENT = 16

_X32_FIRST = 0x40000000
# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
_NEW_NAMESPACES = 0x7E020000
_FAMILIES = (1, 2, 10, 16)
"""Unix, IPv4, IPv6 and netlink (which the C library asks for the machine's addresses)."""

_MACHINES = ("x86_64", "aarch64")
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_REFUSED: tuple[tuple[str, int, int | None], ...] = (
    # Name, number on x86_64, number on aarch64.
    ("keyctl", 250, 219),
    ("add_key", 248, 217),
    ("request_key", 249, 218),
    ("bpf", 321, 280),
    ("perf_event_open", 298, 241),
    ("userfaultfd", 323, 282),
    ("io_uring_setup", 425, 425),
    ("io_uring_enter", 426, 426),
    ("io_uring_register", 427, 427),
    ("ptrace", 101, 117),
    ("process_vm_readv", 310, 270),
    ("process_vm_writev", 311, 271),
    ("kcmp", 312, 272),
    ("pidfd_getfd", 438, 438),
    ("mount", 165, 40),
    ("umount2", 166, 39),
    ("pivot_root", 155, 41),
    ("open_tree", 428, 428),
    ("move_mount", 429, 429),
    ("fsopen", 430, 430),
    ("fsconfig", 431, 431),
    ("fsmount", 432, 432),
    ("fspick", 433, 433),
    ("mount_setattr", 442, 442),
    ("chroot", 161, 51),
    ("setns", 308, 268),
    ("open_by_handle_at", 304, 265),
    ("fanotify_init", 300, 262),
    ("quotactl", 179, 60),
    ("quotactl_fd", 443, 443),
    ("lookup_dcookie", 212, 18),
    ("init_module", 175, 105),
    ("finit_module", 313, 273),
    ("delete_module", 176, 106),
    ("kexec_load", 246, 104),
    ("kexec_file_load", 320, 294),
    ("reboot", 169, 142),
    ("swapon", 167, 224),
    ("swapoff", 168, 225),
    ("acct", 163, 89),
    ("syslog", 103, 116),
    ("vhangup", 153, 58),
    ("settimeofday", 164, 170),
    ("clock_settime", 227, 112),
    ("iopl", 172, None),
    ("ioperm", 173, None),
    ("modify_ldt", 154, None),
)
_CLONE = (56, 220)
_UNSHARE = (272, 97)
_SOCKET = (41, 198)
# Its flags are in memory, where a filter cannot look. The C library takes clone when it is told that there is none.
_CLONE3 = (435, 435)


class _Step(NamedTuple):
    code: int
    operand: int
    if_true: int = 0
    if_false: int = 0


def seccomp_filter() -> bytes | None:
    """Return the program for this machine, or None for a machine whose numbers are not known here."""
    machine = platform.machine()
    if machine not in _MACHINES or sys.byteorder != "little":
        return None
    column = _MACHINES.index(machine)
    steps = [_Step(_LOAD_WORD, _ARCHITECTURE), _Step(_JUMP_EQUAL, _ARCHITECTURES[machine], 1, 0), _refuse(errno.EPERM)]
    steps.append(_Step(_LOAD_WORD, _NUMBER))
    if machine == "x86_64":
        steps += [_Step(_JUMP_GREATER_EQUAL, _X32_FIRST, 0, 1), _refuse(errno.ENOSYS)]
    for _, *numbers in _REFUSED:
        if numbers[column] is not None:
            steps += _when_called(numbers[column] or 0, [_refuse(errno.EPERM)])
    steps += _when_called(_CLONE3[column], [_refuse(errno.ENOSYS)])
    for call in (_CLONE, _UNSHARE):
        steps += _when_called(call[column], _unless_namespaces())
    steps += _when_called(_SOCKET[column], _only_families())
    steps.append(_Step(_RETURN, _ALLOW))
    return b"".join(struct.pack("=HBBI", step.code, step.if_true, step.if_false, step.operand) for step in steps)


def _refuse(number: int) -> _Step:
    return _Step(_RETURN, _REFUSE_WITH | number)


def _when_called(number: int, steps: list[_Step]) -> list[_Step]:
    """Return steps that are taken for one system call, and passed over for all others. They must end in a return."""
    return [_Step(_JUMP_EQUAL, number, 0, len(steps)), *steps]


def _unless_namespaces() -> list[_Step]:
    load = _Step(_LOAD_WORD, _FIRST_ARGUMENT)
    return [load, _Step(_JUMP_ANY_BIT, _NEW_NAMESPACES, 0, 1), _refuse(errno.EPERM), _Step(_RETURN, _ALLOW)]


def _only_families() -> list[_Step]:
    steps = [_Step(_LOAD_WORD, _FIRST_ARGUMENT)]
    for family in _FAMILIES:
        steps += [_Step(_JUMP_EQUAL, family, 0, 1), _Step(_RETURN, _ALLOW)]
    return [*steps, _refuse(errno.EAFNOSUPPORT)]
