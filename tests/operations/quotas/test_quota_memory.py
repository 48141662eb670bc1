"""Token buckets in memory: a second's worth, refilled all the time, one truth for all processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.operations.quotas.memory import (
    BUCKETS_MAX,
    BUCKETS_PER_SET,
    Bucket,
    BucketMemory,
    BucketName,
)
from strongroom.operations.quotas.memory_file import ServedMemory

NAME = BucketName("kms/L-6E3AF000", "111122223333", "us-east-1")


@pytest.fixture(params=[False, True], ids=["one server", "shared"])
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BucketMemory]:
    served = ServedMemory(tmp_path / "quotas", is_shared=request.param)
    yield served.memory
    served.leave()


def name(number: int) -> BucketName:
    return NAME._replace(account_id=f"{number:012}")


def taken_from(memory: BucketMemory, bucket: Bucket, tries: int) -> int:
    return sum(memory.take(bucket) is True for _ in range(tries))


def use_of(memory: BucketMemory, name: BucketName = NAME) -> tuple[int, int]:
    return next((use.taken, use.throttled) for use in memory.uses() if use.name == name)


@pytest.mark.parametrize(("rate", "at_once"), [(0, 0), (0.1, 1), (0.5, 1), (1, 1), (2.5, 2), (5, 5), (100, 100)])
def test_a_bucket_holds_one_second_and_one_token_at_least(memory: BucketMemory, rate: float, at_once: int) -> None:
    bucket = memory.find(NAME, rate)
    before = time.monotonic()
    taken = taken_from(memory, bucket, at_once + 20)
    assert at_once <= taken <= at_once + 1 + rate * (time.monotonic() - before)
    assert use_of(memory) == (taken, at_once + 20 - taken)


def test_a_bucket_refills_continuously(memory: BucketMemory) -> None:
    bucket = memory.find(NAME, 200)
    begin = time.monotonic()
    assert taken_from(memory, bucket, 200) == 200
    taken, last = 200, begin
    while last < begin + 0.5:
        last = time.monotonic()
        taken += memory.take(bucket) is True
    assert 200 + 200 * 0.5 - 2 <= taken <= 200 + 200 * (time.monotonic() - begin) + 1


def test_an_infinite_rate_never_refuses(memory: BucketMemory) -> None:
    bucket = memory.find(NAME, float("inf"))
    assert taken_from(memory, bucket, 10_000) == 10_000
    assert use_of(memory)[1] == 0


def test_a_call_that_costs_two_takes_two_or_none(memory: BucketMemory) -> None:
    bucket = memory.find(NAME, 3)
    assert [memory.take(bucket, 2), memory.take(bucket, 2), memory.take(bucket)] == [True, False, True]
    assert use_of(memory) == (3, 2)


def test_a_few_requests_count_as_few_and_many_as_many(memory: BucketMemory) -> None:
    bucket = memory.find(NAME, 100_000)
    memory.take(bucket)
    assert use_of(memory) == (1, 0)
    assert taken_from(memory, bucket, 49_999) == 49_999
    # What was taken ahead of need is counted until it is given back, at the next request after a pause.
    assert 50_000 <= use_of(memory)[0] <= 50_100
    time.sleep(0.02)
    memory.take(bucket)
    assert use_of(memory) == (50_001, 0)


def test_what_is_taken_ahead_is_no_more_than_there_is(memory: BucketMemory) -> None:
    buckets = [memory.find(NAME, 20_000) for _ in range(3)]
    begin = time.monotonic()
    taken = sum(memory.take(bucket) is True for _ in range(12_000) for bucket in buckets)
    most = 20_000 + 20_000 * (time.monotonic() - begin)
    assert min(36_000, 20_000 - 3 * 20) <= taken <= most + 1


def test_each_name_has_a_bucket_of_its_own(memory: BucketMemory) -> None:
    others = [
        NAME._replace(quota_id="kms/L-2AC98190"),
        NAME._replace(account_id="111122223334"),
        NAME._replace(region="us-east-2"),
        NAME._replace(scope="cks-0123456789abcdef0"),
    ]
    buckets = [memory.find(each, 1) for each in (NAME, *others)]
    assert [memory.take(bucket) for bucket in buckets] == [True] * 5
    assert [memory.take(bucket) for bucket in buckets] == [False] * 5
    assert memory.find(NAME, 1).at == buckets[0].at
    assert {use.name for use in memory.uses()} == {NAME, *others}
    with pytest.raises(ValueError, match="too long"):
        memory.find(NAME._replace(scope="x" * 160), 1)


def test_buckets_that_nobody_took_from_yet_keep_their_places(memory: BucketMemory) -> None:
    buckets = [memory.find(name(number), 1) for number in range(64)]
    assert len({bucket.at for bucket in buckets}) == 64
    assert [memory.take(bucket) for bucket in buckets] == [True] * 64


def test_full_buckets_make_room_and_empty_ones_stay(memory: BucketMemory) -> None:
    empty = memory.find(NAME, 0.01)
    assert memory.take(empty)
    first = memory.find(name(0), 1)
    for number in range(BUCKETS_MAX + BUCKETS_PER_SET * 8):
        memory.find(name(number), 1)
    assert memory.take(empty) is False
    assert len(memory.uses()) <= BUCKETS_MAX
    # It does not matter that the first one went: it was full, and is when it is made anew.
    assert memory.take(first) in (None, True)
    assert memory.take(memory.find(name(0), 1)) in (True, False)


def test_a_place_that_another_bucket_took_is_told(memory: BucketMemory) -> None:
    first = memory.find(NAME, 1_000)
    assert memory.take(first)
    for number in range(2 * BUCKETS_MAX):
        memory.take(memory.find(name(number), 1_000))
    assert memory.take(first) is None
    assert memory.take(memory.find(NAME, 1_000)) is True


def test_no_bucket_is_emptier_than_empty(memory: BucketMemory) -> None:
    slow = memory.find(NAME, 0.001)
    assert memory.take(slow)
    assert memory.take(slow) is False
    # A thousand seconds would pass until it has a token again; at the new rate a hundredth of one.
    fast = memory.find(NAME, 100)
    memory.take(fast)
    time.sleep(0.05)
    assert memory.take(fast)


WORKER = """
import sys, time
from pathlib import Path
from strongroom.operations.quotas.memory import BucketName
from strongroom.operations.quotas.memory_file import ServedMemory
path, rate, seconds = Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
served = ServedMemory(path, is_shared=True)
bucket = served.memory.find(BucketName("kms/L-6E3AF000", "111122223333", "us-east-1"), rate)
print("ready", flush=True)
sys.stdin.readline()
taken, refused, first = 0, 0, time.monotonic()
while time.monotonic() < first + seconds:
    if served.memory.take(bucket):
        taken += 1
    else:
        refused += 1
print(taken, refused, first, time.monotonic(), flush=True)
sys.stdin.readline()
served.leave()
"""


@pytest.mark.parametrize("rate", [50, 5_000])
def test_it_is_exact_across_processes(tmp_path: Path, rate: float) -> None:
    path = tmp_path / "quotas"
    command = [sys.executable, "-c", WORKER, str(path), str(rate), "1.0"]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) for _ in range(4)
    ]
    pipes = [(worker.stdin, worker.stdout) for worker in workers if worker.stdin and worker.stdout]
    for _, told in pipes:
        assert told.readline() == "ready\n"
    for say, _ in pipes:
        say.write("go\n")
    results = [told.readline().split() for _, told in pipes]
    taken, refused = (sum(int(result[column]) for result in results) for column in (0, 1))
    begin, end = min(float(result[2]) for result in results), max(float(result[3]) for result in results)
    ahead = len(workers) * max(1, rate / 1000)
    assert refused > 0
    assert taken <= rate + rate * (end - begin) + 1
    # Somebody asked all the time, so that nothing flowed in without being taken; but all of them may have to wait.
    assert taken >= 0.97 * (rate + rate * 1.0) - ahead
    served = ServedMemory(path, is_shared=True)
    counted = use_of(served.memory)
    assert taken <= counted[0] <= taken + ahead
    assert counted[1] == refused
    served.leave()
    assert path.exists()
    for say, told in pipes:
        say.write("leave\n")
        say.close()
        told.close()
    assert [worker.wait(30) for worker in workers] == [0] * 4
    assert not path.exists()


HOLDER = """
import fcntl, os, sys, time
from pathlib import Path
from strongroom.operations.quotas.memory_file import ServedMemory
served = ServedMemory(Path(sys.argv[1]), is_shared=True)
descriptor = os.open(sys.argv[1], os.O_RDWR)
fcntl.flock(descriptor, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


def test_the_lock_of_a_killed_process_is_given_up(tmp_path: Path) -> None:
    served = ServedMemory(tmp_path / "quotas", is_shared=True)
    bucket = served.memory.find(NAME, 5)
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path / "quotas")], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait(30)
    holder.stdout.close()
    assert served.memory.take(bucket)
    served.leave()
    # Nobody is left who uses it, though one of them never said so.
    assert not (tmp_path / "quotas").exists()


def test_a_change_is_announced_to_all(memory: BucketMemory) -> None:
    before = memory.generation
    memory.announce_change()
    assert memory.generation != before
