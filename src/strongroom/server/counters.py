"""Plain counters of requests, cheap enough for every request. What Prometheus makes of them is in `metrics`."""

from bisect import bisect_left
from dataclasses import dataclass, field

TALLIES_MAX = 4_096
SECONDS_BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
"""Upper bounds of the histogram of request durations, in seconds."""


@dataclass(slots=True)
class Tally:
    """How often something happened, and how long it took: one count for each of `SECONDS_BOUNDS`, and one beyond."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(SECONDS_BOUNDS) + 1))
    seconds: float = 0.0


class RequestCounters:
    """Tallies by service, operation and error code (empty for success)."""

    __slots__ = ("tallies",)

    def __init__(self) -> None:
        self.tallies: dict[tuple[str, str, str], Tally] = {}

    def count(self, service: str, operation: str, code: str, seconds: float) -> None:
        """Count one request that took `seconds`. Names come from service models and our own errors, never from clients.

        Past `TALLIES_MAX` different ones, new ones are counted together under `other`.
        """
        key = (service, operation, code)
        tally = self.tallies.get(key)
        if tally is None:
            if len(self.tallies) >= TALLIES_MAX:
                key = ("other", "other", "other")
            tally = self.tallies.setdefault(key, Tally())
        tally.counts[bisect_left(SECONDS_BOUNDS, seconds)] += 1
        tally.seconds += seconds
