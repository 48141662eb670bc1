"""Exponential backoff with full jitter: when to try a refused call again, and when to give up.

Before the n-th repetition a client waits a random time between nothing and `first_delay_seconds * 2**(n-1)`. Clients
that were refused together thus come back apart from each other, and fewer of them the longer it lasts.
Source: AWS Architecture Blog, "Exponential Backoff And Jitter"; AWS SDKs and Tools Reference Guide, "Retry behavior".
"""

import random
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, SSLError
from botocore.exceptions import ConnectionError as ConnectionFailed

_DOUBLINGS_MAX = 32

THROTTLING_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Error codes that say: later. `LimitExceededException` is not among them: a quota of resources does not refill."""

TRANSIENT_CODES = frozenset({"InternalError", "PriorRequestNotComplete", "RequestTimeout", "RequestTimeoutException"})
"""Error codes of what passes, whatever their HTTP status."""

_TRANSIENT_STATUSES = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How often, how long and how patiently a call is tried. Immutable, and safe to share between threads.

    `tries_max` counts the first try, too. No try begins later than `seconds_max` after the first one, so a call ends
    at the latest that much and one time-out later. `clock` gives seconds that never run backwards, `random` a number
    from 0 to 1, `sleep` waits so many seconds; `sleep_async` does so in an event loop (None: `asyncio.sleep`).
    Raises ValueError for limits that are not positive.
    """

    tries_max: int = 20
    seconds_max: float = 60.0
    first_delay_seconds: float = 0.5
    delay_seconds_max: float = 10.0
    clock: Callable[[], float] = time.monotonic
    # From the operating system, for the processes of a server that forked would else all draw the same numbers.
    random: Callable[[], float] = random.SystemRandom().random
    sleep: Callable[[float], None] = time.sleep
    sleep_async: Callable[[float], Awaitable[None]] | None = None

    def __post_init__(self) -> None:
        if self.tries_max < 1 or min(self.seconds_max, self.first_delay_seconds, self.delay_seconds_max) <= 0:
            raise ValueError("a backoff has at least one try, and limits above 0")

    def delays(self) -> Iterator[float]:
        """Return the seconds to wait before each repetition, from now on; the end of it means to give up."""
        return self._delays(self.clock())

    def _delays(self, begin: float) -> Iterator[float]:
        for repetition in range(self.tries_max - 1):
            longest = self.first_delay_seconds * 2 ** min(repetition, _DOUBLINGS_MAX)
            delay = self.random() * min(longest, self.delay_seconds_max)
            if self.clock() + delay - begin > self.seconds_max:
                return
            yield delay


def is_passing(error: ClientError | BotoCoreError) -> bool:
    """Return whether a call that failed so may succeed when it is repeated: throttled, or a transient failure."""
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return code in THROTTLING_CODES or code in TRANSIENT_CODES or status in _TRANSIENT_STATUSES
    # Connections that fail, break or time out. A certificate that is not trusted stays so.
    return isinstance(error, ConnectionFailed | HTTPClientError) and not isinstance(error, SSLError)
