"""The state of the token buckets, in memory that all servers of one machine on one store share.

    header:   8 bytes that tell the format | generation | serial | seed of the buckets' places (16 bytes) | free
    numbers:  for each bucket: serial, full at, taken, throttled
    names:    for each bucket: quota, account, Region and scope, a line each, filled up with zero bytes

All numbers are doubles. A bucket needs one: the time at which it will be full again, in seconds of the machine's
monotonic clock, which no one can move. To take a token puts that time off by what a token takes to flow in; when it
would lie too far ahead, the bucket is empty. One number is written at once: a process that dies has changed it or not.

A bucket's place follows from its name; where places are short, a bucket that has long been full makes room, for it
would be made anew as it was.
"""

import contextlib
import fcntl
import math
import mmap
import os
import time
from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

BUCKETS_MAX = 4_096
BUCKETS_PER_SET = 16
NAME_BYTES = 160

AHEAD_SECONDS = 0.01
AHEAD_SHARE = 0.001
AHEAD_MAX = 1_000
"""A server under load takes up to a thousandth of a second's worth ahead, for at most `AHEAD_SECONDS`, so as to look at
the memory, and lock it, less often. It begins with one request and doubles while requests come so fast."""

FORMAT = b"SRQUOTA1"
"""What such a file begins with; another layout has another."""

_GENERATION, _SERIAL = 1, 2
_SEED = slice(24, 40)
_HEADER_NUMBERS = 8
_NUMBERS_PER_BUCKET = 4
_FULL_AT, _TAKEN, _THROTTLED = 1, 2, 3
_SETS = BUCKETS_MAX // BUCKETS_PER_SET
_NUMBERS_BYTES = 8 * (_HEADER_NUMBERS + _NUMBERS_PER_BUCKET * BUCKETS_MAX)
FILE_BYTES = _NUMBERS_BYTES + NAME_BYTES * BUCKETS_MAX


def empty_memory() -> bytes:
    """Return the content of a file without buckets."""
    return (FORMAT + bytes(16) + os.urandom(16)).ljust(FILE_BYTES, b"\0")


class BucketName(NamedTuple):
    """Whose requests a bucket counts: the quota's id (`kms/L-6E3AF000`), account, Region, and a scope within them."""

    quota_id: str
    account_id: str
    region: str
    scope: str = ""

    def encoded(self) -> bytes:
        """Return the name as it is kept. Raises ValueError for one that is too long."""
        text = "\n".join(self).encode()
        if len(text) > NAME_BYTES:
            raise ValueError("the name of a bucket is too long")
        return text.ljust(NAME_BYTES, b"\0")


class Bucket:
    """One bucket as one server knows it: its place, its rate, and what the server has taken from it ahead of need.

    `at` is the place in the numbers, as long as `serial` is there too. A token flows in within `step` seconds, and an
    empty bucket is full after `room` seconds: it holds one second's worth, and one token at least. Where it would be
    full later than in `room_most` seconds, it has not enough.
    """

    __slots__ = ("ahead", "ahead_max", "ahead_until", "at", "batch", "room", "room_most", "serial", "step")

    def __init__(self, at: int, serial: float, rate: float) -> None:
        """Take the rate in requests a second: none are let through for 0, and all for an infinite one."""
        self.at = at
        self.serial = serial
        self.step = 1 / rate if rate else math.inf
        self.room = max(1.0, self.step) if rate else 0.0
        # A thousandth of a request makes up for what adding rounds.
        self.room_most = self.room + self.step / 1000 if rate else 0.0
        self.ahead = 0
        self.ahead_until = 0.0
        self.batch = 0
        self.ahead_max = int(min(rate * AHEAD_SHARE, AHEAD_MAX))


class BucketUse(NamedTuple):
    """How many requests one bucket let through and refused since its memory was made."""

    name: BucketName
    taken: int
    throttled: int


class BucketMemory:
    """The buckets, in a file of `FILE_BYTES` bytes that is this object's to close.

    `is_shared` says that other processes may take from them, so that every change is made under a lock. The lock is the
    kernel's (flock), which is given up when its holder dies; it is held for a few microseconds.
    """

    def __init__(self, descriptor: int, *, is_shared: bool) -> None:
        self._descriptor = descriptor
        self.is_shared = is_shared
        self._memory = mmap.mmap(descriptor, FILE_BYTES)
        self._bytes = memoryview(self._memory)
        self._numbers = self._bytes[:_NUMBERS_BYTES].cast("d")

    def close(self) -> None:
        """Let go of the memory."""
        self._numbers.release()
        self._bytes.release()
        self._memory.close()
        os.close(self._descriptor)

    @property
    def generation(self) -> float:
        """A number that changes when the values of quotas in the database have changed."""
        return self._numbers[_GENERATION]

    def announce_change(self) -> None:
        """Tell every server that shares this memory that values of quotas have changed."""
        with _locked(self._descriptor):
            self._numbers[_GENERATION] += 1

    def find(self, name: BucketName, rate: float) -> Bucket:
        """Return the bucket of that name, made full when there is none. `rate` is in requests a second.

        Raises ValueError for a name that is too long.
        """
        encoded = name.encoded()
        digest = blake2b(encoded, digest_size=8, key=bytes(self._bytes[_SEED])).digest()
        first = int.from_bytes(digest, "big") % _SETS * BUCKETS_PER_SET
        with _locked(self._descriptor) if self.is_shared else contextlib.nullcontext():
            at = self._place_of(encoded, first)
            return Bucket(at, self._numbers[at], rate)

    def take(self, bucket: Bucket, requests: int = 1) -> bool | None:
        """Take tokens for `requests`. False when there are too few; None when another bucket has taken the place."""
        if bucket.ahead and requests == 1 and time.monotonic() < bucket.ahead_until:
            bucket.ahead -= 1
            return True
        if not self.is_shared:
            return self._take(bucket, requests)
        # Written out, for a context manager costs more than the lock.
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            return self._take(bucket, requests)
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _take(self, bucket: Bucket, requests: int) -> bool | None:
        numbers, at, step, room = self._numbers, bucket.at, bucket.step, bucket.room
        if numbers[at] != bucket.serial:
            return None
        now = time.monotonic()
        if bucket.ahead:
            self._give_back(bucket)
        elif bucket.ahead_max and now < bucket.ahead_until:
            bucket.batch = min(bucket.batch * 2 + 1, bucket.ahead_max)
        else:
            bucket.batch = 0
        bucket.ahead_until = now + AHEAD_SECONDS
        full_at = numbers[at + _FULL_AT]
        if full_at < now:
            full_at = now
        elif full_at > now + room:
            # No bucket is emptier than empty, though its rate was raised or the machine's clock began anew.
            full_at = numbers[at + _FULL_AT] = now + room
        full_at += requests * step
        full_at_most = now + bucket.room_most
        if full_at > full_at_most:
            numbers[at + _THROTTLED] += requests
            return False
        ahead = bucket.batch
        if ahead and full_at + ahead * step <= full_at_most:
            full_at += ahead * step
            bucket.ahead = ahead
            requests += ahead
        numbers[at + _FULL_AT] = full_at
        numbers[at + _TAKEN] += requests
        return True

    def _give_back(self, bucket: Bucket) -> None:
        """Put back what was taken ahead and not needed, and take no more ahead until it is again."""
        self._numbers[bucket.at + _FULL_AT] -= bucket.ahead * bucket.step
        self._numbers[bucket.at + _TAKEN] -= bucket.ahead
        bucket.ahead = bucket.batch = 0

    def uses(self) -> list[BucketUse]:
        """Return what every bucket let through and refused. Nobody waits for it."""
        numbers = self._numbers
        found = []
        for at in range(_HEADER_NUMBERS, len(numbers), _NUMBERS_PER_BUCKET):
            serial = numbers[at]
            if not serial:
                continue
            name, taken, throttled = bytes(self._name(at)), numbers[at + _TAKEN], numbers[at + _THROTTLED]
            # A place changes hands with the serial zero: whoever sees the same one afterwards has read one bucket.
            if numbers[at] == serial:
                parts = name.rstrip(b"\0").decode().split("\n")
                found.append(BucketUse(BucketName(*parts), int(taken), int(throttled)))
        return found

    def _name(self, at: int) -> memoryview:
        start = _NUMBERS_BYTES + (at - _HEADER_NUMBERS) // _NUMBERS_PER_BUCKET * NAME_BYTES
        return self._bytes[start : start + NAME_BYTES]

    def _place_of(self, encoded: bytes, first: int) -> int:
        """Return where the bucket with the encoded name is, among the places of the set that begins with `first`."""
        numbers = self._numbers
        begin = _HEADER_NUMBERS + first * _NUMBERS_PER_BUCKET
        places = range(begin, begin + BUCKETS_PER_SET * _NUMBERS_PER_BUCKET, _NUMBERS_PER_BUCKET)
        for at in places:
            if numbers[at] and self._name(at) == encoded:
                return at
        # A place that is free has the time zero; of the others, the bucket that has been full for longest goes. A new
        # one is full from now on, so that the next does not take its place for a free one.
        at = min(places, key=lambda place: numbers[place + _FULL_AT])
        numbers[_SERIAL] += 1
        numbers[at] = 0.0
        self._name(at)[:] = encoded
        numbers[at + _FULL_AT] = time.monotonic()
        numbers[at + _TAKEN] = numbers[at + _THROTTLED] = 0.0
        numbers[at] = numbers[_SERIAL]
        return at


@contextlib.contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
