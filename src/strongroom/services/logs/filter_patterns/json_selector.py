"""JSON selectors: `$.a.b`, `$.list[0]`, `$.list[*].id`, `$.*`, `$.['name.with.dots']`.

Source: CloudWatch Logs User Guide, "Using filter patterns to match terms in JSON log events".
"""

from collections.abc import Iterator
from typing import Any

from strongroom.services.logs.filter_patterns.errors import PatternError
from strongroom.services.logs.filter_patterns.scanner import Scanner

INDEX_DIGITS_MAX = 9


class Everything:
    """The wildcard `*`: every element of an array, every member of an object."""


EVERYTHING = Everything()
MISSING: Any = object()
Step = str | int | Everything


class Selector:
    """A compiled selector. `text` is as it was written; `wildcards` counts its `*`; `steps` lead from the root."""

    __slots__ = ("steps", "text", "wildcards")

    def __init__(self, text: str, steps: tuple[Step, ...]) -> None:
        self.text = text
        self.steps = steps
        self.wildcards = sum(step is EVERYTHING for step in steps)

    def first(self, document: Any) -> Any:
        """Return the value that a selector without wildcard leads to, MISSING when there is none."""
        for step in self.steps:
            document = _at(document, step)
            if document is MISSING:
                return MISSING
        return document

    def every(self, document: Any) -> Iterator[Any]:
        """Yield each value that the selector leads to."""
        values = [document]
        for step in self.steps:
            if isinstance(step, Everything):
                values = [below for value in values for below in _everything(value)]
            else:
                values = [below for value in values if (below := _at(value, step)) is not MISSING]
        yield from values


def _at(value: Any, step: Step) -> Any:
    if isinstance(value, dict):
        return value.get(step, MISSING)
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    return MISSING


def _everything(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def read_selector(scanner: Scanner) -> Selector:
    """Read a selector. Raises PatternError."""
    start = scanner.at
    scanner.take("$")
    steps: list[Step] = []
    while scanner.peek() in (".", "["):
        if scanner.took("."):
            if scanner.peek() != "[":
                steps.append(EVERYTHING if scanner.took("*") else _name(scanner))
                continue
            if scanner.peek(2) not in ("['", '["'):
                raise scanner.unexpected("a property is missing")
        steps.append(_in_brackets(scanner))
    if not steps or isinstance(steps[0], int):
        raise scanner.unexpected("a selector is '$.' and the name of a property, but is not")
    selector = Selector(scanner.text[start : scanner.at], tuple(steps))
    if selector.wildcards > 1:
        raise PatternError(f"Invalid filter pattern: the selector {selector.text} has more than one wildcard")
    return selector


def _name(scanner: Scanner) -> str:
    start = scanner.at
    while not scanner.at_end() and (scanner.peek().isalnum() or scanner.peek() in "-_@"):
        scanner.at += 1
    if scanner.at == start:
        raise scanner.unexpected("the name of a property is missing")
    return scanner.text[start : scanner.at]


def _in_brackets(scanner: Scanner) -> Step:
    scanner.take("[")
    quote = scanner.peek()
    step: Step
    if quote in ("'", '"'):
        scanner.at += 1
        end = scanner.text.find(quote, scanner.at)
        if end < 0:
            raise scanner.unexpected("the name of a property is not closed")
        step = scanner.text[scanner.at : end]
        scanner.at = end + 1
    elif scanner.took("*"):
        step = EVERYTHING
    else:
        step = _index(scanner)
    scanner.take("]")
    return step


def _index(scanner: Scanner) -> int:
    start = scanner.at
    while not scanner.at_end() and scanner.peek() in "0123456789":
        scanner.at += 1
    digits = scanner.text[start : scanner.at]
    if not digits or len(digits) > INDEX_DIGITS_MAX:
        raise scanner.unexpected("the index of an array element is missing")
    return int(digits)
