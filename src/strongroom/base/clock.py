"""The time of the house, which a test (or a person) can move.

Everything stored or scheduled reads `Clock.now`. Checks against the outside world (the skew of a signature, the life of
a TLS certificate) read `Clock.wall`, which cannot be moved: a client signs with its own, unmoved clock.
"""

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """A clock that can be moved forward. Times are seconds since 1970-01-01T00:00:00Z, as floats."""

    def __init__(self, offset_seconds: float = 0.0) -> None:
        self._offset_seconds = offset_seconds

    def now(self) -> float:
        """Return the time of the house, in seconds since the epoch."""
        return time.time() + self._offset_seconds

    def wall(self) -> float:
        """Return the real time, in seconds since the epoch; moving the clock does not change it."""
        return time.time()

    def now_datetime(self) -> datetime:
        """Return the time of the house as an aware datetime in UTC."""
        return as_datetime(self.now())

    def advance(self, by: timedelta) -> None:
        """Move the time of the house forward. Raises ValueError for a negative step: time never runs backwards."""
        if by < timedelta(0):
            raise ValueError("the clock moves forward only")
        self._offset_seconds += by.total_seconds()


def as_datetime(seconds: float) -> datetime:
    """Return seconds since the epoch as an aware datetime in UTC."""
    return datetime.fromtimestamp(seconds, UTC)
