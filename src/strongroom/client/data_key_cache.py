"""Data keys kept for a while, so that many messages need one call to KMS.

Source: AWS Encryption SDK Developer Guide, "Data key caching details" and "Setting cache security thresholds". There,
the first use of a data key is exempt from the limits, and it ages from when it is kept. Here the first use counts like
every other, and the age begins before KMS is asked: no limit is exceeded, except by a data key that takes longer to
come than it may be kept: it serves the one message that it was asked for.
"""

import dataclasses
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from strongroom.client.after_fork import start_afresh_after_fork
from strongroom.client.errors import Closed
from strongroom.client.messages.materials import DecryptionMaterials, EncryptionMaterials

MESSAGES_MAX = 2**32
BYTES_MAX = 2**63 - 1

Materials = TypeVar("Materials", EncryptionMaterials, DecryptionMaterials)


def steady_clock() -> float:
    """Return seconds that never run backwards, and go on while the machine sleeps, where it can tell."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheLimits:
    """How long, and for how much, a data key is used again. Immutable.

    `messages_max` and `bytes_max` (of plaintext) bound what one data key encrypts; reading is bounded by age alone.
    `entries_max` data keys are kept for writing and as many for reading; beyond, the one that was used longest ago
    goes. Raises ValueError for limits that are not positive or above AWS's (2**32 messages, 2**63-1 bytes).
    """

    age_seconds_max: float
    messages_max: int = MESSAGES_MAX
    bytes_max: int = BYTES_MAX
    entries_max: int = 100

    def __post_init__(self) -> None:
        if not self.age_seconds_max > 0 or self.entries_max < 1:
            raise ValueError("a data key is kept for more than 0 seconds, and the cache has room for one at least")
        if not 1 <= self.messages_max <= MESSAGES_MAX:
            raise ValueError(f"a data key encrypts 1 to {MESSAGES_MAX} messages")
        if not 0 <= self.bytes_max <= BYTES_MAX:
            raise ValueError(f"a data key encrypts 0 to {BYTES_MAX} bytes")


class Flight:
    """A question to KMS that is on its way, for all who miss the same data key at once: one of them asks."""

    __slots__ = ("began", "done", "entry_id")

    def __init__(self, entry_id: bytes, began: float) -> None:
        self.entry_id = entry_id
        self.began = began
        self.done: Future[Exception | None] = Future()


@dataclass(slots=True, repr=False)
class _Entry(Generic[Materials]):
    materials: Materials
    expires: float
    messages: int
    bytes: int


class DataKeyCache(Generic[Materials]):
    """Data keys by what they are for. Safe to share between threads.

    Whoever takes one gets a copy, and overwrites it after use (`wipe`), for the cache overwrites its own as soon as the
    key is no longer to be used. It is neither shown nor pickled, and a forked child begins with an empty one.
    """

    def __init__(self, limits: CacheLimits, clock: Callable[[], float] = steady_clock) -> None:
        self.limits = limits
        self._clock = clock
        self._entries: OrderedDict[bytes, _Entry[Materials]] = OrderedDict()
        self._flights: dict[bytes, Flight] = {}
        self._lock = threading.Lock()
        self._next_expiry = float("inf")
        self._is_closed = False
        start_afresh_after_fork(self)

    def __repr__(self) -> str:
        return f"DataKeyCache({len(self)} data keys hidden)"

    def __len__(self) -> int:
        return len(self._entries)

    def __reduce_ex__(self, protocol: object) -> str:
        raise TypeError("data keys are not copied or pickled")

    def __del__(self) -> None:
        for entry in self._entries.values():
            wipe(entry.materials)

    def take(self, entry_id: bytes, length_bytes: int | None = None) -> "Materials | Flight | Future[Exception | None]":
        """Return a copy of the data key; or a flight, which the caller is to make; or the end of somebody else's.

        With a `length_bytes`, one message of that length is counted. Whoever makes a flight ends it with `land` or
        `crash`, whatever happens. The others wait for its end: the error that it failed with, or None, which is to take
        again. Raises Closed.
        """
        with self._lock:
            if self._is_closed:
                raise Closed
            now = self._clock()
            self._drop_expired(now)
            entry = self._entries.get(entry_id)
            if entry is not None:
                if self._count(entry, length_bytes):
                    self._entries.move_to_end(entry_id)
                    return _copy(entry.materials)
                self._drop(entry_id)
            flight = self._flights.get(entry_id)
            if flight is not None:
                return flight.done
            flight = self._flights[entry_id] = Flight(entry_id, now)
            return flight

    def land(self, flight: Flight, materials: Materials, length_bytes: int | None = None) -> Materials:
        """Keep what the flight brought, of which one message is already counted, and return a copy of it."""
        expires = flight.began + self.limits.age_seconds_max
        is_kept = False
        try:
            with self._lock:
                # A flight that was grounded meanwhile (`clear`) brings a key for the one who asked, and nobody else.
                is_current = self._end(flight)
                entry = _Entry(materials, expires, 0, 0)
                copy = _copy(materials)
                if is_current and self._count(entry, length_bytes) and self._clock() < expires:
                    self._entries[flight.entry_id] = entry
                    is_kept = True
                    self._next_expiry = min(self._next_expiry, expires)
                    while len(self._entries) > self.limits.entries_max:
                        self._drop(next(iter(self._entries)))
        finally:
            # Whatever happened, nobody waits any longer.
            if not is_kept:
                wipe(materials)
            _tell_those_who_wait(flight, None)
        return copy

    def crash(self, flight: Flight, error: BaseException) -> None:
        """End a flight that brought nothing. Those who wait fail alike, unless it was only given up by its maker.

        One that has landed stays so.
        """
        with self._lock:
            self._end(flight)
        _tell_those_who_wait(flight, error if isinstance(error, Exception) else None)

    def clear(self) -> None:
        """Overwrite and forget all data keys. What is being asked for will not be kept either."""
        with self._lock:
            self._flights.clear()
            for entry_id in list(self._entries):
                self._drop(entry_id)
            self._next_expiry = float("inf")

    def close(self) -> None:
        """Overwrite and forget all data keys, for good."""
        self._is_closed = True
        self.clear()

    def start_afresh(self) -> None:
        """Forget everything, in a forked child: nobody there waits for a flight, and the lock may be held by nobody."""
        self._lock = threading.Lock()
        self.clear()

    def _end(self, flight: Flight) -> bool:
        """Return whether the flight is the one that others wait for, and have nobody else wait for it."""
        if self._flights.get(flight.entry_id) is not flight:
            return False
        del self._flights[flight.entry_id]
        return True

    def _count(self, entry: _Entry[Materials], length_bytes: int | None) -> bool:
        """Count a message. Return False, and count nothing, when that is more than the limits allow."""
        if length_bytes is None:
            return True
        if entry.messages + 1 > self.limits.messages_max or entry.bytes + length_bytes > self.limits.bytes_max:
            return False
        entry.messages += 1
        entry.bytes += length_bytes
        return True

    def _drop_expired(self, now: float) -> None:
        if now < self._next_expiry:
            return
        for entry_id in [entry_id for entry_id, entry in self._entries.items() if entry.expires <= now]:
            self._drop(entry_id)
        self._next_expiry = min((entry.expires for entry in self._entries.values()), default=float("inf"))

    def _drop(self, entry_id: bytes) -> None:
        wipe(self._entries.pop(entry_id).materials)


def _tell_those_who_wait(flight: Flight, error: Exception | None) -> None:
    if not flight.done.done():
        flight.done.set_result(error)


def wipe(materials: EncryptionMaterials | DecryptionMaterials) -> None:
    """Overwrite a data key. What the interpreter and the libraries copied of it on the way is out of reach."""
    if isinstance(materials.data_key, bytearray):
        materials.data_key[:] = bytes(len(materials.data_key))


def _copy(materials: Materials) -> Materials:
    return dataclasses.replace(materials, data_key=bytearray(materials.data_key))
