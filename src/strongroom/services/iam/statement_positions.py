"""Where the statements of a policy document stand in its text, in lines and columns.

As IAM counts them, both counted from 1: a statement begins behind its opening brace and ends behind its closing one.
Source: IAM API Reference, "Statement", "Position"; answers of AWS.
"""

import json
import re
from typing import NamedTuple

_decode = json.JSONDecoder().raw_decode
_BETWEEN = re.compile(r"[\s:,]*")


class Position(NamedTuple):
    """A place in a text: line and column, counted from 1."""

    line: int
    column: int

    def shown(self) -> dict[str, int]:
        """Return the place as answers show it."""
        return {"Line": self.line, "Column": self.column}


def statement_positions(text: str) -> list[tuple[Position, Position]]:
    """Return beginning and end of each statement, in order. `text` is a document that parses as a policy."""
    return [(_position(text, start + 1), _position(text, end)) for start, end in _spans(text)]


def _spans(text: str) -> list[tuple[int, int]]:
    at = _next(text, text.index("{") + 1)
    while text[at] != "}":
        name, at = _decode(text, at)
        at = _next(text, at)
        if name == "Statement":
            return _items(text, at)
        _, at = _decode(text, at)
        at = _next(text, at)
    return []


def _items(text: str, at: int) -> list[tuple[int, int]]:
    if text[at] != "[":
        return [(at, _decode(text, at)[1])]
    spans = []
    at = _next(text, at + 1)
    while text[at] != "]":
        _, end = _decode(text, at)
        spans.append((at, end))
        at = _next(text, end)
    return spans


def _next(text: str, at: int) -> int:
    between = _BETWEEN.match(text, at)
    return between.end() if between is not None else at


def _position(text: str, at: int) -> Position:
    return Position(text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
