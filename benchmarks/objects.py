"""S3 beside its peers: `python -m benchmarks.objects [--quick] [--large] [--without-peers]`.

One connection, one request at a time, over plain HTTP. To encrypt under KMS keys Strongroom wants HTTPS; here it is
told that a proxy in front of it did that, so that every server moves the same bytes and TLS weighs on none.
"""

import argparse
import hashlib
import os
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks import machine, processes, report, servers
from benchmarks.aims import Aim
from benchmarks.huge_object import HugeObject, measure_huge_object
from benchmarks.object_client import ObjectClient
from benchmarks.outcome import status_of
from benchmarks.parallel_uploads import parallel_rate
from benchmarks.servers import Server, StartError

SIZES = {"1 KiB": 1024, "1 MiB": 1024**2, "64 MiB": 64 * 1024**2}
LARGE = {"1 GiB": 1024**3}
BYTES_PER_ROUND = 128 * 1024**2
TOUCHED_BYTES = 2 * 1024**3
TOUCHED_BYTES_LARGE = 14 * 1024**3
"""How much memory the files may take that are there at one time, touched beforehand."""
REQUESTS_MAX = 200
KMS = "aws:kms"


@dataclass(frozen=True, slots=True)
class Row:
    """One way of storing on one server: its headers, and the bucket that the objects go to."""

    name: str
    client: ObjectClient
    pid: int
    bucket: str
    headers: dict[str, str]

    @property
    def key(self) -> str:
        """The beginning of its objects' keys."""
        return self.name.replace(",", "").replace(" ", "-")


@dataclass(slots=True)
class Timing:
    """Seconds that each request took, and of the server's CPU, over all rounds."""

    seconds: list[float] = field(default_factory=list)
    cpu_seconds: float = 0.0

    @property
    def milliseconds(self) -> float:
        """The median of a request."""
        return median(self.seconds) * 1e3

    @property
    def cpu_milliseconds(self) -> float:
        """The server's user and system time for each request."""
        return self.cpu_seconds / len(self.seconds) * 1e3


def _rows(started: list[Server], stack: ExitStack) -> list[Row]:
    rows = []
    for server in started:
        client = ObjectClient(server.access)
        stack.callback(client.close)
        if server.name == "Floor":
            rows.append(Row("Floor", client, server.pid, "", {}))
            continue
        server.access.client("s3").create_bucket(Bucket="benchmark")
        if server.name != "Strongroom":
            rows.append(Row(server.name, client, server.pid, "benchmark", {}))
            continue
        key_id = server.access.client("kms").create_key()["KeyMetadata"]["KeyId"]
        with_key = {
            "x-amz-server-side-encryption": KMS,
            "x-amz-server-side-encryption-aws-kms-key-id": key_id,
            "x-forwarded-proto": "https",
        }
        bucket_key = {**with_key, "x-amz-server-side-encryption-bucket-key-enabled": "true"}
        for name, headers in (
            ("SSE-S3", {"x-forwarded-proto": "https"}),
            ("SSE-KMS", with_key),
            ("SSE-KMS, bucket key", bucket_key),
        ):
            rows.append(Row(f"Strongroom {name}", client, server.pid, "benchmark", headers))
    return rows


def _measure(row: Row, method: str, size: int, count: int, timing: Timing) -> None:
    body = os.urandom(size) if method == "PUT" else None
    read_headers = {name: value for name, value in row.headers.items() if name.startswith("x-forwarded")}
    path = f"/{row.bucket}/{row.key}/{size}"
    cpu = processes.cpu_seconds(row.pid)
    for _ in range(count):
        headers = row.headers if method == "PUT" else read_headers
        row.client.be_ready()
        begin = time.perf_counter()
        received = row.client.request(method, path, headers, body)
        timing.seconds.append(time.perf_counter() - begin)
        if method == "GET" and received != size:
            raise StartError(f"{row.name} answered {received} bytes of {size}")
    timing.cpu_seconds += processes.cpu_seconds(row.pid) - cpu


def _md5_gigabytes_per_second() -> float:
    block, begin = bytes(16 * 1024**2), time.perf_counter()
    for _ in range(4):
        hashlib.md5(block, usedforsecurity=False)
    return 4 * len(block) / (time.perf_counter() - begin) / 1e9


def _aims(
    timings: dict[tuple[str, str, str], Timing],
    sizes: dict[str, int],
    md5_rate: float,
    parallel: float,
    huge: HugeObject | None,
) -> list[Aim]:
    """Judge the largest objects that were moved. The rate of MD5 is in GB/s, that of parallel uploads in bytes/s."""
    label = list(sizes)[-1]

    def share_of_floor(method: str, row: str) -> float:
        return timings[label, method, "Floor"].milliseconds / timings[label, method, row].milliseconds

    kms, plain = "Strongroom SSE-KMS", "Strongroom SSE-S3"
    rate = sizes[label] / timings[label, "PUT", plain].milliseconds / 1e6
    growth = None if huge is None else huge.growth_bytes / 1024**2
    ranged = None if huge is None else huge.ranged_milliseconds / huge.ranged_in_small_milliseconds
    return [
        Aim(f"GET {label}, SSE-S3: of the floor's speed", share_of_floor("GET", plain), 0.7, "", is_share=True),
        Aim(f"GET {label}, SSE-KMS: of the floor's speed", share_of_floor("GET", kms), 0.7, "", is_share=True),
        Aim(f"PUT {label}, SSE-KMS: of the floor's speed", share_of_floor("PUT", kms), 0.7, "", is_share=True),
        Aim(f"PUT {label}, SSE-S3, one core: of MD5's own speed", rate / md5_rate, 0.85, "", is_share=True),
        Aim("Two PUTs at once, SSE-S3, all cores: of MD5's own", parallel / md5_rate / 1e9, 0.85, "", is_share=True),
        Aim("5 GiB there and back: growth of memory", growth, 64, "MiB"),
        Aim("1 MiB of 5 GiB against 1 MiB of 10 MiB", ranged, 1.2, "times"),
    ]


def _table(rows: list[Row], timings: dict[tuple[str, str, str], Timing], sizes: dict[str, int]) -> str:
    lines = []
    for label, size in sizes.items():
        for method in ("PUT", "GET"):
            floor = timings[label, method, "Floor"].milliseconds
            for row in rows:
                timing = timings[label, method, row.name]
                rate = size / timing.milliseconds / 1e3
                lines.append(
                    [
                        f"{method} {label}",
                        row.name,
                        f"{timing.milliseconds:,.2f}",
                        f"{rate:,.0f}" if size > 1024 else "-",
                        f"{timing.cpu_milliseconds:,.2f}",
                        f"{floor / timing.milliseconds:.0%}",
                    ]
                )
    return report.table(("Request", "Server", "ms", "MB/s", "CPU ms", "of the floor's speed"), lines)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.objects", description="Measure S3 beside its peers.")
    parser.add_argument("--quick", action="store_true", help="one round: a look, not a figure to quote")
    parser.add_argument("--large", action="store_true", help="objects of 1 GiB too, and one of 5 GiB")
    parser.add_argument("--without-peers", action="store_true", help="leave out moto and MiniStack (.venv-bench)")
    return parser.parse_args()


def _run(arguments: argparse.Namespace, directory: Path, stack: ExitStack) -> None:
    cores = processes.choose_cores()
    machine.touch_memory(directory, TOUCHED_BYTES_LARGE if arguments.large else TOUCHED_BYTES)
    starters = [servers.start_object_floor, servers.start_strongroom_behind_proxy]
    if not arguments.without_peers:
        starters += [servers.start_moto, servers.start_ministack]
    started = []
    for start in starters:
        started.append(start(directory, cores.server))
        stack.callback(started[-1].stop)
    stack.enter_context(processes.pinned_to(cores.load))
    rows, sizes = _rows(started, stack), SIZES | (LARGE if arguments.large else {})
    timings: dict[tuple[str, str, str], Timing] = {}
    for number in range(1 if arguments.quick else 3):
        for label, size in sizes.items():
            count = max(1, min(REQUESTS_MAX, BYTES_PER_ROUND // size))
            for method in ("PUT", "GET"):
                for row in rows:
                    _measure(row, method, size, 1, Timing())
                    timing = timings.setdefault((label, method, row.name), Timing())
                    _measure(row, method, size, count, timing)
        print(f"round {number + 1} done", file=sys.stderr, flush=True)
    md5_rate = _md5_gigabytes_per_second()
    plain = next(row for row in rows if row.name == "Strongroom SSE-S3")
    ours = next(server for server in started if server.name == "Strongroom")
    parallel = parallel_rate(ours.access, plain.pid, plain.bucket, plain.headers, SIZES["64 MiB"])
    huge = None
    if arguments.large:
        row = next(row for row in rows if row.name == "Strongroom SSE-KMS")
        huge = measure_huge_object(row.client, row.pid, row.bucket, row.headers)
    print(machine.describe())
    print(f"MD5 alone: {md5_rate:.2f} GB/s. One connection, one worker process and one core a server.\n")
    print(_table(rows, timings, sizes))
    if huge is not None:
        print(
            f"\n5 GiB, SSE-KMS: PUT {huge.put_megabytes_per_second:,.0f} MB/s, "
            f"GET {huge.get_megabytes_per_second:,.0f} MB/s, "
            f"memory grew by {huge.growth_bytes / 1024**2:.1f} MiB; 1 MiB of it in "
            f"{huge.ranged_milliseconds:.2f} ms, of 10 MiB in {huge.ranged_in_small_milliseconds:.2f} ms."
        )
    print(f"\n{report.aims_table(_aims(timings, sizes, md5_rate, parallel, huge))}")


def main() -> int:
    """Return the exit status (`status_of`)."""
    arguments = _arguments()
    return status_of(partial(_run, arguments), with_peers=not arguments.without_peers)


if __name__ == "__main__":
    sys.exit(main())
