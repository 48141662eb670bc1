"""Which data key is used again, how often and how long; and what is left of it afterwards."""

import os
import pickle
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.client.data_key_cache import CacheLimits, DataKeyCache, Flight
from strongroom.client.errors import Closed
from strongroom.client.messages.algorithm_suites import COMMITTING
from strongroom.client.messages.encrypted_data_key import EncryptedDataKey
from strongroom.client.messages.materials import EncryptionMaterials

NOTHING = bytes(32)


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


def fresh() -> EncryptionMaterials:
    return EncryptionMaterials(COMMITTING, bytearray(os.urandom(32)), (EncryptedDataKey.of_kms("a", b"c"),), {})


def cache_of(time: Time, **limits: float) -> DataKeyCache[EncryptionMaterials]:
    chosen = {"age_seconds_max": 60.0} | limits
    return DataKeyCache(CacheLimits(**chosen), time)  # type: ignore[arg-type]


def use(
    cache: DataKeyCache[EncryptionMaterials], name: bytes = b"a", length: int = 1
) -> tuple[EncryptionMaterials, bool]:
    """Use a data key as a client does, and return it with whether it was asked for."""
    taken = cache.take(name, length)
    if isinstance(taken, EncryptionMaterials):
        return taken, False
    assert isinstance(taken, Flight)
    return cache.land(taken, fresh(), length), True


def missed(cache: DataKeyCache[EncryptionMaterials], name: bytes = b"a") -> Flight:
    taken = cache.take(name, 1)
    assert isinstance(taken, Flight)
    return taken


def asked(cache: DataKeyCache[EncryptionMaterials], *uses: tuple[bytes, int]) -> list[bool]:
    return [use(cache, name, length)[1] for name, length in uses]


def test_the_messages_are_counted_exactly() -> None:
    cache = cache_of(Time(), messages_max=3)
    assert asked(cache, *[(b"a", 1)] * 7) == [True, False, False, True, False, False, True]


def test_the_bytes_are_counted_exactly() -> None:
    cache = cache_of(Time(), bytes_max=10)
    assert asked(cache, (b"a", 4), (b"a", 6), (b"a", 1), (b"a", 9), (b"a", 0)) == [True, False, True, False, False]
    # What is too long for what is left takes a new data key, even where a shorter message would have fit.
    assert asked(cache, (b"b", 9), (b"b", 2), (b"b", 1)) == [True, True, False]


def test_a_data_key_ages_from_before_it_was_asked_for() -> None:
    time = Time()
    cache = cache_of(time)
    flight = missed(cache)
    time.seconds += 50
    cache.land(flight, fresh(), 1)
    time.seconds += 9.9
    assert asked(cache, (b"a", 1)) == [False]
    time.seconds += 0.1
    assert asked(cache, (b"a", 1)) == [True]


def test_one_that_is_old_when_it_comes_is_not_kept() -> None:
    time = Time()
    cache = cache_of(time)
    flight = missed(cache)
    time.seconds += 60
    materials = fresh()
    assert cache.land(flight, materials, 1).data_key != NOTHING
    assert (materials.data_key, len(cache)) == (NOTHING, 0)


def test_the_one_used_longest_ago_goes() -> None:
    cache = cache_of(Time(), entries_max=2)
    assert asked(cache, (b"a", 1), (b"b", 1), (b"a", 1), (b"c", 1)) == [True, True, False, True]
    assert asked(cache, (b"a", 1), (b"c", 1), (b"b", 1)) == [False, False, True]


@pytest.mark.parametrize("why", ["age", "messages", "capacity", "clear", "close", "collected"])
def test_a_data_key_is_overwritten_when_it_goes(why: str) -> None:
    time = Time()
    cache = cache_of(time, messages_max=2, entries_max=1)
    flight = missed(cache)
    kept = fresh()
    copy = cache.land(flight, kept, 1)
    before = bytes(kept.data_key)
    assert copy.data_key == before != NOTHING
    if why == "age":
        time.seconds += 60
        cache.take(b"another", 1)
    elif why == "messages":
        use(cache)
        use(cache)
    elif why == "capacity":
        use(cache, b"b")
    elif why == "collected":
        del cache
    else:
        getattr(cache, why)()
    assert kept.data_key == NOTHING
    # Whoever is at work with it has a copy.
    assert copy.data_key == before


def test_a_closed_cache_gives_nothing() -> None:
    cache = cache_of(Time())
    use(cache)
    cache.close()
    with pytest.raises(Closed):
        cache.take(b"a", 1)


def test_what_lands_after_a_clear_is_not_kept() -> None:
    cache = cache_of(Time())
    first = missed(cache)
    cache.clear()
    second = missed(cache)
    assert cache.land(first, fresh(), 1).data_key != NOTHING
    assert len(cache) == 0
    # The first flight's end did not end the second one.
    assert cache.take(b"a", 1) is second.done
    cache.land(second, fresh(), 1)
    assert len(cache) == 1


@given(
    uses=st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.integers(0, 12), st.floats(0, 30))),
    messages_max=st.integers(1, 5),
    bytes_max=st.integers(0, 20),
    entries_max=st.integers(1, 3),
)
def test_no_limit_is_ever_exceeded(
    uses: list[tuple[bytes, int, float]], messages_max: int, bytes_max: int, entries_max: int
) -> None:
    time = Time()
    cache = cache_of(time, messages_max=messages_max, bytes_max=bytes_max, entries_max=entries_max)
    seen: dict[bytes, tuple[bytes, int, int, float]] = {}
    for name, length, seconds in uses:
        time.seconds += seconds
        materials, is_new = use(cache, name, length)
        key = bytes(materials.data_key)
        assert key != NOTHING
        assert is_new == (key not in seen)
        of, messages, total, began = seen.get(key, (name, 0, 0, time.seconds))
        seen[key] = (name, messages + 1, total + length, began)
        assert of == name
        assert messages + 1 <= messages_max
        # A first message that is longer is nobody's but its own.
        assert total + length <= bytes_max or is_new
        assert time.seconds - began < 60
        assert len(cache) <= entries_max


def test_many_threads_that_miss_at_once_ask_once() -> None:
    cache, asks, gate = cache_of(Time(), messages_max=50), [], threading.Barrier(20)
    keys: list[bytes] = []

    def work() -> None:
        gate.wait()
        for _ in range(10):
            while True:
                taken = cache.take(b"a", 1)
                if isinstance(taken, Future):
                    assert taken.result(timeout=30) is None
                    continue
                if isinstance(taken, Flight):
                    asks.append(None)
                    taken = cache.land(taken, fresh(), 1)
                keys.append(bytes(taken.data_key))
                break

    with ThreadPoolExecutor(20) as pool:
        for future in [pool.submit(work) for _ in range(20)]:
            future.result()
    assert len(asks) == 4
    assert sorted(keys.count(key) for key in set(keys)) == [50] * 4


def test_a_failure_is_everybodys_and_a_cancellation_its_own() -> None:
    cache = cache_of(Time())
    for error, told in ((OSError("away"), OSError), (KeyboardInterrupt(), type(None))):
        flight = missed(cache)
        waits = cache.take(b"a", 1)
        assert isinstance(waits, Future)
        cache.crash(flight, error)
        assert isinstance(waits.result(timeout=0), told)
    assert use(cache)[1]


def test_nobody_waits_for_a_flight_whose_landing_failed() -> None:
    def broken() -> float:
        raise OSError("no clock")

    time = Time()
    cache = cache_of(time)
    flight, materials = missed(cache), fresh()
    waits = cache.take(b"a", 1)
    cache._clock = broken
    with pytest.raises(OSError, match="no clock") as caught:
        cache.land(flight, materials, 1)
    # As a client does with what went wrong.
    cache.crash(flight, caught.value)
    assert isinstance(waits, Future)
    assert waits.result(timeout=0) is None
    assert materials.data_key == NOTHING
    cache._clock = time
    assert use(cache)[1]


def test_it_is_neither_shown_nor_pickled() -> None:
    cache = cache_of(Time())
    key = use(cache)[0].data_key
    assert repr(cache) == "DataKeyCache(1 data keys hidden)"
    assert repr(bytes(key)) not in repr(vars(cache))
    with pytest.raises(TypeError, match="not copied or pickled"):
        pickle.dumps(cache)


def test_a_forked_child_has_none() -> None:
    cache = cache_of(Time())
    use(cache)
    # Somebody holds the lock while the process forks.
    with cache._lock:
        child = os.fork()
        if child == 0:
            try:
                is_empty = len(cache) == 0 and use(cache)[1]
                os._exit(0 if is_empty else 1)
            finally:
                os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(cache) == 1


@pytest.mark.parametrize(
    "limits",
    [
        {"age_seconds_max": 0},
        {"age_seconds_max": float("nan")},
        {"messages_max": 0},
        {"messages_max": 2**32 + 1},
        {"bytes_max": -1},
        {"bytes_max": 2**63},
        {"entries_max": 0},
    ],
)
def test_limits_that_are_none(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="a data key"):
        cache_of(Time(), **limits)
