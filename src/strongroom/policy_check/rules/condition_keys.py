"""Condition keys, and whether the operator fits the type of their values."""

from collections.abc import Iterator

from strongroom.policy_check.condition import CheckedCondition
from strongroom.policy_check.finding import Flaw, Level
from strongroom.policy_check.rule import Rule
from strongroom.policy_check.subject import CheckedPolicy
from strongroom.policy_check.vocabulary.condition_keys import KeyType, closest_key, key_type, may_exist

_OPERATORS = {
    "String": ("String", "Arn", "Binary"),
    "Arn": ("Arn", "String"),
    "Bool": ("Bool",),
    "Numeric": ("Numeric",),
    "Date": ("Date",),
    "IPAddress": ("IpAddress", "NotIpAddress"),
}
_INSTEAD = {
    "String": "StringEquals or StringLike",
    "Arn": "ArnEquals or ArnLike",
    "Bool": "Bool",
    "Numeric": "NumericEquals, NumericLessThan and the like",
    "Date": "DateLessThan, DateGreaterThan and the like",
    "IPAddress": "IpAddress or NotIpAddress",
}
_TAGS = ("aws:principaltag/", "aws:requesttag/", "aws:resourcetag/")


def _unknown(policy: CheckedPolicy) -> Iterator[Flaw]:
    for statement in policy.sound:
        for condition in statement.conditions:
            if may_exist(condition.key):
                continue
            close = closest_key(condition.key)
            yield Flaw(
                condition.node,
                f"No request has the condition key {condition.name}.",
                f"Did you mean {close}?" if close else "See the condition keys in the Service Authorization Reference.",
            )


def _typed(policy: CheckedPolicy) -> Iterator[tuple[CheckedCondition, KeyType]]:
    for statement in policy.sound:
        for condition in statement.conditions:
            known = key_type(condition.key)
            if known is not None and not condition.is_null:
                yield condition, known


def _fits(condition: CheckedCondition, known: KeyType) -> bool:
    if condition.key.startswith(_TAGS):
        return True
    if condition.key == "aws:epochtime":
        return condition.base.startswith(("Date", "Numeric"))
    if known.kind == "String" and condition.base.startswith("Arn"):
        return all(text.startswith(("arn:", "*", "$")) for text in condition.texts)
    return condition.base.startswith(_OPERATORS.get(known.kind, ("",)))


def _misfits(policy: CheckedPolicy) -> Iterator[Flaw]:
    for condition, known in _typed(policy):
        if not _fits(condition, known):
            yield Flaw(
                condition.node,
                f"{known.name} is of the type {known.kind}; {condition.operator} does not compare that.",
                f"Use {_INSTEAD[known.kind]}.",
            )


def _multivalued(policy: CheckedPolicy) -> Iterator[Flaw]:
    for condition, known in _typed(policy):
        if known.many and not condition.set_prefix:
            yield Flaw(
                condition.node,
                f"A request may have several values for {known.name}; what {condition.operator} makes of them "
                "AWS leaves open.",
                f"Write ForAnyValue:{condition.operator} or ForAllValues:{condition.operator}.",
            )


def _single(policy: CheckedPolicy) -> Iterator[Flaw]:
    for condition, known in _typed(policy):
        if condition.set_prefix and not known.many and not condition.key.startswith("kms:recipientattestation"):
            yield Flaw(
                condition.node,
                f"A request has at most one value for {known.name}; {condition.set_prefix.rstrip(':')} is for several.",
                f"Write {condition.operator.removeprefix(condition.set_prefix)}.",
            )


RULES = (
    Rule("unknown-condition-key", Level.WARNING, "A condition key that no request has.", _unknown),
    Rule("operator-does-not-fit-key", Level.WARNING, "An operator of another type than the key's values.", _misfits),
    Rule(
        "missing-set-operator",
        Level.WARNING,
        "A key with several values without ForAnyValue or ForAllValues.",
        _multivalued,
    ),
    Rule("needless-set-operator", Level.SUGGESTION, "ForAnyValue or ForAllValues on a key with one value.", _single),
)
