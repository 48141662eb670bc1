"""A clock that an operator moves while the server runs: by how much stands in a file, which every look at it reads.

So a command that moves the clock needs no word with the server, the next request sees the new time, and a restart finds
it as it was. Only a server that was started for it has such a clock: to look costs about a microsecond.
"""

import json
import math
import os
import time
from datetime import timedelta
from pathlib import Path

from strongroom.base.clock import Clock
from strongroom.base.errors import OperatorError

FILE_NAME = "clock.json"
FILE_BYTES_MAX = 4_096
YEARS_MAX = 1_000
_SECONDS_MAX = YEARS_MAX * 366 * 86_400.0


class MovedClock(Clock):
    """A clock whose distance from the real one is kept in a file of `data`, in seconds."""

    def __init__(self, data: Path) -> None:
        super().__init__()
        self._path = data / FILE_NAME
        self._seen = (0, 0)
        self._look()

    def now(self) -> float:
        """Return the time of the house, in seconds since the epoch."""
        self._look()
        return time.time() + self._offset_seconds

    @property
    def lead(self) -> timedelta:
        """How far the time of the house is ahead of the real one."""
        self._look()
        return timedelta(seconds=self._offset_seconds)

    def advance(self, by: timedelta) -> None:
        """Move the time of the house forward, durably, for every process that looks at the file.

        Raises ValueError for a negative step, OperatorError when the file cannot be written, or would be too far ahead.
        """
        self._look()
        super().advance(by)
        if self._offset_seconds > _SECONDS_MAX:
            raise OperatorError(f"the clock goes {YEARS_MAX} years ahead at most")
        draft = self._path.with_suffix(".new")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump({"ahead_seconds": self._offset_seconds}, file)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(self._path)
        except OSError as error:
            raise OperatorError(f"cannot write {self._path}: {error.strerror}") from error

    def _look(self) -> None:
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            return
        seen = (found.st_ino, found.st_mtime_ns)
        if seen != self._seen:
            self._offset_seconds = _read(self._path)
            self._seen = seen


def seconds_ahead(data: Path) -> float:
    """Return by how many seconds the clock of a data directory was moved, 0 for one that never was.

    Raises OperatorError for a file that is damaged: no time is better than a wrong one.
    """
    path = data / FILE_NAME
    return _read(path) if path.exists() else 0.0


def _read(path: Path) -> float:
    try:
        with path.open(encoding="utf-8") as file:
            seconds = float(json.loads(file.read(FILE_BYTES_MAX))["ahead_seconds"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OperatorError(f"{path} does not tell by how much the clock was moved: {type(error).__name__}") from error
    if not (math.isfinite(seconds) and 0 <= seconds <= _SECONDS_MAX):
        raise OperatorError(f"{path} does not tell by how much the clock was moved")
    return seconds
