"""What a server for tests costs: `python -m benchmarks.throw_away [ROUNDS]`.

A session: from a Python that has imported nothing to a ready server and an imported boto3, in a process of its own
each. A test: an account with clients of KMS, S3 and Secrets Manager, made; and their first calls. Each is the best and
the median of its rounds, in milliseconds: of time, of CPU in the tests' process, of CPU in the server's.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from strongroom.testing import ThrowAwayServer

_SESSION = """
import time
begun = time.perf_counter()
from strongroom.testing import ThrowAwayServer
from benchmarks.throw_away import cpu_seconds
with ThrowAwayServer() as server:
    ready = time.perf_counter() - begun
    print(ready, time.process_time(), cpu_seconds(int((server.data / "lock").read_text())))
"""

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(process_id: int) -> float:
    """Return the CPU that a process has used, to a hundredth of a second."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def session() -> tuple[float, ...]:
    """Start one server in a new process of tests."""
    done = subprocess.run([sys.executable, "-c", _SESSION], capture_output=True, text=True, check=True)
    return tuple(float(word) for word in done.stdout.split())


def test_of(server: ThrowAwayServer) -> tuple[tuple[float, float], tuple[float, float]]:
    """Do what every test does: make an account and clients, then call."""
    begun, cpu = time.perf_counter(), time.process_time()
    account = server.make_account()
    kms, s3, secrets = (account.client(service) for service in ("kms", "s3", "secretsmanager"))
    made, cpu_made = time.perf_counter(), time.process_time()
    kms.list_keys()
    s3.list_buckets()
    secrets.list_secrets()
    called, cpu_called = time.perf_counter(), time.process_time()
    return (made - begun, cpu_made - cpu), (called - made, cpu_called - cpu_made)


def show(name: str, rounds: Sequence[Sequence[float]]) -> None:
    """Print the best and the median of each column."""
    columns = list(zip(*rounds, strict=True))
    figures = "  ".join(f"{1000 * min(one):7.1f} {1000 * statistics.median(one):7.1f}" for one in columns)
    print(f"{name:<28}  {figures}")


def main() -> None:
    """Measure, and print a table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    print(f"{'best and median, ms':<28}  {'time':^15}  {'CPU, tests':^15}  {'CPU, server':^15}")
    show("a session", [session() for _ in range(rounds)])
    with ThrowAwayServer() as server:
        test_of(server)
        tests = [test_of(server) for _ in range(2 * rounds)]
    show("a test: account, 3 clients", [made for made, _ in tests])
    show("their first calls", [called for _, called in tests])


if __name__ == "__main__":
    main()
