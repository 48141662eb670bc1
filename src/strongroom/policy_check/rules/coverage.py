"""Words that change nothing, because others say the same or take it away."""

from collections.abc import Iterator
from functools import partial

from strongroom.policy_check.condition import Term
from strongroom.policy_check.finding import Flaw, Level
from strongroom.policy_check.implication import action_covers, covers_statement, repeated, resource_covers
from strongroom.policy_check.rule import Rule
from strongroom.policy_check.statement import CheckedStatement
from strongroom.policy_check.subject import CheckedPolicy

STATEMENTS_COMPARED_MAX = 200
TERMS_COMPARED_MAX = 200


def _name(statement: CheckedStatement) -> str:
    return f"statement {statement.index + 1}" + (f" ({statement.sid})" if statement.sid else "")


def _covered(policy: CheckedPolicy) -> Iterator[Flaw]:
    for statement in policy.sound[:STATEMENTS_COMPARED_MAX]:
        wide = _wider(policy, statement)
        if wide is not None:
            verb = "allowed" if statement.allows else "denied"
            yield Flaw(
                statement.node,
                f"All that this statement says is {verb} by {_name(wide)} already.",
                "Take it away, or narrow the other one if that was meant to be narrower.",
            )


def _wider(policy: CheckedPolicy, statement: CheckedStatement) -> CheckedStatement | None:
    for other in policy.sound[:STATEMENTS_COMPARED_MAX]:
        if other is statement or other.effect is not statement.effect:
            continue
        if not covers_statement(other, statement, variables=policy.has_variables):
            continue
        # Of two that say the same, the first stays.
        if other.index < statement.index or not covers_statement(statement, other, variables=policy.has_variables):
            return other
    return None


def _cancelled(policy: CheckedPolicy) -> Iterator[Flaw]:
    for statement in policy.sound[:STATEMENTS_COMPARED_MAX]:
        for other in policy.sound[:STATEMENTS_COMPARED_MAX] if statement.allows else ():
            if other.denies and covers_statement(other, statement, variables=policy.has_variables):
                yield Flaw(
                    statement.node,
                    f"All that this statement allows, {_name(other)} denies: it allows nothing.",
                    "Take one of the two away, or give the Deny a condition.",
                )
                break


def _terms(policy: CheckedPolicy) -> Iterator[Flaw]:
    same_resource = partial(resource_covers, variables=policy.has_variables)
    for statement in policy.sound:
        for terms, is_covered in ((statement.actions, action_covers), (statement.resources, same_resource)):
            pairs: list[tuple[Term, Term]] = repeated(terms[:TERMS_COMPARED_MAX], is_covered)
            for term, other in pairs:
                yield Flaw(
                    term.node, f"{term.text} is part of {other.text}, which is in the same list.", "Take it away."
                )


RULES = (
    Rule("covered-statement", Level.SUGGESTION, "A statement that another one covers.", _covered),
    Rule("covered-term", Level.SUGGESTION, "An action or resource that another one in the list covers.", _terms),
    Rule("cancelled-allow", Level.WARNING, "An Allow that a Deny takes away altogether.", _cancelled),
)
