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


def take_tour(rows: Sequence[Row], last: Row, screen: Screen, *, keep: Path | None = None) -> bool:
    """Walk through the rows and return whether all were proved. Nothing is left behind but what `keep` is to hold.

    Raises OperatorError when `keep` cannot be used, KeyboardInterrupt when it was ended by Ctrl-C or SIGTERM.
    """
    begin = time.monotonic()
    with _ended_by_signals():
        premises = Premises(keep)
        try:
            screen.begin(premises.canary.word, rows)
            outcomes = guide(rows, last, premises, screen.show)
            screen.end(outcomes, time.monotonic() - begin)
            if keep is not None:
                screen.tell(
                    f"What was stored is in {premises.home}. Look for it: grep -rF {premises.canary.word} there."
                )
        finally:
            premises.end_processes()
            premises.remove()
    return all(outcome.state == "proved" for outcome in outcomes)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Have SIGTERM end the tour as Ctrl-C does, so that everything is taken away."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
