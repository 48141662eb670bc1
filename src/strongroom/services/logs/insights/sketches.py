"""Percentiles and counts of distinct values in bounded memory: exact for few values, close for many.

Sources: Masson, Rim, Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees";
Flajolet and others, "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm".
"""

import hashlib
import math

from strongroom.services.logs.insights.budget import Budget
from strongroom.services.logs.numbers import Number

EXACT_MAX = 4096
RELATIVE_ERROR = 0.005
_GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GAMMA = math.log(_GAMMA)
_REGISTER_BITS = 12
_REGISTERS = 1 << _REGISTER_BITS


class Percentiles:
    """Numbers, and which of them stands at a percentile: exactly up to EXACT_MAX, then within half a percent of it."""

    __slots__ = ("_buckets", "_budget", "_count", "_exact")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._exact: list[Number] | None = []
        self._buckets: dict[tuple[int, int], int] = {}
        self._count = 0

    def add(self, number: Number) -> None:
        """Take a number in."""
        self._count += 1
        if self._exact is None:
            self._put(number)
            return
        self._budget.take()
        self._exact.append(number)
        if len(self._exact) > EXACT_MAX:
            self._budget.give_back(len(self._exact))
            for each in self._exact:
                self._put(each)
            self._exact = None

    def _put(self, number: Number) -> None:
        bucket = (0, 0)
        if number:
            exponent = math.ceil(math.log(abs(number)) / _LOG_GAMMA)
            bucket = (1, exponent) if number > 0 else (-1, -exponent)
        if bucket not in self._buckets:
            self._budget.take()
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1

    def at(self, percent: float) -> Number | None:
        """Return the number at this percentile (nearest rank), None without numbers."""
        if not self._count:
            return None
        rank = min(self._count, max(1, math.ceil(self._count * percent / 100)))
        if self._exact is not None:
            return sorted(self._exact)[rank - 1]
        passed = 0
        for (sign, exponent), count in sorted(self._buckets.items()):
            passed += count
            if passed >= rank:
                return _middle(sign, exponent)
        return None


def _middle(sign: int, exponent: int) -> Number:
    return 0 if sign == 0 else sign * 2 * math.pow(_GAMMA, sign * exponent) / (_GAMMA + 1)


class Distinct:
    """How many different texts there were: exactly up to EXACT_MAX, then within about two percent."""

    __slots__ = ("_budget", "_exact", "_registers")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._exact: set[int] = set()
        self._registers: bytearray | None = None

    def add(self, text: str) -> None:
        """Take a text in."""
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        hashed = int.from_bytes(digest, "big")
        if self._registers is not None:
            self._put(self._registers, hashed)
            return
        if hashed not in self._exact:
            self._budget.take()
            self._exact.add(hashed)
        if len(self._exact) > EXACT_MAX:
            # The registers weigh less than what they replace, whose share of the budget stays taken.
            self._registers = bytearray(_REGISTERS)
            for each in self._exact:
                self._put(self._registers, each)
            self._exact.clear()

    @staticmethod
    def _put(registers: bytearray, hashed: int) -> None:
        register = hashed & (_REGISTERS - 1)
        rest = hashed >> _REGISTER_BITS
        rank = 64 - _REGISTER_BITS - rest.bit_length() + 1
        registers[register] = max(registers[register], rank)

    def count(self) -> int:
        """Return how many there were."""
        if self._registers is None:
            return len(self._exact)
        alpha = 0.7213 / (1 + 1.079 / _REGISTERS)
        estimate = alpha * _REGISTERS**2 / sum(2.0**-rank for rank in self._registers)
        empty = self._registers.count(0)
        if estimate <= 2.5 * _REGISTERS and empty:
            estimate = _REGISTERS * math.log(_REGISTERS / empty)
        return round(estimate)
