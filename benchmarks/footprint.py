"""Starting and standing still: time to ready, and resident memory before and after the load."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.processes import resident_bytes
from benchmarks.servers import Server

IDLE_SECONDS = 1.0

Starter = Callable[[Path, int], Server]


@dataclass(slots=True)
class Footprint:
    """One server's starts, and its memory in bytes: one second after a start, and after the load (zero: not read)."""

    server: str
    ready_seconds: list[float] = field(default_factory=list)
    idle_bytes: int = 0
    loaded_bytes: int = 0

    @property
    def ready_spread(self) -> tuple[float, float, float]:
        """Median, least and greatest time to ready, in seconds."""
        return median(self.ready_seconds), min(self.ready_seconds), max(self.ready_seconds)


def start_repeatedly(start: Starter, directory: Path, core: int, starts: int) -> tuple[Server, Footprint]:
    """Start a server once to make its directory, then `starts` times on what is there; the last start stays up."""
    server = start(directory, core)
    footprint = Footprint(server.name)
    for _ in range(starts):
        server.stop()
        server = start(directory, core)
        footprint.ready_seconds.append(server.ready_seconds)
    time.sleep(IDLE_SECONDS)
    footprint.idle_bytes = resident_bytes(server.pid)
    return server, footprint
