"""Rounds: every server in turn, then all of them again, so that a busy spell of the machine falls on all alike."""

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks import processes
from benchmarks.load import Load, WrongAnswerError
from benchmarks.signed import CONTEXT, Access, Pool

# CPU time is read this long after the last answer, so that work put off until then (an audit trail) is counted too.
SETTLE_SECONDS = 0.2
SAMPLES_CHECKED = 4


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one operation on one server. `other_work` is the part of the machine that others used meanwhile."""

    requests: int
    seconds: float
    cpu_seconds: float
    connections_opened: int
    other_work: float

    @property
    def requests_per_second(self) -> float:
        """Answers over the time from the first request to the last answer."""
        return self.requests / self.seconds

    @property
    def cpu_microseconds(self) -> float:
        """User and system time of the server's process tree for each request."""
        return self.cpu_seconds / self.requests * 1e6


@dataclass(slots=True)
class Series:
    """All rounds of one operation on one server."""

    server: str
    operation: str
    samples: list[Sample] = field(default_factory=list)

    def spread(self, figure: Callable[[Sample], float]) -> tuple[float, float, float]:
        """Return the median, the least and the greatest of a figure over the rounds."""
        values = [figure(sample) for sample in self.samples]
        return median(values), min(values), max(values)

    @property
    def cpu_microseconds(self) -> float:
        """The median over the rounds."""
        return median(sample.cpu_microseconds for sample in self.samples)


@dataclass(slots=True)
class Subject:
    """A server under load, with the requests made for it.

    `client` decrypts what is checked; the floor has none, for nothing there encrypts. `checks_signatures` was found out
    by asking with a wrong one.
    """

    name: str
    pid: int
    load: Load
    pools: list[Pool]
    client: Any | None
    checks_signatures: bool

    def warm_up(self, seconds: float) -> None:
        """Send each operation for a while, so that imports, caches and connections are behind us."""
        for pool in self.pools:
            self.load.use(pool)
            self.load.run(seconds=seconds)

    def measure(self, pool: Pool, seconds: float) -> Sample:
        """Run one round and check some of its answers by decrypting them. Raises WrongAnswerError."""
        self.load.use(pool)
        # Connections that the server closed since the last round are opened again before the clocks are read.
        self.load.run(requests_max=2 * len(self.load.clients))
        cpu, own, busy, begin = self._clocks()
        run = self.load.run(seconds=seconds)
        time.sleep(SETTLE_SECONDS)
        cpu_after, own_after, busy_after, end = self._clocks()
        others = (busy_after - busy) - (cpu_after - cpu) - (own_after - own)
        capacity = (end - begin) * processes.core_count()
        if self.client is not None:
            check_round_trips(self.client, pool, run.bodies)
        return Sample(run.requests, run.seconds, cpu_after - cpu, run.connections_opened, max(0.0, others / capacity))

    def _clocks(self) -> tuple[float, float, float, float]:
        server = processes.cpu_seconds(self.pid)
        return server, time.process_time(), processes.machine_busy_seconds(), time.perf_counter()


def check_round_trips(client: Any, pool: Pool, bodies: list[bytes]) -> None:
    """Decrypt a few of the latest answers with boto3 and compare, or judge them otherwise. Raises WrongAnswerError."""
    answered = [index for index, body in enumerate(bodies) if body]
    for index in answered[:: max(1, len(answered) // SAMPLES_CHECKED)][:SAMPLES_CHECKED]:
        answer = json.loads(bodies[index])
        if pool.is_right is not None:
            if not pool.is_right(index, answer):
                raise WrongAnswerError(f"{pool.operation}: what was answered does not hold")
            continue
        if pool.operation == "Decrypt":
            got, expected = base64.b64decode(answer["Plaintext"]), pool.plaintexts[index]
        else:
            context = CONTEXT if pool.operation == "Encrypt" else {**CONTEXT, "tenant": f"{index:016x}"}
            blob = base64.b64decode(answer["CiphertextBlob"])
            got = client.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"]
            is_data_key = pool.operation == "GenerateDataKey"
            expected = base64.b64decode(answer["Plaintext"]) if is_data_key else pool.plaintexts[index]
        if got != expected:
            raise WrongAnswerError(f"{pool.operation}: what was decrypted is not what was encrypted")


def answered(access: Access, pool: Pool, member: str) -> list[bytes]:
    """Send each request of a pool once and return a member of the answers (Base64 there), in order."""
    load = Load(access.endpoint, pool, connections=1, ca_bundle=access.ca_bundle)
    try:
        load.run(requests_max=len(pool.wire))
        return [base64.b64decode(json.loads(body)[member]) for body in load.bodies]
    finally:
        load.close()


def run_rounds(subjects: list[Subject], rounds: int, seconds: float, tell: Callable[[str], None]) -> list[Series]:
    """Measure every operation of every subject, `rounds` times over, each time for `seconds`."""
    series: dict[tuple[str, str], Series] = {}
    operations = dict.fromkeys(pool.operation for subject in subjects for pool in subject.pools)
    for number in range(rounds):
        for operation in operations:
            for subject in subjects:
                for pool in subject.pools:
                    if pool.operation == operation:
                        one = series.setdefault((operation, subject.name), Series(subject.name, operation))
                        one.samples.append(subject.measure(pool, seconds))
        tell(f"round {number + 1} of {rounds} done")
    return list(series.values())
