"""Groups of rows and their aggregates. Only the groups are held.

Source: CloudWatch Logs User Guide, "stats".
"""

from collections.abc import Iterable, Iterator

from strongroom.services.logs.insights.aggregates import AGGREGATES, Accumulator
from strongroom.services.logs.insights.budget import weight_of
from strongroom.services.logs.insights.commands import Stats
from strongroom.services.logs.insights.evaluation import Context, Evaluate, compile_expression
from strongroom.services.logs.insights.expressions import Aggregate
from strongroom.services.logs.insights.record import Record
from strongroom.services.logs.insights.values import Timestamp, Value, as_text

_GROUP_WEIGHT = 8
_ACCUMULATOR_WEIGHT = 4

Group = tuple[tuple[Value, ...], list[Accumulator]]


def groups_of(rows: Iterable[Record], command: Stats, context: Context) -> Iterator[Record]:
    """Yield a row for each group: the newest period first, else in the order in which groups appeared."""
    by = tuple(compile_expression(expression, context) for _, expression in command.by)
    names = tuple(name for name, _ in command.by)
    items = tuple((name, compile_expression(expression, context)) for name, expression in command.items)
    for place, (key, accumulators) in enumerate(_gathered(rows, by, command.aggregates, context)):
        newest = tuple(-value for value in key if isinstance(value, Timestamp))
        row = Record(None, (newest, place), dict(zip(names, key, strict=True)))
        row.slots = [accumulator.result() for accumulator in accumulators]
        for name, value in items:
            row.values[name] = value(row)
        yield row


def _gathered(
    rows: Iterable[Record], by: tuple[Evaluate, ...], aggregates: tuple[Aggregate, ...], context: Context
) -> Iterable[Group]:
    arguments = tuple(
        None if aggregate.argument is None else compile_expression(aggregate.argument, context)
        for aggregate in aggregates
    )
    groups: dict[tuple[Value, ...], Group] = {}
    for row in rows:
        values = tuple(value(row) for value in by)
        # Values that are told alike are one group: the number 200 and the text "200".
        key = tuple(value if isinstance(value, Timestamp) else as_text(value) for value in values)
        group = groups.get(key)
        if group is None:
            texts = sum(weight_of(text) for text in key if isinstance(text, str))
            context.budget.take(_GROUP_WEIGHT + _ACCUMULATOR_WEIGHT * len(aggregates) + texts)
            group = groups[key] = (
                values,
                [AGGREGATES[aggregate.name](aggregate.constant, context.budget) for aggregate in aggregates],
            )
        at_ms = row.event.timestamp_ms if row.event is not None else 0
        for argument, accumulator in zip(arguments, group[1], strict=True):
            value: Value = True if argument is None else argument(row)
            if value is not None:
                accumulator.add(value, at_ms)
    return groups.values()
