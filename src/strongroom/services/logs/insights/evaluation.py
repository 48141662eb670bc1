"""What expressions mean: each node becomes a function from a row to a value, once for every run of a query."""

import math
from collections.abc import Callable
from typing import assert_never

from strongroom.services.logs.insights import expressions as node
from strongroom.services.logs.insights.budget import Budget
from strongroom.services.logs.insights.functions import FUNCTIONS, PERIOD_FUNCTIONS
from strongroom.services.logs.insights.record import Record
from strongroom.services.logs.insights.values import Value, as_number, as_text, equal, is_true, less, settled
from strongroom.services.logs.numbers import Number

Evaluate = Callable[[Record], Value]


class Context:
    """What a whole run shares. `now_s` is the time that it began, in seconds since the epoch."""

    __slots__ = ("budget", "now_s")

    def __init__(self, now_s: int) -> None:
        self.now_s = now_s
        self.budget = Budget()


def compile_expression(expression: node.Expression, context: Context) -> Evaluate:
    """Return the function that gives an expression's value for a row."""
    match expression:
        case node.Literal(value):
            return lambda record: value
        case node.Field(name):
            return lambda record: record.get(name)
        case node.Slot(index):
            return lambda record: record.slots[index]
        case node.Call():
            return _call(expression, context)
        case node.Chain():
            return _chain(expression, context)
        case node.Comparison():
            return _comparison(expression, context)
        case node.Contains() | node.Matches() | node.IsIn():
            return _membership(expression, context)
        case node.Not() | node.AllOf() | node.AnyOf():
            return _boolean(expression, context)
        case _:
            assert_never(expression)


def _boolean(expression: node.Not | node.AllOf | node.AnyOf, context: Context) -> Evaluate:
    if isinstance(expression, node.Not):
        condition = compile_expression(expression.condition, context)
        return lambda record: not is_true(condition(record))
    conditions = tuple(compile_expression(each, context) for each in expression.conditions)
    if isinstance(expression, node.AllOf):
        return lambda record: all(is_true(each(record)) for each in conditions)
    return lambda record: any(is_true(each(record)) for each in conditions)


def _membership(expression: node.Contains | node.Matches | node.IsIn, context: Context) -> Evaluate:
    value = compile_expression(expression.value, context)
    match expression:
        case node.Contains(_, text):

            def contains(record: Record) -> Value:
                found = as_text(value(record))
                return found is not None and text in found

            return contains
        case node.Matches(_, regex):

            def matches(record: Record) -> Value:
                found = as_text(value(record))
                return found is not None and regex.found_in(found)

            return matches
        case node.IsIn(_, items):

            def is_in(record: Record) -> Value:
                found = value(record)
                return any(equal(found, item) for item in items)

            return is_in


def _comparison(expression: node.Comparison, context: Context) -> Evaluate:
    left, right = compile_expression(expression.left, context), compile_expression(expression.right, context)
    match expression.operator:
        case "=":
            return lambda record: equal(left(record), right(record))
        case "!=":
            return lambda record: not equal(left(record), right(record))
        case "<":
            return lambda record: less(left(record), right(record)) is True
        case ">":
            return lambda record: less(right(record), left(record)) is True
        case "<=":
            return lambda record: less(right(record), left(record)) is False
        case _:
            return lambda record: less(left(record), right(record)) is False


def _chain(expression: node.Chain, context: Context) -> Evaluate:
    first = compile_expression(expression.first, context)
    rest = tuple((_ARITHMETIC[operator], compile_expression(each, context)) for operator, each in expression.rest)

    def calculate(record: Record) -> Value:
        result = as_number(first(record))
        for apply, operand in rest:
            number = as_number(operand(record))
            if result is None or number is None:
                return None
            try:
                result = settled(apply(result, number))
            except (ZeroDivisionError, OverflowError, ValueError):
                return None
        return result

    return calculate


def _power(base: Number, exponent: Number) -> Number:
    """Through floating numbers, which bound what `9 ^ 9 ^ 9` costs."""
    result = math.pow(base, exponent)
    whole = isinstance(base, int) and isinstance(exponent, int) and abs(result) < 1 << 53
    return int(result) if whole and result.is_integer() else result


def _remainder(left: Number, right: Number) -> Number:
    """With the sign of the dividend."""
    if isinstance(left, int) and isinstance(right, int):
        remainder = abs(left) % abs(right)
        return -remainder if left < 0 else remainder
    return math.fmod(left, right)


_ARITHMETIC: dict[str, Callable[[Number, Number], Number]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "%": _remainder,
    "^": _power,
}


def _call(call: node.Call, context: Context) -> Evaluate:
    if call.name == "now":
        now_s = context.now_s
        return lambda record: now_s
    arguments = tuple(compile_expression(argument, context) for argument in call.arguments)
    if call.name in PERIOD_FUNCTIONS:
        return _of_period(call, arguments[0])
    function = FUNCTIONS[call.name].call
    if len(arguments) == 1:
        only = arguments[0]
        return lambda record: function(only(record))
    return lambda record: function(*[argument(record) for argument in arguments])


def _of_period(call: node.Call, argument: Evaluate) -> Evaluate:
    assert call.period is not None  # noqa: S101  # The parser gives these functions one.
    apply = call.period.ceil if call.name == "dateceil" else call.period.floor

    def truncate(record: Record) -> Value:
        milliseconds = as_number(argument(record))
        return None if milliseconds is None else apply(int(milliseconds))

    return truncate
