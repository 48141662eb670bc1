"""Values of fields and expressions, and how they turn into one another.

A value is text, a number, a truth value, a timestamp, or None where a field is missing. Results tell all of them as
text: a truth value as 1 or 0, a timestamp as `2024-01-02 03:04:05.678`. Source: CloudWatch Logs User Guide, "Boolean,
comparison, numeric, datetime, and other functions".
"""

import math
from datetime import UTC, datetime

from strongroom.services.logs.numbers import Number, number_of

INTEGER_MAX = 1 << 63
_WHOLE_FLOAT_MAX = 1e15


class Timestamp(int):
    """A point in time, in milliseconds since 1970-01-01T00:00:00Z."""

    __slots__ = ()


Value = str | int | float | bool | Timestamp | None


def as_number(value: Value) -> Number | None:
    """Return the number that a value is or writes, None for none."""
    if value is None:
        return None
    if isinstance(value, str):
        return number_of(value)
    return value if value.__class__ is int or value.__class__ is float else int(value)


def as_text(value: Value) -> str | None:
    """Return a value as results tell it, None for a missing one."""
    if value is None or value.__class__ is str:
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, Timestamp):
        return timestamp_text(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE_FLOAT_MAX:
        return str(int(value))
    return str(value)


def timestamp_text(milliseconds: int) -> str:
    """Return `2024-01-02 03:04:05.678`; the number itself when it is outside of the calendar."""
    try:
        moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return str(int(milliseconds))
    return f"{moment:%Y-%m-%d %H:%M:%S}.{milliseconds % 1000:03d}"


def is_true(value: Value) -> bool:
    """Tell whether a value counts as true where a condition is wanted."""
    if isinstance(value, str):
        return value.lower() not in ("", "0", "false")
    return bool(value)


def settled(number: Number | complex) -> Number | None:
    """Return the result of a calculation: whole numbers beyond 64 bits become floating; what is no number is None."""
    if isinstance(number, complex):
        return None
    if isinstance(number, int) and abs(number) < INTEGER_MAX:
        return number
    try:
        floating = float(number)
    except OverflowError:
        return None
    return floating if math.isfinite(floating) else None


def equal(left: Value, right: Value) -> bool:
    """Tell whether two values are equal: as text where both are text, else as numbers, else as told. Missing is not."""
    if left is None or right is None:
        return False
    if left.__class__ is str and right.__class__ is str:
        return left == right
    first, second = as_number(left), as_number(right)
    if first is not None and second is not None:
        return first == second
    return _word(left) == _word(right)


def _word(value: Value) -> str | None:
    """JSON's words stand for truth values beside text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return as_text(value)


def less(left: Value, right: Value) -> bool | None:
    """Tell whether `left` is less than `right`: as numbers, else as text where both are; None if incomparable."""
    first, second = as_number(left), as_number(right)
    if first is not None and second is not None:
        return first < second
    if isinstance(left, str) and isinstance(right, str):
        return left < right
    return None
