"""The Condition element: tests of context keys, all of which must be met for a statement to apply.

How a test decides, for the values that the request has for the key:

* A plain operator is met when any value of the key matches any value of the policy; a negated one when no value
  matches any (NOR). For a key with several values AWS leaves this open and asks for a set prefix. "Any" keeps a plain
  operator and its negation exact opposites, so a Deny cannot be escaped by sending one more harmless value.
* `ForAllValues:` is met when every value of the key passes, `ForAnyValue:` when at least one does.
* An absent key, or one with an empty list: plain operators are not met, plain negated ones are; `ForAllValues:` is
  met, `ForAnyValue:` is not (negated or not). With `IfExists` the test is met, and `Null` tells.
* A single empty string is a value to a plain operator, and no value (though not an absent key) to a set operator.
  Whether it is null goes against the request: a `Null` test is not met in an Allow, and met in a Deny.

A comparison that cannot be made goes against the request: in an Allow the test is not met, in a Deny it is. That
holds for a value that cannot be read as the operator's type. A policy value with a variable that has no value matches
nothing; in an Allow it cannot satisfy a negated operator either.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators", "Set operators for multivalued context keys".
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from strongroom.policy.context import Context
from strongroom.policy.errors import PolicySyntaxError
from strongroom.policy.literals import read_boolean
from strongroom.policy.operators import OPERATORS, Operator, Reading
from strongroom.policy.patterns import Matcher

ConditionTest = Callable[[Context], bool]

_SET_PREFIXES = ("ForAllValues:", "ForAnyValue:")
_IF_EXISTS = "IfExists"
_EMPTY_TEXT = ("",)


class Condition(NamedTuple):
    """One key under one operator: the words of the policy, and the test that they compile to."""

    operator: str
    key: str
    values: tuple[str, ...]
    is_met: ConditionTest


def compile_condition(name: str, key: str, values: Sequence[str], *, is_allow: bool, variables: bool) -> Condition:
    """Compile the test of `key` (in any case) under the operator `name` (with prefix and suffix) against `values`.

    Raises PolicySyntaxError for an unknown operator or a value that is not of its type.
    """
    folded = key.lower()
    if name == "Null":
        return Condition(name, key, tuple(values), _compile_null(folded, values, doubt=not is_allow))
    prefix = next((prefix for prefix in _SET_PREFIXES if name.startswith(prefix)), "")
    if_exists = name.endswith(_IF_EXISTS)
    operator = OPERATORS.get(name.removeprefix(prefix).removesuffix(_IF_EXISTS))
    if operator is None:
        raise PolicySyntaxError(_unknown(name))
    matcher = operator.compile_values(values, Reading(variables, None if is_allow else False))
    when_absent = if_exists or prefix == "ForAllValues:" or (not prefix and operator.negated)
    needs_all = prefix == "ForAllValues:" or (not prefix and operator.negated)
    test = _compile_test(folded, operator, matcher, needs_all=needs_all, when_absent=when_absent, doubt=not is_allow)
    if prefix:
        test = _with_no_value(folded, test, when_no_value=prefix == "ForAllValues:")
    return Condition(name, key, tuple(values), test)


def _compile_test(
    key: str, operator: Operator, matcher: Matcher, *, needs_all: bool, when_absent: bool, doubt: bool
) -> ConditionTest:
    """`doubt` is the verdict on a value that cannot be compared."""
    negated = operator.negated

    def is_met(context: Context) -> bool:
        values = context.values_of(key)
        if len(values) == 1:
            matched = matcher(values[0], context)
            return doubt if matched is None else matched is not negated
        if not values:
            return when_absent
        for value in values:
            matched = matcher(value, context)
            passes = doubt if matched is None else matched is not negated
            if passes is not needs_all:
                return passes
        return needs_all

    return is_met


def _with_no_value(key: str, test: ConditionTest, *, when_no_value: bool) -> ConditionTest:
    """Set operators take an empty string for an empty set of values."""
    return lambda context: when_no_value if context.values_of(key) == _EMPTY_TEXT else test(context)


def _compile_null(key: str, values: Sequence[str], *, doubt: bool) -> ConditionTest:
    """A key that has only an empty string exists, but AWS's pages differ on whether its value is null."""
    wanted = {read_boolean(value) for value in values}
    if None in wanted:
        raise PolicySyntaxError("the value of Null is true or false")
    when_empty_text = doubt or len(wanted) == len({True, False})

    def is_met(context: Context) -> bool:
        found = context.values_of(key)
        return when_empty_text if found == _EMPTY_TEXT else (not found) in wanted

    return is_met


def _unknown(name: str) -> str:
    close = {known.lower(): known for known in (*OPERATORS, "Null")}.get(name.lower())
    hint = f"; operators are case-sensitive: {close}" if close is not None and close != name else ""
    return f"unknown condition operator {name!r}{hint}"


def all_met(conditions: Sequence[Condition]) -> Callable[[Context], bool] | None:
    """Return one test for "every condition is met", or None when there is none."""
    tests = tuple(condition.is_met for condition in conditions)
    match tests:
        case ():
            return None
        case (only,):
            return only
        case (first, second):
            return lambda context: first(context) and second(context)
        case _:
            return partial(_every_met, tests)


def _every_met(tests: Sequence[ConditionTest], context: Context) -> bool:
    for test in tests:  # noqa: SIM110  A generator would cost more than the tests.
        if not test(context):
            return False
    return True
