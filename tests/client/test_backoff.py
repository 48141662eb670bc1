"""When a call is tried again, and when it is given up: with a clock and a random source of the test's own."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
    SSLError,
)
from tests.client.kms_connection import session_of_root

from strongroom.client.backoff import Backoff, is_passing
from strongroom.client.kms_calls import KmsCall, KmsCalls

CALL = KmsCall("us-east-1", "Encrypt", {})


def refused(code: str, status: int = 400) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Encrypt")


class Time:
    """A clock that moves when somebody sleeps, and when a call takes its time."""

    def __init__(self) -> None:
        self.seconds, self.slept = 0.0, list[float]()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


class FailingCalls(KmsCalls):
    """Calls that take `seconds` and fail so; the error may be None, which is success."""

    def __init__(self, time: Time, errors: Callable[[int], Exception | None], seconds: float = 0.0, **options: Any):
        # The greatest delay each time.
        settings: dict[str, Any] = {"random": lambda: 1.0, "clock": lambda: time.seconds, "sleep": time.sleep}
        settings["first_delay_seconds"] = 0.1
        super().__init__(session_of_root(), backoff=Backoff(**(settings | options)))
        self.tries, self._time, self._errors, self._seconds = 0, time, errors, seconds

    def attempt(self, call: KmsCall) -> dict[str, Any]:
        self.tries += 1
        self._time.seconds += self._seconds
        error = self._errors(self.tries)
        if error is not None:
            raise error
        return {"tries": self.tries}


def test_the_delays_double_up_to_a_limit() -> None:
    time = Time()
    calls = FailingCalls(time, lambda tries: refused("ThrottlingException") if tries < 10 else None)
    assert calls.perform(CALL) == {"tries": 10}
    assert time.slept == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0])


def test_the_jitter_is_full() -> None:
    chosen = iter([0.0, 0.5, 1.0, 0.25])
    backoff = Backoff(tries_max=5, first_delay_seconds=0.1, random=lambda: next(chosen))
    assert list(backoff.delays()) == pytest.approx([0.0, 0.1, 0.4, 0.2])
    drawn = [next(Backoff(first_delay_seconds=1.0).delays()) for _ in range(400)]
    assert 0 <= min(drawn) < 0.2
    assert 0.8 < max(drawn) <= 1.0


def test_it_ends_after_so_many_tries() -> None:
    time = Time()
    calls = FailingCalls(time, lambda _: refused("ThrottlingException"), tries_max=4)
    with pytest.raises(ClientError, match="ThrottlingException"):
        calls.perform(CALL)
    assert (calls.tries, len(time.slept)) == (4, 3)


def test_no_try_begins_after_its_time() -> None:
    time = Time()
    calls = FailingCalls(time, lambda _: refused("ThrottlingException"), seconds=2.0, seconds_max=15.0, tries_max=1000)
    with pytest.raises(ClientError, match="ThrottlingException"):
        calls.perform(CALL)
    # 6 tries of 2 seconds each with 3.1 seconds between them end at 15.1; the next would have begun at 18.3.
    assert calls.tries == 6
    assert time.seconds == pytest.approx(15.1)


def test_many_repetitions_do_not_overflow() -> None:
    backoff = Backoff(tries_max=3000, seconds_max=math.inf, random=lambda: 0.0)
    assert sum(1 for _ in backoff.delays()) == 2999


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (refused("ThrottlingException"), True),
        (refused("RequestLimitExceeded", 503), True),
        (refused("TooManyRequestsException", 429), True),
        (refused("KMSInternalException", 500), True),
        (refused("DependencyTimeoutException", 503), True),
        (refused("KeyUnavailableException", 500), True),
        (refused("502", 502), True),
        (refused("LimitExceededException"), False),
        (refused("AccessDeniedException"), False),
        (refused("DisabledException"), False),
        (refused("NotFoundException", 404), False),
        (EndpointConnectionError(endpoint_url="x"), True),
        (ConnectTimeoutError(endpoint_url="x"), True),
        (ReadTimeoutError(endpoint_url="x"), True),
        (ConnectionClosedError(endpoint_url="x"), True),
        (SSLError(endpoint_url="x", error="certificate verify failed"), False),
        (NoCredentialsError(), False),
    ],
)
def test_what_passes_is_tried_again(error: ClientError | BotoCoreError, passes: bool) -> None:
    assert is_passing(error) is passes
    calls = FailingCalls(Time(), lambda tries: error if tries == 1 else None)
    if passes:
        assert calls.perform(CALL) == {"tries": 2}
    else:
        with pytest.raises(type(error)):
            calls.perform(CALL)
        assert calls.tries == 1


@pytest.mark.parametrize("name", ["tries_max", "seconds_max", "first_delay_seconds", "delay_seconds_max"])
def test_limits_are_positive(name: str) -> None:
    with pytest.raises(ValueError, match="at least one try"):
        Backoff(**{name: 0})
