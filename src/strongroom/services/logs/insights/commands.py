"""The commands of a query, as data; `pipeline` runs them."""

from collections.abc import Callable
from dataclasses import dataclass

from strongroom.services.logs.insights.expressions import Aggregate, Expression


@dataclass(frozen=True, slots=True)
class Fields:
    """`fields` and `display`: values that rows get, by name."""

    items: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """`filter`: rows that satisfy a condition stay."""

    condition: Expression


@dataclass(frozen=True, slots=True)
class Parse:
    """`parse`: what is captured in a value, in the order of `names`; rows without it stay as they are."""

    value: Expression
    captured_in: Callable[[str], list[str | None] | None]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sort:
    """`sort`: (expression, whether descending), the first weighs most."""

    keys: tuple[tuple[Expression, bool], ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """`limit`: only so many rows."""

    rows: int


@dataclass(frozen=True, slots=True)
class Dedup:
    """`dedup`: of rows with the same values only the first; rows without one of the values all stay."""

    values: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Stats:
    """`stats`: a row for each group. `items` are evaluated in order, on the group's values and aggregates."""

    aggregates: tuple[Aggregate, ...]
    items: tuple[tuple[str, Expression], ...]
    by: tuple[tuple[str, Expression], ...]


Command = Fields | Filter | Parse | Sort | Limit | Dedup | Stats
"""Fields, Filter, Parse and Sort look at one row at a time; Limit, Dedup and Stats at all that came before."""
