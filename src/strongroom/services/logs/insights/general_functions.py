"""Functions that choose between values.

Source: CloudWatch Logs User Guide, "Boolean, comparison, numeric, datetime, and other functions".
"""

from collections.abc import Callable

from strongroom.services.logs.insights.values import Value, is_true

_BRANCHES_MAX = 10


def _is_present(value: Value) -> Value:
    return value is not None


def _coalesce(*values: Value) -> Value:
    return next((value for value in values if value is not None), None)


def _if(condition: Value, then: Value, otherwise: Value) -> Value:
    return then if is_true(condition) else otherwise


def _case(*values: Value) -> Value:
    """Conditions and values take turns; an odd one at the end is the default."""
    for condition, value in zip(values[::2], values[1::2], strict=False):
        if is_true(condition):
            return value
    return values[-1] if len(values) % 2 else None


GENERAL_FUNCTIONS: dict[str, tuple[Callable[..., Value], int, int]] = {
    "ispresent": (_is_present, 1, 1),
    "coalesce": (_coalesce, 1, 100),
    "if": (_if, 3, 3),
    "case": (_case, 2, 2 * _BRANCHES_MAX + 1),
}
