"""The Version element, and the policy variables that hang on it."""

import re
from collections.abc import Iterator

from strongroom.policy_check.finding import Flaw, Level
from strongroom.policy_check.rule import Rule
from strongroom.policy_check.subject import CheckedPolicy

_VARIABLE = re.compile(r"\$\{[^{}]*\}")
_MEND = 'Write "Version": "2012-10-17".'


def _missing(policy: CheckedPolicy) -> Iterator[Flaw]:
    if policy.version is None and policy.statements:
        yield Flaw(policy.root, "Without a Version the policy is read as one of 2008, without policy variables.", _MEND)


def _variables(policy: CheckedPolicy) -> Iterator[Flaw]:
    if policy.has_variables:
        return
    version = policy.version or "2008-10-17, which holds when none is given,"
    for statement in policy.sound:
        conditions = [value for condition in statement.conditions for value in condition.values]
        for term in (*statement.resources, *conditions):
            found = _VARIABLE.search(term.text)
            if found is not None:
                yield Flaw(
                    term.node, f"In version {version} {found.group()} is no variable but these very characters.", _MEND
                )


RULES = (
    Rule("missing-version", Level.SUGGESTION, "The policy has no Version.", _missing),
    Rule("variable-in-old-version", Level.ERROR, "A policy variable in a Version that has none.", _variables),
)
