"""Uploads side by side, with the server on all cores: an MD5 is computed beside what else there is to do.

On one core, taking bytes in and computing their MD5 add up. A server has more of them as a rule, and more clients.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.object_client import ObjectClient
from benchmarks.processes import core_count
from benchmarks.signed import Access

UPLOADS_AT_ONCE = 2
SECONDS = 4.0


def parallel_rate(access: Access, pid: int, bucket: str, headers: dict[str, str], size: int) -> float:
    """Return how many bytes a second the server takes in of objects of `size` bytes, sent over two connections.

    Raises StartError for a wrong answer.
    """
    body = os.urandom(size)
    sent: list[int] = []
    failures: list[BaseException] = []

    def upload(name: str, until: float) -> None:
        client = ObjectClient(access)
        try:
            while time.monotonic() < until:
                client.be_ready()
                client.request("PUT", f"/{bucket}/{name}", headers, body)
                sent.append(size)
        except BaseException as error:
            failures.append(error)
        finally:
            client.close()

    with _on_every_core(pid):
        begin = time.monotonic()
        threads = [
            threading.Thread(target=upload, args=(f"parallel-{number}", begin + SECONDS))
            for number in range(UPLOADS_AT_ONCE)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - begin
    if failures:
        raise failures[0]
    return sum(sent) / seconds


@contextmanager
def _on_every_core(pid: int) -> Iterator[None]:
    """Let every thread of a process, and of this one, run on every core."""
    threads = [int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir()]
    before = {thread: os.sched_getaffinity(thread) for thread in (0, *threads)}
    for thread in before:
        os.sched_setaffinity(thread, range(core_count()))
    try:
        yield
    finally:
        for thread, cores in before.items():
            os.sched_setaffinity(thread, cores)
