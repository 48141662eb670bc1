"""Periods, such as `5m` and `1mo`, and the timestamps that they begin and end at, in UTC.

Source: CloudWatch Logs User Guide, "stats" (the units and abbreviations) and "Boolean, comparison, numeric, datetime,
and other functions" (the caps).
"""

from datetime import UTC, datetime
from typing import NamedTuple

from strongroom.services.logs.insights.values import Timestamp

_ABBREVIATIONS = {
    "ms": ("ms", "msec", "millisecond"),
    "s": ("s", "sec", "second"),
    "m": ("m", "min", "minute"),
    "h": ("h", "hr", "hour"),
    "d": ("d", "day"),
    "w": ("w", "week"),
    "mo": ("mo", "mon", "month"),
    "q": ("q", "qtr", "quarter"),
    "y": ("y", "yr", "year"),
}
UNITS = {name: unit for unit, names in _ABBREVIATIONS.items() for name in names} | {
    f"{name}s": unit for unit, names in _ABBREVIATIONS.items() for name in names if len(name) > 1 and name != "ms"
}
CAPS = {"ms": 1000, "s": 60, "m": 60, "h": 24}
"""AWS takes a larger number for the cap: 300s is a period of 60 seconds."""

NUMBER_MAX = 10_000

_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_MONTHS = {"mo": 1, "q": 3, "y": 12}
_MONDAY = 4 * 86_400_000
"""Weeks begin on Mondays; the epoch was a Thursday."""


class Period(NamedTuple):
    """`number` times `unit`, which is a value of UNITS."""

    number: int
    unit: str

    def floor(self, milliseconds: int) -> Timestamp | None:
        """Return the beginning of the period that a timestamp is in, None outside of the calendar."""
        if self.unit in _MILLISECONDS:
            length = _MILLISECONDS[self.unit] * self.number
            start = _MONDAY if self.unit == "w" else 0
            return Timestamp((milliseconds - start) // length * length + start)
        return self._month(milliseconds, following=0)

    def ceil(self, milliseconds: int) -> Timestamp | None:
        """Return the timestamp itself where a period begins, else the beginning of the next one."""
        floor = self.floor(milliseconds)
        if floor is None or floor == milliseconds:
            return floor
        if self.unit in _MILLISECONDS:
            return Timestamp(floor + _MILLISECONDS[self.unit] * self.number)
        return self._month(milliseconds, following=1)

    def _month(self, milliseconds: int, following: int) -> Timestamp | None:
        """Months are counted from the year 0, so that `1y`, `1q` and `6mo` begin where people expect it."""
        length = _MONTHS[self.unit] * self.number
        try:
            moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
            months = ((moment.year * 12 + moment.month - 1) // length + following) * length
            begins = datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)
        except (ValueError, OverflowError, OSError):
            return None
        return Timestamp(int(begins.timestamp()) * 1000)


def period_of(number: int, unit: str) -> Period | None:
    """Return the period that is written, None for an unknown unit or no time at all."""
    known = UNITS.get(unit.lower())
    if known is None or number < 1:
        return None
    return Period(min(number, CAPS.get(known, NUMBER_MAX)), known)
