"""What goes into a query and what comes out of it."""

from typing import NamedTuple


class QueryEvent(NamedTuple):
    """A log event as a query sees it. Times are milliseconds since the epoch; `pointer` becomes `@ptr`."""

    timestamp_ms: int
    ingestion_ms: int
    message: str
    log_stream: str
    log_group: str
    account_id: str
    pointer: str


class QueryResult(NamedTuple):
    """Rows of (field, value) in the order of the query, and how many events satisfied its filters."""

    rows: list[list[tuple[str, str]]]
    records_matched: int
