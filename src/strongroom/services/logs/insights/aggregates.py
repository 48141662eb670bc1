"""The functions of `stats`: each gathers the values of a group and gives one.

Missing values are left out, and so is what is no number where one is wanted. Timestamps come out as milliseconds since
the epoch, as AWS gives them. Source: CloudWatch Logs User Guide, "stats".
"""

import math
from collections.abc import Callable
from typing import Protocol

from strongroom.services.logs.insights.budget import Budget
from strongroom.services.logs.insights.sketches import Distinct, Percentiles
from strongroom.services.logs.insights.sorting import SortKey, sort_key
from strongroom.services.logs.insights.values import Timestamp, Value, as_number, as_text, settled
from strongroom.services.logs.numbers import Number


class Accumulator(Protocol):
    """Gathers values; `at_ms` is the time of the event that a value is of."""

    def add(self, value: Value, at_ms: int) -> None:
        """Take a value in; it is not None."""

    def result(self) -> Value:
        """Return what came of them."""


class _Count:
    def __init__(self) -> None:
        self.count = 0

    def add(self, value: Value, at_ms: int) -> None:
        self.count += 1

    def result(self) -> Value:
        return self.count


class _CountDistinct:
    def __init__(self, budget: Budget) -> None:
        self.distinct = Distinct(budget)

    def add(self, value: Value, at_ms: int) -> None:
        self.distinct.add(as_text(value) or "")

    def result(self) -> Value:
        return self.distinct.count()


class _Sum:
    def __init__(self) -> None:
        self.sum: Number = 0
        self.count = 0

    def add(self, value: Value, at_ms: int) -> None:
        number = as_number(value)
        if number is not None:
            self.sum += number
            self.count += 1

    def result(self) -> Value:
        return settled(self.sum) if self.count else None


class _Average(_Sum):
    def result(self) -> Value:
        return settled(self.sum / self.count) if self.count else None


class _StandardDeviation:
    """Of the population; by Welford's method, in one pass."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self.squares = 0.0

    def add(self, value: Value, at_ms: int) -> None:
        number = as_number(value)
        if number is None:
            return
        self.count += 1
        distance = number - self.mean
        self.mean += distance / self.count
        self.squares += distance * (number - self.mean)

    def result(self) -> Value:
        return settled(math.sqrt(self.squares / self.count)) if self.count and self.squares >= 0 else None


class _Percentile:
    def __init__(self, percent: float, budget: Budget) -> None:
        self.percent = percent
        self.percentiles = Percentiles(budget)

    def add(self, value: Value, at_ms: int) -> None:
        number = as_number(value)
        if number is not None:
            self.percentiles.add(number)

    def result(self) -> Value:
        return self.percentiles.at(self.percent)


class _Extreme:
    """The value that sorts first (`sign` -1) or last (1)."""

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.key: SortKey | None = None
        self.value: Value = None

    def add(self, value: Value, at_ms: int) -> None:
        key = sort_key(value)
        if self.key is None or (key < self.key if self.sign < 0 else key > self.key):
            self.key, self.value = key, value

    def result(self) -> Value:
        return _plain(self.value)


class _AtTime:
    """The value of the earliest (`sign` -1) or latest (1) event."""

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.at_ms: int | None = None
        self.value: Value = None

    def add(self, value: Value, at_ms: int) -> None:
        if self.at_ms is None or (at_ms - self.at_ms) * self.sign > 0:
            self.at_ms, self.value = at_ms, value

    def result(self) -> Value:
        return _plain(self.value)


def _plain(value: Value) -> Value:
    return int(value) if isinstance(value, Timestamp) else value


AGGREGATES: dict[str, Callable[[float, Budget], Accumulator]] = {
    "count": lambda constant, budget: _Count(),
    "count_distinct": lambda constant, budget: _CountDistinct(budget),
    "sum": lambda constant, budget: _Sum(),
    "avg": lambda constant, budget: _Average(),
    "stddev": lambda constant, budget: _StandardDeviation(),
    "min": lambda constant, budget: _Extreme(-1),
    "max": lambda constant, budget: _Extreme(1),
    "sortsfirst": lambda constant, budget: _Extreme(-1),
    "sortslast": lambda constant, budget: _Extreme(1),
    "earliest": lambda constant, budget: _AtTime(-1),
    "latest": lambda constant, budget: _AtTime(1),
    "pct": _Percentile,
}
"""How to begin each aggregation; those that hold many values take them from the budget of the run."""

WITH_CONSTANT = frozenset(("pct",))
"""They take a number after the value: `pct(@duration, 95)`."""
