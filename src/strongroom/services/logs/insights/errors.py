"""What goes wrong with a Logs Insights query."""


class QueryError(ValueError):
    """A text is not a query that can be run. The message is one sentence for people.

    `start` and `end` are offsets in characters of what is wrong: StartQuery answers `MalformedQueryException` with them
    as `queryCompileError.location`.
    """

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = end


class QueryTooLargeError(QueryError):
    """A running query would hold more than is allowed; it fails, and a narrower one may not."""
