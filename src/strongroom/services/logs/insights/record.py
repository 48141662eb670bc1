"""A row on its way through a query: a log event with what the query made of it, or a row of statistics."""

from collections.abc import Callable
from typing import Any

from strongroom.services.logs.insights.budget import weight_of
from strongroom.services.logs.insights.json_fields import document_of, field_of
from strongroom.services.logs.insights.lambda_fields import lambda_fields_of
from strongroom.services.logs.insights.results import QueryEvent
from strongroom.services.logs.insights.values import Timestamp, Value

POINTER = "@ptr"

SYSTEM_FIELDS: dict[str, Callable[[QueryEvent], Value]] = {
    "@timestamp": lambda event: Timestamp(event.timestamp_ms),
    "@ingestionTime": lambda event: Timestamp(event.ingestion_ms),
    "@message": lambda event: event.message,
    "@logStream": lambda event: event.log_stream,
    "@log": lambda event: f"{event.account_id}:{event.log_group}",
    POINTER: lambda event: event.pointer,
}
_UNREAD: Any = object()
_WEIGHT = 8


class Record:
    """A row. `event` is None for a row of statistics; `values` are fields that the query made; `order` sorts rows."""

    __slots__ = ("_document", "_lambda_fields", "event", "order", "slots", "values", "weight")

    def __init__(
        self, event: QueryEvent | None, order: tuple[Any, ...], values: dict[str, Value] | None = None
    ) -> None:
        self.event = event
        self.order = order
        self.values: dict[str, Value] = {} if values is None else values
        self.slots: list[Value] = []
        self.weight = 0
        self._document: Any = _UNREAD
        self._lambda_fields: Any = _UNREAD

    def hold(self) -> int:
        """Make the row fit to be held for long: forget what can be read again. Return its `weight` in the budget."""
        self._document = self._lambda_fields = _UNREAD
        self.weight = _WEIGHT + sum(weight_of(value) for value in self.values.values() if isinstance(value, str))
        if self.event is not None:
            self.weight += weight_of(self.event.message)
        return self.weight

    def get(self, name: str) -> Value:
        """Return the value of a field: of the query's making, of the system, or discovered in the message."""
        if name in self.values:
            return self.values[name]
        event = self.event
        if event is None:
            return None
        system = SYSTEM_FIELDS.get(name)
        if system is not None:
            return system(event)
        if name.startswith("@") and not name.startswith("@@"):
            return self._marked(name, event)
        if self._document is _UNREAD:
            self._document = document_of(event.message)
        if self._document is None:
            return None
        return field_of(self._document, name[1:] if name.startswith("@@") else name)

    def _marked(self, name: str, event: QueryEvent) -> Value:
        """`@name` is discovered in the messages of functions; else what `parse` named without the @ answers to it."""
        if self._lambda_fields is _UNREAD:
            self._lambda_fields = lambda_fields_of(event.message)
        found = self._lambda_fields.get(name)
        return found if found is not None else self.values.get(name[1:])
