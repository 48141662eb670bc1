"""The clock of a throw-away server."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from strongroom.testing.channel import Channel


class ServerClock:
    """The time of a server, which can be moved forward: rotation, expiry, deletion, retention and sessions follow.

    Signatures and presigned URLs go by the real time, as clients do.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._when_moved: Callable[[], None] | None = None

    def when_moved(self, tell: Callable[[], None]) -> None:
        """Have `tell` called before the time is moved."""
        self._when_moved = tell

    def now(self) -> datetime:
        """Return the time of the server, in UTC."""
        return datetime.fromtimestamp(self._channel.tell("now"), UTC)

    def advance(
        self,
        by: timedelta = timedelta(0),
        *,
        weeks: float = 0,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
    ) -> datetime:
        """Move the time forward, and return the new one once what is due by then has been begun.

        Raises ValueError for a step back, TestServerError when the server was started with `test_clock=False`.
        """
        by += timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
        if by < timedelta(0):
            raise ValueError("the clock moves forward only")
        if self._when_moved is not None:
            self._when_moved()
        self._channel.tell("advance_clock", seconds=by.total_seconds())
        return self.now()
