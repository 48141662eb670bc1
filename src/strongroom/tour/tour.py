"""A tour from its first line to its last, and whether every row was proved."""

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from strongroom.tour.guide import guide
from strongroom.tour.premises import Premises
from strongroom.tour.row import Row
from strongroom.tour.screen import Screen

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def take_tour(rows: Sequence[Row], last: Row, screen: Screen, *, keep: Path | None = None) -> bool:
    """Walk through the rows and return whether all were proved. Nothing is left behind but what `keep` is to hold.

    Raises OperatorError when `keep` cannot be used, TestServerError when a server does not start, and
    KeyboardInterrupt when it was ended by Ctrl-C or SIGTERM.
    """
    begin = time.monotonic()
    with _ended_by_signals():
        premises = Premises(keep)
        try:
            server = premises.serve("server")
            screen.begin(premises.canary.word, rows, last, server[0].pointing_at())
            outcomes = guide(rows, last, premises, server, screen.show)
            screen.end(outcomes, time.monotonic() - begin)
            if keep is not None:
                screen.kept(premises.canary.word, premises.home)
        finally:
            for number in _SIGNALS:  # Once is enough: from here on everything takes a moment, and ends.
                signal.signal(number, signal.SIG_IGN)
            premises.end_processes()
            premises.remove()
    return all(outcome.state == "proved" for outcome in outcomes)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Have SIGTERM and a closed terminal end the tour as Ctrl-C does, so that everything is taken away."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
