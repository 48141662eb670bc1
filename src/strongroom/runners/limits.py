"""How much of the machine a sandbox may use."""

from dataclasses import dataclass

MEBIBYTE = 1_048_576

_CPUS_LEAST = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one sandbox, all its processes together unless said otherwise."""

    memory_bytes: int = 128 * MEBIBYTE
    """Memory, files in /tmp not counted. Without control groups it is what each process may have for itself."""

    cpus: float = 1.0
    """Processors' worth of time, 0.5 for half of one. Only cgroups hold a job to it."""

    processes_max: int = 1_024
    """Processes and threads together."""

    open_files_max: int = 1_024
    """Open files of each process, sockets among them."""

    temporary_bytes: int = 512 * MEBIBYTE
    """Size of /tmp, which is memory."""

    def __post_init__(self) -> None:
        if min(self.memory_bytes, self.processes_max, self.open_files_max, self.temporary_bytes) < 1:
            raise ValueError("a limit must be positive")
        if self.cpus < _CPUS_LEAST:
            raise ValueError(f"cpus must be at least {_CPUS_LEAST}")
