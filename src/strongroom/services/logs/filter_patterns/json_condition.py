"""The conditions of a JSON pattern: one selector compared, and conditions joined by `&&` and `||`.

A message satisfies a comparison only where the selector leads to text or a number (or true, false): not when it leads
to an array, an object or nothing, whatever the operator. Source: CloudWatch Logs User Guide, "Using filter patterns to
match terms in JSON log events".
"""

from collections.abc import Callable, Iterator
from typing import Any

from strongroom.services.logs.filter_patterns.json_selector import MISSING, Selector
from strongroom.services.logs.filter_patterns.operands import Comparison

Holds = Callable[[Any], bool]

_BOOLEANS = {True: "true", False: "false"}
_OF_NUMBERS = frozenset("0123456789+-.einfa")


class Condition:
    """A compiled condition: `holds(document)`, and what is certain of every message whose document satisfies it.

    `names` are member names, `texts` parts of string values, `words` JSON's own words (null, true, false).
    """

    __slots__ = ("holds", "names", "selectors", "texts", "words")

    def __init__(self, holds: Holds, selectors: tuple[Selector, ...]) -> None:
        self.holds = holds
        self.selectors = selectors
        self.names: frozenset[str] = frozenset()
        self.texts: frozenset[str] = frozenset()
        self.words: frozenset[str] = frozenset()


def compared(selector: Selector, comparison: Comparison) -> Condition:
    """Return the condition that a value that `selector` leads to satisfies `comparison`."""
    with_text, with_number = comparison.with_text, comparison.with_number

    def satisfied(value: Any) -> bool:
        if isinstance(value, str):
            return with_text(value)
        if isinstance(value, bool):
            return with_text(_BOOLEANS[value])
        return isinstance(value, int | float) and with_number(value)

    condition = Condition(_some(selector, satisfied), (selector,))
    condition.names = _names(selector)
    # A number satisfies `"40*"` however the message writes it (4e2), so that only other characters are certain.
    if set(comparison.literal) - _OF_NUMBERS:
        condition.texts = frozenset((comparison.literal,))
    return condition


def is_constant(selector: Selector, constant: bool | None) -> Condition:
    """Return the condition `IS TRUE`, `IS FALSE` or (None) `IS NULL`."""
    condition = Condition(_some(selector, lambda value: value is constant), (selector,))
    condition.names = _names(selector)
    condition.words = frozenset(("null" if constant is None else _BOOLEANS[constant],))
    return condition


def not_exists(selector: Selector) -> Condition:
    """Return the condition `NOT EXISTS`."""
    there = _some(selector, lambda value: True)
    return Condition(lambda document: not there(document), (selector,))


def all_of(conditions: list[Condition]) -> Condition:
    """Return the condition that each of `conditions` holds: what is certain of one is certain of all."""
    if len(conditions) == 1:
        return conditions[0]
    held = tuple(condition.holds for condition in conditions)

    def holds(document: Any) -> bool:
        return all(each(document) for each in held)

    condition = Condition(holds, tuple(_selectors(conditions)))
    condition.names = frozenset().union(*(each.names for each in conditions))
    condition.texts = frozenset().union(*(each.texts for each in conditions))
    condition.words = frozenset().union(*(each.words for each in conditions))
    return condition


def any_of(conditions: list[Condition]) -> Condition:
    """Return the condition that one of `conditions` holds: certain is only what is certain of each."""
    if len(conditions) == 1:
        return conditions[0]
    held = tuple(condition.holds for condition in conditions)

    def holds(document: Any) -> bool:
        return any(each(document) for each in held)

    condition = Condition(holds, tuple(_selectors(conditions)))
    condition.names = frozenset.intersection(*(each.names for each in conditions))
    condition.texts = frozenset.intersection(*(each.texts for each in conditions))
    condition.words = frozenset.intersection(*(each.words for each in conditions))
    return condition


def _selectors(conditions: list[Condition]) -> Iterator[Selector]:
    for condition in conditions:
        yield from condition.selectors


def _names(selector: Selector) -> frozenset[str]:
    return frozenset(step for step in selector.steps if isinstance(step, str))


def _some(selector: Selector, satisfied: Callable[[Any], bool]) -> Holds:
    """With a wildcard, one of the values has to satisfy it."""
    if selector.wildcards:
        every = selector.every
        return lambda document: any(satisfied(value) for value in every(document))
    first = selector.first

    def holds(document: Any) -> bool:
        value = first(document)
        return value is not MISSING and satisfied(value)

    return holds
