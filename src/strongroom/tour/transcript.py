"""What happened in a row, entry by entry: written by the row's thread, read by whoever shows it, in order."""

import queue
from collections.abc import Iterator
from dataclasses import dataclass

from strongroom.tour.proof import NotProvedHere, Proof


@dataclass(frozen=True, slots=True)
class Saying:
    """A sentence that says what comes, or what was seen."""

    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command as a person would type it, and what it printed."""

    line: str
    printed: str = ""
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Numbers over time: rows of a label and counts by kind. A chart shows one character for `unit` of them."""

    title: str
    bars: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    unit: int = 1


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that was not tried on this machine, and what to install."""

    text: str


Entry = Saying | Command | Chart | LeftOut | Proof | NotProvedHere


class Transcript:
    """The entries of one row."""

    def __init__(self) -> None:
        self._entries: queue.SimpleQueue[Entry | None] = queue.SimpleQueue()

    def add(self, entry: Entry) -> None:
        """Add an entry behind the others."""
        self._entries.put(entry)

    def close(self) -> None:
        """Say that no entry follows."""
        self._entries.put(None)

    def entries(self) -> Iterator[Entry]:
        """Yield the entries as they come, to the last. They can be read once."""
        while (entry := self._entries.get()) is not None:
            yield entry
