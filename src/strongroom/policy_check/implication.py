"""Whether one statement is about everything that another is about.

The answers are sure when they are yes; a no may only mean that it is hard to tell.
"""

from collections.abc import Callable

from strongroom.policy.tokens import Wildcard, tokenize
from strongroom.policy_check.condition import CheckedCondition, Term
from strongroom.policy_check.patterns import arn_covers, arn_pattern, arns_overlap, covers, overlap
from strongroom.policy_check.statement import CheckedStatement

Comparison = Callable[[str, str], bool]

_ANYTHING = (Wildcard.MANY,)


def covers_statement(wide: CheckedStatement, narrow: CheckedStatement, *, variables: bool) -> bool:
    """Return whether every request that `narrow` is about is one that `wide` is about, whatever their effects."""
    return (
        _covers_principals(wide, narrow)
        and _covers_actions(wide, narrow)
        and _covers_resources(wide, narrow, variables=variables)
        and all(any(implies(mine, theirs) for mine in narrow.conditions) for theirs in wide.conditions)
    )


def _covers_principals(wide: CheckedStatement, narrow: CheckedStatement) -> bool:
    if wide.not_principal or narrow.not_principal:
        return wide.not_principal == narrow.not_principal and _names(wide) == _names(narrow)
    if wide.is_for_everyone:
        return all(kind != "Federated" for kind, _ in narrow.principals) or wide.denies
    return _names(narrow) <= _names(wide)


def _names(statement: CheckedStatement) -> set[tuple[str, str]]:
    return {(kind, name.text) for kind, name in statement.principals}


def action_covers(wide: str, narrow: str) -> bool:
    """Return whether the action pattern `wide` means all that `narrow` means."""
    return covers(tokenize(wide.lower(), variables=False), tokenize(narrow.lower(), variables=False))


def _actions_overlap(one: str, other: str) -> bool:
    return overlap(tokenize(one.lower(), variables=False), tokenize(other.lower(), variables=False))


def resource_covers(wide: str, narrow: str, *, variables: bool) -> bool:
    """Return whether the Resource `wide` means all that `narrow` means."""
    return arn_covers(arn_pattern(wide, variables=variables), arn_pattern(narrow, variables=variables))


def _covers_actions(wide: CheckedStatement, narrow: CheckedStatement) -> bool:
    mine, theirs = wide.actions, narrow.actions
    if wide.not_action and narrow.not_action:
        return all(any(action_covers(b.text, a.text) for b in theirs) for a in mine)
    if wide.not_action:
        return not any(_actions_overlap(a.text, b.text) for a in mine for b in theirs)
    if narrow.not_action:
        return any(a.text == "*" for a in mine)
    return all(any(action_covers(a.text, b.text) for a in mine) for b in theirs)


def _covers_resources(wide: CheckedStatement, narrow: CheckedStatement, *, variables: bool) -> bool:
    if wide.covers_all_resources:
        return True
    if not narrow.resources:
        return False
    mine = [arn_pattern(term.text, variables=variables) for term in wide.resources]
    theirs = [arn_pattern(term.text, variables=variables) for term in narrow.resources]
    if wide.not_resource and narrow.not_resource:
        return all(any(arn_covers(b, a) for b in theirs) for a in mine)
    if wide.not_resource:
        return not any(arns_overlap(a, b) for a in mine for b in theirs)
    if narrow.not_resource:
        return (_ANYTHING,) in mine
    return all(any(arn_covers(a, b) for a in mine) for b in theirs)


def implies(narrow: CheckedCondition, wide: CheckedCondition) -> bool:
    """Return whether every request that meets `narrow` meets `wide`."""
    if narrow.key != wide.key:
        return False
    if narrow.is_null and _values(narrow) == {"true"}:
        return wide.met_when_absent
    if wide.is_null and _values(wide) == {"false"}:
        return narrow.requires_key
    if narrow.operator != wide.operator:
        return False
    mine, theirs = _values(narrow), _values(wide)
    return mine >= theirs if narrow.negated else mine <= theirs


def _values(condition: CheckedCondition) -> set[str]:
    folds = condition.base in ("Bool", "Null") or condition.base.endswith("IgnoreCase")
    return {text.lower() if folds else text for text in condition.texts}


def repeated(terms: tuple[Term, ...], is_covered: Comparison) -> list[tuple[Term, Term]]:
    """Return the terms that another one of the same list covers, each with that other one."""
    found = []
    for at, term in enumerate(terms):
        for place, other in enumerate(terms):
            if place == at or not is_covered(other.text, term.text):
                continue
            if at > place or not is_covered(term.text, other.text):
                found.append((term, other))
                break
    return found
