"""The order of values: natural sorting as Logs Insights does it.

What is no number comes before all numbers; in text, runs of digits are ordered by their length and then by their value,
what is between them by Unicode. A missing value comes first. Source: CloudWatch Logs User Guide, "sort".
"""

import re
from typing import Any

from strongroom.services.logs.insights.values import Value, as_number, as_text

SortKey = tuple[Any, ...]

_CHUNK = re.compile(r"[0-9]+|[^0-9]+")
_CHARACTERS_MAX = 1024
"""Texts that are equal so far are equal: sorting does not read on."""


def sort_key(value: Value) -> SortKey:
    """Return what orders `value`, ascending."""
    if value is None:
        return (0,)
    number = as_number(value)
    if number is not None:
        return (2, number, value if isinstance(value, str) else "")
    text = (as_text(value) or "")[:_CHARACTERS_MAX]
    return (1, *(_chunk(found[0]) for found in _CHUNK.finditer(text)))


def _chunk(text: str) -> tuple[str, int, str]:
    """A run of digits compares with other text by its first character, with digits by its length and its digits."""
    if "0" <= text[0] <= "9":
        return ("0", len(text), text)
    return (text, 0, "")


class Descending:
    """A sort key in the opposite order."""

    __slots__ = ("key",)

    def __init__(self, key: SortKey) -> None:
        self.key = key

    def __lt__(self, other: "Descending") -> bool:
        return other.key < self.key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Descending) and self.key == other.key

    __hash__ = None  # type: ignore[assignment]
