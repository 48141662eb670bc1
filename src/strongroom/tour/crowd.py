"""A crowd of threads that call KMS at once, and what came of each attempt, over time."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from strongroom.tour.transcript import Chart

THREADS = 12
_SLICE_SECONDS = 0.25
_CALLS_A_CHARACTER = 2


@dataclass(slots=True)
class Crowd:
    """What a crowd saw: of each attempt, how many seconds after the first it was and whether it was throttled.

    `failed` are the messages of the calls that were given up, `seconds` how long it all took.
    """

    attempts: list[tuple[float, bool]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    seconds: float = 0.0
    _begin: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def throttled(self) -> int:
        """How many attempts were throttled."""
        return sum(was for _, was in self.attempts)

    @property
    def answered(self) -> int:
        """How many attempts were answered."""
        return len(self.attempts) - self.throttled

    def watch(self, events: Any) -> None:
        """Count the attempts of clients whose events these are (a client's, or a session's that has none yet)."""
        events.register("needs-retry.kms.Encrypt", self._note)

    def call(self, calls: int, call: Callable[[], object]) -> None:
        """Make the calls, and return when all have been answered or given up. Raises what is not throttling."""
        self._begin = time.monotonic()
        with ThreadPoolExecutor(THREADS) as pool:
            for future in [pool.submit(self._call, call) for _ in range(calls)]:
                future.result()
        self.seconds = time.monotonic() - self._begin

    def chart(self, title: str) -> Chart:
        """Return the attempts over time."""
        count = int(max((moment for moment, _ in self.attempts), default=0.0) / _SLICE_SECONDS) + 1
        slices = [{"answered": 0, "throttled": 0} for _ in range(count)]
        for moment, was_throttled in self.attempts:
            slices[int(moment / _SLICE_SECONDS)]["throttled" if was_throttled else "answered"] += 1
        bars = tuple((f"{number * _SLICE_SECONDS:.2f} s", tuple(each.items())) for number, each in enumerate(slices))
        return Chart(title, bars, _CALLS_A_CHARACTER)

    def _call(self, call: Callable[[], object]) -> None:
        try:
            call()
        except ClientError as error:
            if error.response["Error"]["Code"] != "ThrottlingException":
                raise
            with self._lock:
                self.failed.append(str(error.response["Error"]["Message"]))

    def _note(self, response: Any, **_: Any) -> None:
        if response is not None:
            with self._lock:
                self.attempts.append((time.monotonic() - self._begin, response[0].status_code != 200))
