"""Control groups: limits on all processes of a job together. Version 2 where it can be used, else version 1.

A job's group is made below the group that the server itself is in, so that whatever limits the server limits its jobs.
Source: Linux kernel documentation, "Control Group v2" and "Control Groups version 1".
"""

import contextlib
import errno
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from strongroom.runners.limits import Limits

Controller = Literal["memory", "pids", "cpu"]
CONTROLLERS: tuple[Controller, ...] = ("memory", "pids", "cpu")

_PREFIX = "strongroom-"
_SERVER = "strongroom-server"
_CPU_PERIOD_MICROSECONDS = 100_000
_CPU_QUOTA_LEAST_MICROSECONDS = 1_000
# The launcher and bubblewrap's own processes.
PROCESSES_OF_OURS = 3


@dataclass(frozen=True, slots=True)
class Cgroups:
    """The groups below which jobs get theirs, by controller. `version` is 1 or 2; with 2 they are all the same."""

    version: Literal[1, 2]
    parents: dict[Controller, Path]

    def make(self, name: str, limits: Limits) -> "Cgroup":
        """Make the group of a job, with its limits set. Raises OSError."""
        made = Cgroup(self.version, {each: parent / f"{_PREFIX}{name}" for each, parent in self.parents.items()})
        try:
            made.create(limits)
        except OSError:
            made.remove()
            raise
        return made

    def left_behind(self) -> dict[str, "Cgroup"]:
        """Return all groups of jobs that are there, by name."""
        found: dict[str, dict[Controller, Path]] = {}
        for controller, parent in self.parents.items():
            for path in parent.glob(f"{_PREFIX}*"):
                if path.name != _SERVER:
                    found.setdefault(path.name.removeprefix(_PREFIX), {})[controller] = path
        return {name: Cgroup(self.version, paths) for name, paths in found.items()}


@dataclass(slots=True)
class Cgroup:
    """The group of one job: with version 1 one directory for each controller, with version 2 one for all.

    What is asked of it once it is removed is 0.
    """

    version: Literal[1, 2]
    paths: dict[Controller, Path]
    _directories: list[Path] = field(init=False)

    def __post_init__(self) -> None:
        self._directories = sorted(set(self.paths.values()))

    def create(self, limits: Limits) -> None:
        """Make the directories and set the limits. Raises OSError."""
        for path in self._directories:
            path.mkdir(exist_ok=True)
        # What is written to /tmp is memory of the group too.
        memory = str(limits.memory_bytes + limits.temporary_bytes)
        processes = str(limits.processes_max + PROCESSES_OF_OURS)
        quota = max(int(limits.cpus * _CPU_PERIOD_MICROSECONDS), _CPU_QUOTA_LEAST_MICROSECONDS)
        if self.version == 2:
            self._set("memory", "memory.max", memory)
            self._set("memory", "memory.swap.max", "0", optional=True)
            self._set("memory", "memory.oom.group", "1", optional=True)
            self._set("cpu", "cpu.max", f"{quota} {_CPU_PERIOD_MICROSECONDS}")
        else:
            self._set("memory", "memory.limit_in_bytes", memory)
            self._set("memory", "memory.memsw.limit_in_bytes", memory, optional=True)
            self._set("cpu", "cpu.cfs_period_us", str(_CPU_PERIOD_MICROSECONDS))
            self._set("cpu", "cpu.cfs_quota_us", str(quota))
        self._set("pids", "pids.max", processes)

    def add(self, process: int) -> None:
        """Put a process into the group, and with it all that it will start. Raises OSError."""
        for path in self._directories:
            (path / "cgroup.procs").write_text(str(process))

    def out_of_memory_kills(self) -> int:
        """Return how many processes the kernel killed because the group's memory was used up."""
        return self._entry("memory.events" if self.version == 2 else "memory.oom_control", "oom_kill")

    def memory_bytes(self) -> int:
        """Return the memory of the group now, files in memory included; 0 where it is not counted."""
        name = "memory.current" if self.version == 2 else "memory.usage_in_bytes"
        return int(self._read("memory", name) or 0)

    def memory_bytes_of_processes(self) -> int:
        """Return the memory that processes of the group have for themselves."""
        return self._entry("memory.stat", "anon" if self.version == 2 else "rss")

    def memory_bytes_peak(self) -> int | None:
        """Return the most memory that the group used at once, or None where the kernel does not say."""
        name = "memory.peak" if self.version == 2 else "memory.max_usage_in_bytes"
        text = self._read("memory", name).strip()
        return int(text) if text else None

    def processes(self) -> set[int]:
        """Return the processes that are in the group now."""
        found: set[int] = set()
        for path in self._directories:
            with contextlib.suppress(OSError):
                found.update(int(line) for line in (path / "cgroup.procs").read_text().split())
        return found

    def kill(self) -> None:
        """Send SIGKILL to all that is in the group."""
        if self.version == 2:
            for path in self._directories:
                with contextlib.suppress(OSError):  # The file is there since Linux 5.14.
                    (path / "cgroup.kill").write_text("1")
        for process in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def remove(self) -> bool:
        """Remove the group. Returns whether it is gone; it is not while processes are in it."""
        gone = True
        for path in self._directories:
            try:
                path.rmdir()
            except FileNotFoundError:
                continue
            except OSError:
                gone = False
        return gone

    def _set(self, controller: Controller, name: str, value: str, *, optional: bool = False) -> None:
        path = self.paths.get(controller)
        if path is None:
            return
        try:
            (path / name).write_text(value)
        except OSError:
            if not optional:
                raise

    def _entry(self, name: str, key: str) -> int:
        """Return one entry of a file of lines like `oom_kill 2`."""
        for line in self._read("memory", name).splitlines():
            found, _, value = line.partition(" ")
            if found == key:
                return int(value)
        return 0

    def _read(self, controller: Controller, name: str) -> str:
        path = self.paths.get(controller)
        if path is None:
            return ""
        try:
            return (path / name).read_text()
        except OSError:
            return ""


def find_cgroups(*, prepared: bool) -> tuple[Cgroups | None, dict[Controller, str]]:
    """Return the groups that we may make others in, and why we may not for the controllers that are missing.

    With version 2, if they are to be `prepared`, it moves the server (and what else is in its group) into a group below
    the one it is in, and enables the controllers: the kernel wants processes only in groups that have none below them.
    """
    mounted = _mounted()
    own = _own_groups()
    refused: dict[Controller, str] = {}
    if "cgroup2" in mounted and "" in own:
        parents = _version_2(mounted["cgroup2"], own[""], refused, prepared=prepared)
        if parents:
            return Cgroups(2, parents), {each: refused[each] for each in CONTROLLERS if each not in parents}
    parents = {}
    for controller in CONTROLLERS:
        if controller not in mounted or controller not in own:
            refused.setdefault(controller, "the kernel has no control group for it")
            continue
        parent = _existing(mounted[controller], own[controller])
        why = _try_child(parent)
        if why is None:
            parents[controller] = parent
        else:
            refused[controller] = why
    return (Cgroups(1, parents) if parents else None), {
        each: refused[each] for each in CONTROLLERS if each not in parents
    }


def _version_2(mount: Path, own: str, refused: dict[Controller, str], *, prepared: bool) -> dict[Controller, Path]:
    base = _existing(mount, own)
    if base.name == _SERVER:
        base = base.parent
    try:
        available = set((base / "cgroup.controllers").read_text().split())
        wanted = [each for each in CONTROLLERS if each in available]
        for each in CONTROLLERS:
            if each not in available:
                refused[each] = f"{base}/cgroup.controllers does not have it"
        if not wanted:
            return {}
        if prepared:
            _enable(base, wanted)
    except OSError as error:
        refused.update(dict.fromkeys(CONTROLLERS, f"{error.filename or base}: {error.strerror}"))
        return {}
    why = _try_child(base)
    if why is not None:
        refused.update(dict.fromkeys(CONTROLLERS, why))
        return {}
    return dict.fromkeys(wanted, base)


def _enable(base: Path, wanted: list[Controller]) -> None:
    control = base / "cgroup.subtree_control"
    if set(control.read_text().split()).issuperset(wanted):
        return
    if (base / "cgroup.type").exists():  # The kernel's root group has none, and may have processes.
        _move_into(base / _SERVER, base)
    control.write_text(" ".join(f"+{each}" for each in wanted))


def _move_into(group: Path, parent: Path) -> None:
    group.mkdir(exist_ok=True)
    for process in (parent / "cgroup.procs").read_text().split():
        try:
            (group / "cgroup.procs").write_text(process)
        except OSError as error:
            if error.errno != errno.ESRCH:
                raise


def _try_child(parent: Path) -> str | None:
    """Return why no group can be made below `parent`, or None when one can."""
    child = parent / f"{_PREFIX}try-{os.getpid()}"
    try:
        child.mkdir(exist_ok=True)
        child.rmdir()
    except OSError as error:
        return f"{parent}: {error.strerror}"
    return None


def _existing(mount: Path, group: str) -> Path:
    # In a container the group may be named as the host sees it, while the mount shows only what is below it.
    path = mount / group.lstrip("/")
    return path if path.is_dir() else mount


def _mounted() -> dict[str, Path]:
    """Return where control groups are mounted: by controller, version 2's as "cgroup2"."""
    found: dict[str, Path] = {}
    for line in Path("/proc/self/mounts").read_text(errors="surrogateescape").splitlines():
        _, where, kind, options, *_ = line.split(" ")
        if kind == "cgroup2":
            found.setdefault("cgroup2", Path(where))
        elif kind == "cgroup":
            for option in options.split(","):
                found.setdefault(option, Path(where))
    return found


def _own_groups() -> dict[str, str]:
    """Return the groups that this process is in: by controller, version 2's as the empty text."""
    found: dict[str, str] = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, group = line.split(":", 2)
        for controller in controllers.split(","):
            found[controller] = group
    return found
