"""An object of 5 GiB: what memory it takes to move it, and whether to read a piece costs more than of a small one."""

import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.object_client import ObjectClient

MEBIBYTE = 1024**2
HUGE_BYTES = 5 * 1024**3
SMALL_BYTES = 10 * MEBIBYTE
PART_BYTES = 64 * MEBIBYTE
READS = 200


class HugeObject(NamedTuple):
    """By how many bytes the server's resident memory grew at most, and the medians of ranged reads in milliseconds."""

    growth_bytes: int
    put_megabytes_per_second: float
    get_megabytes_per_second: float
    ranged_milliseconds: float
    ranged_in_small_milliseconds: float


def measure_huge_object(client: ObjectClient, pid: int, bucket: str, headers: dict[str, str]) -> HugeObject:
    """Move an object of 5 GiB both ways, then read 1 MiB from places all over it, and of one of 10 MiB, in turn.

    Raises StartError for a wrong answer.
    """
    read = {name: value for name, value in headers.items() if name.startswith("x-forwarded")}
    huge, small = f"/{bucket}/huge", f"/{bucket}/small"
    part = bytes(PART_BYTES)
    client.be_ready()
    client.request("PUT", small, headers, part[:SMALL_BYTES])
    client.request("GET", small, read, None)
    before = _forget_peak(pid)
    begin = time.perf_counter()
    client.be_ready()
    client.request("PUT", huge, headers, part, repeats=HUGE_BYTES // PART_BYTES)
    put_seconds = time.perf_counter() - begin
    begin = time.perf_counter()
    client.request("GET", huge, read, None)
    get_seconds = time.perf_counter() - begin
    growth = _peak(pid) - before
    timings: dict[str, list[float]] = {huge: [], small: []}
    for number in range(READS):
        for path, size in ((huge, HUGE_BYTES), (small, SMALL_BYTES)):
            first = number * (size - MEBIBYTE) // READS
            client.be_ready()
            begin = time.perf_counter()
            client.request("GET", path, {**read, "Range": f"bytes={first}-{first + MEBIBYTE - 1}"}, None)
            timings[path].append(time.perf_counter() - begin)
    return HugeObject(
        growth,
        HUGE_BYTES / put_seconds / 1e6,
        HUGE_BYTES / get_seconds / 1e6,
        median(timings[huge]) * 1e3,
        median(timings[small]) * 1e3,
    )


def _forget_peak(pid: int) -> int:
    """Have the kernel count the peak of a process's memory anew; return what it has now. Source: proc(5)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
    return _status_bytes(pid, "VmRSS:")


def _peak(pid: int) -> int:
    return _status_bytes(pid, "VmHWM:")


def _status_bytes(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise LookupError(name)
