"""What the kernel knows of a process tree: CPU time and resident memory, from /proc; and pinning to a core."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cores:
    """The core that the servers share, and the one that sends; the same one where the machine has no second."""

    server: int
    load: int

    @property
    def are_apart(self) -> bool:
        """Whether the load generator has a core of its own."""
        return self.server != self.load


def choose_cores() -> Cores:
    """Return the first and the second core that this process may use."""
    cores = sorted(os.sched_getaffinity(0))
    return Cores(cores[0], cores[min(1, len(cores) - 1)])


@contextmanager
def pinned_to(core: int) -> Iterator[None]:
    """Keep this process, and what it starts meanwhile, on `core`."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _fields(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third on; a name in brackets may hold spaces. Source: proc(5)."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()


def tree(root: int) -> list[int]:
    """Return the ids of the process `root` and of all its living descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                children.setdefault(int(_fields(int(entry.name))[1]), []).append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    found = [root]
    for pid in found:
        found.extend(children.get(pid, ()))
    return found


def cpu_seconds(root: int) -> float:
    """Return user and system time of the tree since it started, in seconds; also of children that it has reaped."""
    ticks = 0
    for pid in tree(root):
        try:
            fields = _fields(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue
        ticks += sum(int(value) for value in fields[11:15])
    return ticks / TICKS_PER_SECOND


def resident_bytes(root: int) -> int:
    """Return the resident memory of the tree in bytes; pages that its processes share count once for each."""
    total = 0
    for pid in tree(root):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) * 1024
    return total


def machine_busy_seconds() -> float:
    """Return the time that all cores together have spent on anything since boot, and that the host withheld."""
    values = [int(value) for value in Path("/proc/stat").read_text(encoding="utf-8").split("\n", 1)[0].split()[1:9]]
    idle, waiting = values[3], values[4]
    return (sum(values) - idle - waiting) / TICKS_PER_SECOND


def core_count() -> int:
    """Return how many cores the machine has in all, whether or not this process may use them."""
    return os.cpu_count() or 1
