"""One patience for several calls of which any one will do: they take turns, and wait together."""

from strongroom.client.backoff import Backoff


class OutOfPatience(Exception):  # noqa: N818 (it says what happened)
    """The backoff gives up, for all of the calls."""


class Turns:
    """How far the calls are. Their time begins when this is made."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._delays = backoff.delays()
        self._ends = backoff.clock() + backoff.seconds_max
        self._turn = 0

    def delay_before(self, turn: int) -> float:
        """Return the seconds to wait before a call of this turn, which are above 0 only for the first one in a turn.

        In the first turn (0) every call may be made, however long it takes. Raises OutOfPatience in a later one.
        """
        if turn == self._turn:
            if turn > 0 and self._backoff.clock() > self._ends:
                raise OutOfPatience
            return 0.0
        self._turn = turn
        delay = next(self._delays, None)
        if delay is None:
            raise OutOfPatience
        return delay
