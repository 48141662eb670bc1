"""SIGKILL while events are put: every batch that was acknowledged is there whole, the others whole or not at all."""

import random
import threading
import time
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError
from tests.faults.test_canary_logs import BASE, key_for
from tests.running_server import RunningServer, eventually, running_server

ROUNDS = 4
WORKERS = 4
STEPS_MIN = 12
LOAD_SECONDS_MAX = 0.4
GROUPS = ("plain", "keyed")


class Worker:
    """Puts batches into a stream of its own; remembers those that were acknowledged, and those that may be there."""

    def __init__(self, number: int) -> None:
        self.random = random.Random(number)
        self.group = GROUPS[number % len(GROUPS)]
        self.stream = f"worker-{number}"
        self.acknowledged: dict[str, int] = {}
        self.unknown: dict[str, int] = {}
        self.done = 0
        self.failure: BaseException | None = None

    def work(self, server: RunningServer) -> None:
        """Put batches until the server is gone."""
        logs = client_of(server)
        try:
            while True:
                self._step(logs)
        except BotoCoreError:
            pass
        except BaseException as failure:
            self.failure = failure
            raise

    def _step(self, logs: Any) -> None:
        name, count = f"{self.random.getrandbits(64):016x}", self.random.choice((1, 2, 50, 1_000))
        now = int(time.time() * 1000)
        events = [{"timestamp": now + index // 100, "message": f"{name} {index} of {count}"} for index in range(count)]
        self.unknown[name] = count
        logs.put_log_events(logGroupName=self.group, logStreamName=self.stream, logEvents=events)
        self.acknowledged[name] = self.unknown.pop(name)
        self.done += 1


def client_of(server: RunningServer) -> Any:
    return server.client("logs", config=Config(retries={"total_max_attempts": 1}, read_timeout=20))


def done(workers: list[Worker]) -> int:
    return sum(worker.done for worker in workers)


def every_message(logs: Any, worker: Worker) -> list[str]:
    named = {"logGroupName": worker.group, "logStreamName": worker.stream, "startFromHead": True}
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = logs.get_log_events(**named, **token)
        found += [event["message"] for event in page["events"]]
        if token.get("nextToken") == page["nextForwardToken"]:
            return found
        token = {"nextToken": page["nextForwardToken"]}


def verify(server: RunningServer, workers: list[Worker]) -> int:
    """Assert that what was acknowledged is there, once, and nothing by halves; return how many events there are."""
    logs, total = client_of(server), 0
    for worker in workers:
        messages = every_message(logs, worker)
        total += len(messages)
        counts: dict[str, int] = {}
        for message in messages:
            name = message.partition(" ")[0]
            counts[name] = counts.get(name, 0) + 1
        assert len(set(messages)) == len(messages)
        for name, count in worker.acknowledged.items():
            assert counts.pop(name, 0) == count, f"an acknowledged batch of {count} events is not whole"
        for name, count in counts.items():
            assert worker.unknown[name] == count, "a batch is there by halves"
        shown = logs.describe_log_streams(logGroupName=worker.group, logStreamNamePrefix=worker.stream)["logStreams"][0]
        assert ("lastEventTimestamp" in shown) == bool(messages)
    return total


def test_no_acknowledged_batch_is_lost(tmp_path: Path) -> None:
    workers = [Worker(number) for number in range(WORKERS)]
    pauses = random.Random(5)
    with running_server(tmp_path) as server:
        logs = client_of(server)
        logs.create_log_group(logGroupName="plain")
        logs.create_log_group(logGroupName="keyed", kmsKeyId=key_for(server, f"{BASE}:log-group:keyed"))
        for worker in workers:
            logs.create_log_stream(logGroupName=worker.group, logStreamName=worker.stream)
        for _ in range(ROUNDS):
            threads = [threading.Thread(target=worker.work, args=(server,)) for worker in workers]
            for thread in threads:
                thread.start()
            busy = done(workers) + STEPS_MIN
            eventually(60, lambda busy=busy: done(workers) >= busy or any(worker.failure for worker in workers))
            time.sleep(pauses.uniform(0, LOAD_SECONDS_MAX))
            server.kill()
            for thread in threads:
                thread.join()
            assert [worker.failure for worker in workers if worker.failure is not None] == []
            server.start()
            assert verify(server, workers) > 0
