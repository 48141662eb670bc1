"""A server that is killed while workers call it, and what they and its database have to say afterwards."""

import http.client
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.faults.plain_client import PlainClient
from tests.running_server import RunningServer

ROUNDS, ROUNDS_MAX = 5, 25
LOAD_SECONDS_MAX = 1.2
JOIN_SECONDS_MAX = 30.0


class LoadWorker:
    """Calls the server until it is gone, and remembers what it acknowledged."""

    def __init__(self, number: int) -> None:
        self.random = random.Random(number)
        self.number = number
        self.failure: BaseException | None = None

    def step(self, client: PlainClient) -> None:
        """Do the next thing. Every call in it may be the last that the server hears of."""
        raise NotImplementedError

    def work(self, server: RunningServer, start: threading.Barrier) -> None:
        """Take steps until the server is gone; keep any other failure."""
        client = PlainClient(server, secure=self.number % 2 == 0)
        start.wait()
        try:
            while True:
                self.step(client)
        except (OSError, http.client.HTTPException):
            client.close()
        except BaseException as failure:
            self.failure = failure
            raise


def kill_under_load(server: RunningServer, workers: Sequence[LoadWorker]) -> None:
    """Let all workers work, kill the server at some moment, and start it again. Raises what a worker met besides."""
    start = threading.Barrier(len(workers) + 1)
    threads = [threading.Thread(target=worker.work, args=(server, start)) for worker in workers]
    for thread in threads:
        thread.start()
    start.wait()
    time.sleep(random.uniform(0.1, LOAD_SECONDS_MAX))
    server.kill()
    for thread in threads:
        thread.join(timeout=JOIN_SECONDS_MAX)
        assert not thread.is_alive()
    for worker in workers:
        assert worker.failure is None, worker.failure
    server.start()


def kill_again_and_again(
    server: RunningServer,
    workers: Sequence[LoadWorker],
    verify: Callable[[], None],
    is_enough: Callable[[], bool],
) -> None:
    """Kill the server and verify what it has, some times over, and on a busy machine until enough has been done."""
    rounds = 0
    while rounds < ROUNDS or not is_enough():
        assert rounds < ROUNDS_MAX, "the workers got too little done"
        kill_under_load(server, workers)
        verify()
        rounds += 1


def assert_whole(server: RunningServer, queries: Mapping[str, str]) -> None:
    """Assert that nothing in a stopped server's database is half made: each query finds what must not be there."""
    connection = sqlite3.connect(server.data / "strongroom.db")
    try:
        for what, query in queries.items():
            found: list[Any] = connection.execute(query).fetchall()
            assert found == [], what
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    finally:
        connection.close()
