"""Actions and resources that do not go together: such a pair allows nothing, and denies nothing.

Source: AWS Service Authorization Reference, table "Actions" of each service, column "Resource types".
"""

from collections.abc import Iterator

from strongroom.policy.statement_syntax import PolicyKind
from strongroom.policy.tokens import Tokens
from strongroom.policy_check.condition import Term
from strongroom.policy_check.finding import Flaw, Level
from strongroom.policy_check.patterns import arn_pattern, arns_overlap
from strongroom.policy_check.rule import Rule
from strongroom.policy_check.statement import CheckedStatement
from strongroom.policy_check.subject import CheckedPolicy
from strongroom.policy_check.vocabulary.actions import matching_actions
from strongroom.policy_check.vocabulary.services import ActionName

Pattern = tuple[Tokens, ...]

_BUCKET = "arn:*:s3:::*"
"""The names of buckets have no slash: where one begins, an object does."""


def _comparable(policy: CheckedPolicy) -> Iterator[CheckedStatement]:
    for statement in policy.sound:
        if statement.not_action or statement.covers_all_resources or statement.not_resource:
            continue
        yield statement


def _patterns(policy: CheckedPolicy, statement: CheckedStatement) -> list[tuple[Term, Pattern]]:
    return [(term, arn_pattern(term.text, variables=policy.has_variables)) for term in statement.resources]


def _applies(action: ActionName, resource: Pattern) -> bool:
    if action.resource_types is None:
        return True
    return any(_is_of(kind, resource) for kind in action.resource_types)


def _is_of(kind: str, resource: Pattern) -> bool:
    has_slash = any(isinstance(token, str) and "/" in token for token in resource[-1])
    if kind == _BUCKET and has_slash:
        return False
    return arns_overlap(arn_pattern(kind, variables=False), resource)


def _actions(policy: CheckedPolicy) -> Iterator[Flaw]:
    if policy.kind is PolicyKind.TRUST:
        return
    for statement in _comparable(policy):
        patterns = _patterns(policy, statement)
        for action in statement.actions:
            meant = matching_actions(action.text)
            if meant and not any(_applies(one, pattern) for one in meant for _, pattern in patterns):
                yield _misfit(action, meant, statement)


def _misfit(action: Term, meant: list[ActionName], statement: CheckedStatement) -> Flaw:
    kinds = list(dict.fromkeys(kind for one in meant for kind in one.resource_types or ()))
    if not kinds:
        so = "allows" if statement.allows else "denies"
        return Flaw(
            action.node,
            f"{action.text} is about no resource, so only a Resource of * matches it: this {so} nothing.",
            'Put it into a statement of its own with "Resource": "*".',
        )
    given = ", ".join(term.text for term in statement.resources)
    mend = f"It is about {' or '.join(kinds[:3])}."
    if action.text.lower().startswith("s3:") and any(text.text.endswith("/*") for text in statement.resources):
        mend += " Leave out the /* to name the bucket itself."
    elif action.text.lower().startswith("s3:") and all("/" not in text.text for text in statement.resources):
        mend += " Add /* to name the objects in the bucket."
    return Flaw(action.node, f"{action.text} cannot be done to {given}.", mend)


def _resources(policy: CheckedPolicy) -> Iterator[Flaw]:
    if policy.kind is PolicyKind.TRUST:
        return
    for statement in _comparable(policy):
        meant: list[ActionName] = []
        for action in statement.actions:
            found = matching_actions(action.text)
            if found is None:
                break
            meant += found
        else:
            patterns = _patterns(policy, statement)
            fitting = [term for term, pattern in patterns if any(_applies(one, pattern) for one in meant)]
            if fitting:
                for term, _ in patterns:
                    if term not in fitting:
                        yield Flaw(
                            term.node,
                            f"None of the statement's actions can be done to {term.text}.",
                            "Take it away, or add the action that was meant.",
                        )


RULES = (
    Rule("action-does-not-fit-resource", Level.WARNING, "An action that cannot be done to the resources.", _actions),
    Rule("resource-without-action", Level.WARNING, "A resource to which no action can be done.", _resources),
)
