"""Percentiles and distinct counts of more values than are kept."""

import math
import random

import pytest

from strongroom.services.logs.insights.budget import Budget
from strongroom.services.logs.insights.sketches import EXACT_MAX, Distinct, Percentiles


@pytest.mark.parametrize("percent", [0, 1, 25, 50, 90, 99, 99.9, 100])
def test_percentiles_of_many_numbers_are_close(percent: float) -> None:
    source = random.Random(7)
    numbers = [source.lognormvariate(3, 2) - 5 for _ in range(5 * EXACT_MAX)] + [0] * 50
    percentiles = Percentiles(Budget())
    for number in numbers:
        percentiles.add(number)
    exact = sorted(numbers)[max(0, math.ceil(len(numbers) * percent / 100) - 1)]
    assert percentiles.at(percent) == pytest.approx(exact, rel=0.011, abs=1e-9)


def test_percentiles_of_few_numbers_are_exact() -> None:
    percentiles = Percentiles(Budget())
    assert percentiles.at(50) is None
    for number in (5, 1, 3, 2, 4):
        percentiles.add(number)
    assert [percentiles.at(percent) for percent in (0, 20, 50, 80, 81, 100)] == [1, 1, 3, 4, 5, 5]


@pytest.mark.parametrize("count", [0, 1, 100, EXACT_MAX, EXACT_MAX + 1, 20_000, 100_000])
def test_distinct_texts_are_counted(count: int) -> None:
    distinct = Distinct(Budget())
    for number in range(count):
        distinct.add(f"text {number}")
        distinct.add(f"text {number}")
    assert distinct.count() == (count if count <= EXACT_MAX else pytest.approx(count, rel=0.05))
