"""A query, read once and run over events.

Source: CloudWatch Logs User Guide, "CloudWatch Logs Insights language query syntax"; CloudWatch Logs API Reference,
StartQuery and GetQueryResults.
"""

import time
from collections.abc import Iterable

from strongroom.services.logs.insights.command_parser import ROWS_MAX, CommandParser, ParsedQuery
from strongroom.services.logs.insights.commands import Limit
from strongroom.services.logs.insights.errors import QueryError
from strongroom.services.logs.insights.evaluation import Context
from strongroom.services.logs.insights.pipeline import Pipeline
from strongroom.services.logs.insights.record import POINTER, Record
from strongroom.services.logs.insights.results import QueryEvent, QueryResult
from strongroom.services.logs.insights.values import as_text

QUERY_CHARACTERS_MAX = 10_000
ROWS_DEFAULT = 10_000


class Query:
    """A query that can be run. `text` is what was parsed."""

    __slots__ = ("_parsed", "text")

    def __init__(self, text: str, parsed: ParsedQuery) -> None:
        self.text = text
        self._parsed = parsed

    def run(self, events: Iterable[QueryEvent], limit: int | None = None, *, now_s: int | None = None) -> QueryResult:
        """Run it over `events`, in whatever order they come; rows are the newest first unless the query sorts them.

        At most `limit` rows come out, fewer if the query says so; without either, 10,000. `now_s` is what `now()`
        tells, in seconds since the epoch (None: the time of the machine). Raises QueryTooLargeError when more would
        have to be held than is allowed.
        """
        context = Context(int(time.time()) if now_s is None else now_s)
        pipeline = Pipeline(self._parsed.commands, context)
        rows = pipeline.run(events, self._rows_default() if limit is None else max(1, limit))
        return QueryResult([self._told(row) for row in rows], pipeline.matched)

    def _rows_default(self) -> int:
        limited = any(isinstance(command, Limit) for command in self._parsed.commands)
        return ROWS_MAX if limited else ROWS_DEFAULT

    def _told(self, row: Record) -> list[tuple[str, str]]:
        """A field that is missing is left out; a row that is an event always tells its pointer, last."""
        told = [
            (name, text)
            for name in self._parsed.columns
            if name != POINTER and (text := as_text(row.get(name))) is not None
        ]
        if row.event is not None:
            told.append((POINTER, row.event.pointer))
        return told


def parse_query(text: str) -> Query:
    """Read a query. Raises QueryError for what is not one, and for commands and functions that are not supported."""
    if len(text) > QUERY_CHARACTERS_MAX:
        raise QueryError(f"a query is at most {QUERY_CHARACTERS_MAX} characters long", 0, len(text))
    return Query(text, CommandParser(text).query())
