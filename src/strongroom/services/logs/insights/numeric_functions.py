"""Functions of numbers, and of timestamps as numbers.

Source: CloudWatch Logs User Guide, "Boolean, comparison, numeric, datetime, and other functions".
"""

import math
from collections.abc import Callable

from strongroom.services.logs.insights.values import Timestamp, Value, as_number, as_text, settled
from strongroom.services.logs.numbers import Number

_DECIMALS_MAX = 15
_MANY = 100


def _of_numbers(calculate: Callable[..., Number]) -> Callable[..., Value]:
    """Make a function of numbers one of values: without a number, or without a result, it is missing."""

    def function(*values: Value) -> Value:
        numbers = [as_number(value) for value in values]
        if any(number is None for number in numbers):
            return None
        try:
            return settled(calculate(*numbers))
        except (ValueError, OverflowError, ZeroDivisionError):
            return None

    return function


def _present(choose: Callable[[list[Number]], Number]) -> Callable[..., Value]:
    """The greatest or least of what is there."""

    def function(*values: Value) -> Value:
        numbers = [number for value in values if (number := as_number(value)) is not None]
        return settled(choose(numbers)) if numbers else None

    return function


def _round(number: Number, decimals: Number = 0) -> Number:
    """Halves go away from zero, as people round."""
    places = int(max(-_DECIMALS_MAX, min(_DECIMALS_MAX, decimals)))
    scale = 10.0**places
    rounded = math.floor(abs(number) * scale + 0.5) / scale
    return math.copysign(rounded, number)


def _wrapped(number: Number, bits: int) -> Number:
    whole = int(number)
    limit = 1 << (bits - 1)
    if not -limit <= whole < limit:
        raise OverflowError
    return whole


def _from_millis(value: Value) -> Value:
    number = as_number(value)
    return None if number is None else Timestamp(int(number))


def _to_millis(value: Value) -> Value:
    number = as_number(value)
    return None if number is None else int(number)


def _is_numeric(value: Value) -> Value:
    return as_number(value) is not None


def _hex_to_dec(value: Value) -> Value:
    text = as_text(value)
    try:
        return None if text is None or len(text) > 18 or "_" in text else settled(int(text, 16))
    except ValueError:
        return None


NUMERIC_FUNCTIONS: dict[str, tuple[Callable[..., Value], int, int]] = {
    "abs": (_of_numbers(abs), 1, 1),
    "ceil": (_of_numbers(math.ceil), 1, 1),
    "floor": (_of_numbers(math.floor), 1, 1),
    "log": (_of_numbers(math.log), 1, 1),
    "sqrt": (_of_numbers(math.sqrt), 1, 1),
    "round": (_of_numbers(_round), 1, 2),
    "greatest": (_present(max), 1, _MANY),
    "least": (_present(min), 1, _MANY),
    "tonumber": (_of_numbers(lambda number: number), 1, 1),
    "todouble": (_of_numbers(float), 1, 1),
    "toint": (_of_numbers(lambda number: _wrapped(number, 32)), 1, 1),
    "tolong": (_of_numbers(lambda number: _wrapped(number, 64)), 1, 1),
    "isnumeric": (_is_numeric, 1, 1),
    "hextodec": (_hex_to_dec, 1, 1),
    "frommillis": (_from_millis, 1, 1),
    "tomillis": (_to_millis, 1, 1),
}
