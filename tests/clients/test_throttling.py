"""Clients that meet a request quota: those that back off get through, the others see what the bucket refuses."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.cli.operators_command import strongroom
from tests.client.kms_connection import connected
from tests.running_server import RunningServer, running_server

from strongroom.client import COMMITTING, AsyncEnvelopeClient, EnvelopeClient

SYMMETRIC = "L-6E3AF000"
THREADS = 16


class Crowd(NamedTuple):
    """What a crowd of threads saw: calls answered, calls throttled, and when it began and ended (monotonic seconds)."""

    answered: int
    throttled: int
    begin: float
    end: float


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that enforces request quotas."""
    home = tmp_path_factory.mktemp("strict")
    with running_server(home, environment={"STRONGROOM_REQUEST_QUOTAS": "on"}) as running:
        yield running


def encrypting(server: RunningServer, **retries: Any) -> Callable[[], None]:
    """Return what encrypts once, by one client of the server that retries so. Threads share it."""
    kms = server.client("kms", config=Config(retries=retries, max_pool_connections=THREADS))
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    return lambda: kms.encrypt(KeyId=key_id, Plaintext=b"x" * 64)


def crowd(step: Callable[[], object], calls: int) -> Crowd:
    """Make so many calls from a crowd of threads. Raises whatever is not a ThrottlingException."""
    left, answered, throttled, lock = calls, 0, 0, threading.Lock()

    def work() -> None:
        nonlocal left, answered, throttled
        while True:
            with lock:
                if left == 0:
                    return
                left -= 1
            try:
                step()
            except ClientError as error:
                if error.response["Error"]["Code"] != "ThrottlingException":
                    raise
                with lock:
                    throttled += 1
            else:
                with lock:
                    answered += 1

    begin = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        for future in [pool.submit(work) for _ in range(THREADS)]:
            future.result()
    return Crowd(answered, throttled, begin, time.monotonic())


def gets_through(server: RunningServer, step: Callable[[], object], calls: int, rate: int) -> float:
    """Assert that a client gets every call of a crowd through a quota; return how many seconds it took."""
    return got_through(server, lambda: crowd(step, calls), calls, rate)


def got_through(server: RunningServer, work: Callable[[], Crowd], calls: int, rate: int) -> float:
    before = throttled_by(server)
    strongroom(server, "quotas", "set", SYMMETRIC, str(rate))
    time.sleep(1.0)
    seen = work()
    assert (seen.answered, seen.throttled) == (calls, 0)
    seconds = seen.end - seen.begin
    assert seconds >= (calls - rate) / rate - 0.1
    # It was the retries that brought them through: the server did refuse.
    assert throttled_by(server) > before
    strongroom(server, "quotas", "reset", SYMMETRIC)
    return seconds


def throttled_by(server: RunningServer) -> int:
    """Return how many Encrypts the server has refused for their rate."""
    uses = json.loads(strongroom(server, "quotas", "--format", "json"))
    return sum(use["Throttled"] or 0 for use in uses if use["QuotaCode"] == SYMMETRIC)


@pytest.mark.parametrize("mode", ["standard", "adaptive"])
def test_boto3_gets_all_calls_through(strict: RunningServer, mode: str) -> None:
    # The figures of the documentation, 5,000 calls at 100 a second, take a minute for each mode (docs/quotas.md).
    assert gets_through(strict, encrypting(strict, mode=mode, max_attempts=12), calls=600, rate=100) < 60


def test_our_client_gets_all_calls_through_from_threads_and_from_tasks(strict: RunningServer) -> None:
    arn = strict.client("kms").create_key()["KeyMetadata"]["Arn"]
    half = 80

    async def tasks() -> int:
        async with AsyncEnvelopeClient(arn, kms=connected(strict), suite=COMMITTING, threads_max=THREADS) as client:
            return len(await asyncio.gather(*[client.encrypt(b"x" * 64) for _ in range(half)]))

    def work() -> Crowd:
        with EnvelopeClient(arn, kms=connected(strict, connections_max=THREADS), suite=COMMITTING) as client:
            seen = crowd(lambda: client.encrypt(b"x" * 64), half)
        return seen._replace(answered=seen.answered + asyncio.run(tasks()), end=time.monotonic())

    assert got_through(strict, work, calls=2 * half, rate=40) < 60


def test_without_retries_the_share_refused_is_what_the_bucket_refuses(strict: RunningServer) -> None:
    rate, calls = 50, 1_500
    step = encrypting(strict, total_max_attempts=1)
    strongroom(strict, "quotas", "set", SYMMETRIC, str(rate))
    time.sleep(1.0)
    seen = crowd(step, calls)
    expected = calls - rate - rate * (seen.end - seen.begin)
    assert seen.answered + seen.throttled == calls
    assert expected > calls / 10
    assert seen.throttled == pytest.approx(expected, rel=0.05)
    strongroom(strict, "quotas", "reset", SYMMETRIC)
