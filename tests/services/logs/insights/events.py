"""Log events to query, and queries over them."""

import json
from collections.abc import Iterable
from typing import Any

from strongroom.services.logs.insights import QueryEvent, parse_query

START_MS = 1704164645678
"""2024-01-02 03:04:05.678"""

Row = dict[str, str]


def event(message: str | dict[str, Any], at_ms: int = START_MS, stream: str = "stream") -> QueryEvent:
    """Return an event; a dictionary becomes JSON."""
    text = message if isinstance(message, str) else json.dumps(message)
    return QueryEvent(at_ms, at_ms + 5, text, stream, "group", "123456789012", f"ptr-{at_ms}")


def events(*messages: str | dict[str, Any], apart_ms: int = 60_000) -> list[QueryEvent]:
    """Return events, each a minute after the one before."""
    return [event(message, START_MS + place * apart_ms) for place, message in enumerate(messages)]


def run(query: str, of: Iterable[QueryEvent], limit: int | None = None) -> list[Row]:
    """Return the rows of a query, without their pointers."""
    rows = parse_query(query).run(of, limit, now_s=START_MS // 1000).rows
    return [{name: value for name, value in row if name != "@ptr"} for row in rows]


def column(query: str, of: Iterable[QueryEvent]) -> list[str]:
    """Return the values of a query with one column."""
    return [value for row in run(query, of) for value in row.values()]


def value_of(expression: str, message: str | dict[str, Any] = "text") -> str | None:
    """Return what an expression is for one event, None when it is missing."""
    return run(f"fields {expression} as value | display value", [event(message)])[0].get("value")
