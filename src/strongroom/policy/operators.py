"""The condition operators of the language, one row each: what the policy's values must be, and how they are compared.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
"""

import operator as comparison
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from strongroom.policy import literals
from strongroom.policy.context import Context
from strongroom.policy.errors import PolicySyntaxError
from strongroom.policy.patterns import ARN_SEGMENTS, Matcher, compile_arns, compile_texts
from strongroom.policy.tokens import Tokens, Variable, Wildcard, has_variable, resolve, split_segments, tokenize

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reading:
    """How the document that holds a condition is to be read.

    `variables` is whether its Version has policy variables. `unresolved` is what a pattern answers whose variable has
    no value: None (cannot tell) in an Allow, False (matches nothing) in a Deny.
    """

    variables: bool
    unresolved: bool | None


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator without its set prefix and `IfExists`.

    `compile_values` turns the policy's values into a matcher for one value of the key; it raises PolicySyntaxError
    for a value that is not of the operator's type. `negated` operators are met when the matcher says no.
    """

    name: str
    negated: bool
    compile_values: Callable[[Sequence[str], Reading], Matcher]


def _texts(*, wildcards: bool, ignore_case: bool = False) -> Callable[[Sequence[str], Reading], Matcher]:
    def compile_values(values: Sequence[str], reading: Reading) -> Matcher:
        patterns = [tokenize(value, variables=reading.variables, wildcards=wildcards) for value in values]
        return compile_texts(patterns, unresolved=reading.unresolved, ignore_case=ignore_case)

    return compile_values


def _booleans(values: Sequence[str], reading: Reading) -> Matcher:
    """`true` or `false` in any case, or a policy variable that stands for one of them."""
    static: set[bool] = set()
    templates: list[Tokens] = []
    for value in values:
        tokens = tokenize(value, variables=reading.variables, wildcards=False)
        if has_variable(tokens):
            templates.append(tokens)
        else:
            static.add(_read_literal(literals.read_boolean, value, "true or false"))

    def match(value: str, context: Context) -> bool | None:
        given = literals.read_boolean(value)
        if given is None:
            return None
        if given in static:
            return True
        # There is no negated Bool, so that a variable without a value needs no answer of its own.
        for tokens in templates:
            resolved = resolve(tokens, context)
            if resolved is not None and literals.read_boolean("".join(map(str, resolved))) is given:
                return True
        return False

    return match


def _arns(values: Sequence[str], reading: Reading) -> Matcher:
    """ARN patterns. A value that is not an ARN cannot be compared with one."""
    patterns = []
    for value in values:
        tokens = tokenize(value, variables=reading.variables)
        if not _is_arn_pattern(tokens):
            raise PolicySyntaxError(f"{value!r} is not an ARN")
        patterns.append(tokens)
    matches = compile_arns(patterns, unresolved=reading.unresolved)

    def match(value: str, context: Context) -> bool | None:
        if not value.startswith("arn:") or value.count(":") < ARN_SEGMENTS - 1:
            return None
        return matches(value, context)

    return match


def _is_arn_pattern(tokens: Tokens) -> bool:
    if len(tokens) == 1 and (tokens[0] is Wildcard.MANY or isinstance(tokens[0], Variable)):
        return True
    return len(split_segments(tokens, ARN_SEGMENTS)) == ARN_SEGMENTS


def _typed(
    read: Callable[[str], T | None], noun: str, compare: Callable[[T, T], bool]
) -> Callable[[Sequence[str], Reading], Matcher]:
    """Values that `read` understands, compared as `compare(value of the key, value in the policy)`."""

    def compile_values(values: Sequence[str], _: Reading) -> Matcher:
        wanted = tuple(_read_literal(read, value, noun) for value in values)

        def match(value: str, _: Context) -> bool | None:
            given = read(value)
            if given is None:
                return None
            for one in wanted:  # noqa: SIM110  A generator would cost more than the comparison.
                if compare(given, one):
                    return True
            return False

        return match

    return compile_values


def _read_literal(read: Callable[[str], T | None], value: str, noun: str) -> T:
    literal = read(value)
    if literal is None:
        raise PolicySyntaxError(f"{value!r} is not {noun}")
    return literal


def _addresses(values: Sequence[str], _: Reading) -> Matcher:
    networks = tuple(_read_literal(literals.read_network, value, "an IP address or CIDR range") for value in values)

    def match(value: str, _: Context) -> bool | None:
        given = literals.read_address(value)
        if given is None:
            return None
        version, number = given
        for of_version, base, mask in networks:  # noqa: SIM110  A generator would cost more than the comparison.
            if version == of_version and number & mask == base:
                return True
        return False

    return match


def _pair(positive: str, negative: str, compile_values: Callable[[Sequence[str], Reading], Matcher]) -> list[Operator]:
    return [Operator(positive, False, compile_values), Operator(negative, True, compile_values)]


def _ordered(family: str, read: Callable[[str], T | None], noun: str) -> list[Operator]:
    """The six comparisons of numbers or of times."""
    orders: dict[str, Callable[[Any, Any], bool]] = {
        "LessThan": comparison.lt,
        "LessThanEquals": comparison.le,
        "GreaterThan": comparison.gt,
        "GreaterThanEquals": comparison.ge,
    }
    equality = _pair(f"{family}Equals", f"{family}NotEquals", _typed(read, noun, comparison.eq))
    return equality + [Operator(family + name, False, _typed(read, noun, order)) for name, order in orders.items()]


_ALL = [
    *_pair("StringEquals", "StringNotEquals", _texts(wildcards=False)),
    *_pair("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", _texts(wildcards=False, ignore_case=True)),
    *_pair("StringLike", "StringNotLike", _texts(wildcards=True)),
    *_ordered("Numeric", literals.read_number, "a number"),
    *_ordered("Date", literals.read_time, "a date in ISO 8601 form or seconds since the epoch"),
    Operator("Bool", False, _booleans),
    Operator("BinaryEquals", False, _typed(literals.read_bytes, "base64", comparison.eq)),
    *_pair("IpAddress", "NotIpAddress", _addresses),
    *_pair("ArnEquals", "ArnNotEquals", _arns),
    *_pair("ArnLike", "ArnNotLike", _arns),
]

OPERATORS: dict[str, Operator] = {row.name: row for row in _ALL}
