"""Ctrl-C and its kin while a command has something to put in order first."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """A signal came. `number` is its number."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Interruption:
    """Turns signals into Interrupted, but not in the middle of what must be done as a whole (`held`)."""

    def __init__(self) -> None:
        self._is_held = False
        self._number = 0

    @contextlib.contextmanager
    def heeded(self) -> Iterator[None]:
        """Heed signals from now on, and as before afterwards; not those that whoever began this has ignored (nohup)."""
        heeded = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        before = [(number, signal.signal(number, self._heed)) for number in heeded]
        try:
            yield
        finally:
            for number, handler in before:
                signal.signal(number, handler)

    def _heed(self, number: int, frame: FrameType | None) -> None:
        if self._is_held:
            self._number = number
            return
        raise Interrupted(number)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold signals back. What came meanwhile is raised afterwards as Interrupted."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        number, self._number = self._number, 0
        if number:
            raise Interrupted(number)
