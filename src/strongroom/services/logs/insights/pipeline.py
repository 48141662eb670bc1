"""Running a query: rows go through its commands one at a time, and are held only where a command needs them all.

A sort only notes a row's place. Rows are put in order where it matters: at a limit, a dedup and the end, and there only
as many are held as can come out. Source: CloudWatch Logs User Guide, "CloudWatch Logs Insights language query syntax".
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from strongroom.services.logs.insights.budget import Budget
from strongroom.services.logs.insights.commands import Command, Dedup, Fields, Filter, Limit, Parse, Sort, Stats
from strongroom.services.logs.insights.evaluation import Context, compile_expression
from strongroom.services.logs.insights.record import Record
from strongroom.services.logs.insights.results import QueryEvent
from strongroom.services.logs.insights.sorting import Descending, sort_key
from strongroom.services.logs.insights.statistics import groups_of
from strongroom.services.logs.insights.values import as_text, is_true

Step = Callable[[Record], bool]
"""Changes a row, and tells whether it stays."""


class Pipeline:
    """One run of a query's commands. `matched` counts the events that satisfied the filters before anything else."""

    def __init__(self, commands: Sequence[Command], context: Context) -> None:
        self.context = context
        self.matched = 0
        self._commands = commands

    def run(self, events: Iterable[QueryEvent], rows_max: int) -> list[Record]:
        """Return the rows that come out, in order, at most `rows_max`."""
        rows: Iterable[Record] = (Record(event, (-event.timestamp_ms, at)) for at, event in enumerate(events))
        steps: list[Step] = []
        counted = False
        for command in (*self._commands, Limit(rows_max)):
            if not isinstance(command, Limit | Dedup | Stats):
                steps.append(self._step(command))
                continue
            rows = _through(rows, steps)
            rows = rows if counted else self._counting(rows)
            counted, steps = True, []
            rows = self._together(command, rows)
        return list(rows)

    def _counting(self, rows: Iterable[Record]) -> Iterator[Record]:
        for row in rows:
            self.matched += 1
            yield row

    def _together(self, command: Limit | Dedup | Stats, rows: Iterable[Record]) -> Iterable[Record]:
        if isinstance(command, Limit):
            return _numbered(_first(rows, command.rows, self.context.budget))
        if isinstance(command, Dedup):
            return _without_duplicates(rows, command, self.context)
        return groups_of(rows, command, self.context)

    def _step(self, command: Fields | Filter | Parse | Sort) -> Step:
        if isinstance(command, Filter):
            return _filtering(command, self.context)
        if isinstance(command, Fields):
            return _computing(command, self.context)
        return _parsing(command, self.context) if isinstance(command, Parse) else _sorting(command, self.context)


def _filtering(command: Filter, context: Context) -> Step:
    condition = compile_expression(command.condition, context)
    return lambda row: is_true(condition(row))


def _computing(command: Fields, context: Context) -> Step:
    items = tuple((name, compile_expression(expression, context)) for name, expression in command.items)

    def compute(row: Record) -> bool:
        for name, value in items:
            row.values[name] = value(row)
        return True

    return compute


def _parsing(command: Parse, context: Context) -> Step:
    value, captured_in, names = compile_expression(command.value, context), command.captured_in, command.names

    def parse(row: Record) -> bool:
        text = as_text(value(row))
        captured = None if text is None else captured_in(text)
        if captured is not None:
            row.values.update(zip(names, captured, strict=False))
        return True

    return parse


def _sorting(command: Sort, context: Context) -> Step:
    """Rows that are equal keep the order that they had."""
    keys = tuple((compile_expression(expression, context), descending) for expression, descending in command.keys)

    def note(row: Record) -> bool:
        places: list[Any] = []
        for value, descending in keys:
            key = sort_key(value(row))
            places.append(Descending(key) if descending else key)
        row.order = (*places, *row.order)
        return True

    return note


def _through(rows: Iterable[Record], steps: Sequence[Step]) -> Iterable[Record]:
    return (row for row in rows if all(step(row) for step in steps)) if steps else rows


def _first(rows: Iterable[Record], wanted: int, budget: Budget) -> list[Record]:
    """Return the first rows in order, never holding many more than are wanted."""
    held: list[Record] = []
    last: tuple[Any, ...] | None = None
    for row in rows:
        if last is not None and not row.order < last:
            continue
        row.hold()
        if len(held) >= wanted and (len(held) >= 2 * wanted + 1024 or row.weight > budget.left):
            _keep(held, wanted, budget)
            last = held[-1].order
        budget.take(row.weight)
        held.append(row)
    _keep(held, wanted, budget)
    return held


def _keep(held: list[Record], wanted: int, budget: Budget) -> None:
    held.sort(key=_order)
    budget.give_back(sum(row.weight for row in held[wanted:]))
    del held[wanted:]


def _order(row: Record) -> tuple[Any, ...]:
    return row.order


def _numbered(rows: list[Record]) -> list[Record]:
    for place, row in enumerate(rows):
        row.order = (place,)
    return rows


def _without_duplicates(rows: Iterable[Record], command: Dedup, context: Context) -> Iterator[Record]:
    values, budget = tuple(compile_expression(value, context) for value in command.values), context.budget
    firsts: dict[tuple[str | None, ...], Record] = {}
    incomplete: list[Record] = []
    for row in rows:
        key = tuple(as_text(value(row)) for value in values)
        held = None if None in key else firsts.get(key)
        if held is not None and not row.order < held.order:
            continue
        budget.give_back(held.weight if held is not None else 0)
        budget.take(row.hold())
        if None in key:
            incomplete.append(row)
        else:
            firsts[key] = row
    yield from firsts.values()
    yield from incomplete
