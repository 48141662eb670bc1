"""Conditions that come out the same whatever the request."""

import re
from collections.abc import Iterator

from strongroom.policy_check.finding import Flaw, Level
from strongroom.policy_check.rule import Rule
from strongroom.policy_check.statement import CheckedStatement
from strongroom.policy_check.subject import CheckedPolicy
from strongroom.policy_check.witnesses import Pair, can_be_met, is_always_met

_VARIABLE = re.compile(r"\$\{[^{}]*\}")
_EXACT = ("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase")


def _wildcards(policy: CheckedPolicy) -> Iterator[Flaw]:
    for statement in policy.sound:
        for condition in statement.conditions:
            if condition.base not in _EXACT:
                continue
            for value in condition.values:
                if set(_VARIABLE.sub("", value.text)) & set("*?"):
                    like = "StringNotLike" if condition.negated else "StringLike"
                    yield Flaw(
                        value.node,
                        f"{condition.operator} takes {value.text!r} to the letter: its wildcard is a mere character.",
                        f"Use {like}, or for ARNs {'ArnNotLike' if condition.negated else 'ArnLike'}.",
                    )


def _by_key(statement: CheckedStatement) -> dict[str, list[Pair]]:
    pairs: dict[str, list[Pair]] = {}
    compiled = statement.compiled.conditions if statement.compiled is not None else ()
    for checked, one in zip(statement.conditions, compiled, strict=True):
        pairs.setdefault(checked.key, []).append((checked, one))
    return pairs


def _never(policy: CheckedPolicy) -> Iterator[Flaw]:
    for statement in policy.sound:
        for pairs in _by_key(statement).values():
            if can_be_met(pairs) is False:
                condition = pairs[-1][0]
                so = "allows nothing" if statement.allows else "denies nothing"
                what = "These conditions" if len(pairs) > 1 else "This condition"
                yield Flaw(
                    condition.node,
                    f"{what} on {condition.name} can never be met, so the statement {so}.",
                    "Conditions of one statement are joined by AND: put alternatives into one list of values, "
                    "or into statements of their own.",
                )


def _always(policy: CheckedPolicy) -> Iterator[Flaw]:
    for statement in policy.sound:
        for pairs in _by_key(statement).values():
            for pair in pairs:
                if is_always_met(pair):
                    condition = pair[0]
                    yield Flaw(
                        condition.node,
                        f"{condition.operator} on {condition.name} is met by every request, so it limits nothing.",
                        "Take it away, or say what you meant to require.",
                    )
        empty = statement.node.member("Condition")
        if empty is not None and empty.members == []:
            yield Flaw(empty, "An empty Condition is met by every request.", "Take it away, or say what you require.")


RULES = (
    Rule("wildcard-taken-literally", Level.WARNING, "A wildcard under an operator that knows none.", _wildcards),
    Rule("condition-never-met", Level.ERROR, "Conditions that no request can meet.", _never),
    Rule("condition-always-met", Level.WARNING, "A condition that every request meets.", _always),
)
