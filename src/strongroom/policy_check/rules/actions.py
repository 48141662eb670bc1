"""The names in the Action element."""

import difflib
from collections.abc import Iterator

from strongroom.policy_check.condition import Term
from strongroom.policy_check.finding import Flaw, Level
from strongroom.policy_check.rule import Rule
from strongroom.policy_check.subject import CheckedPolicy
from strongroom.policy_check.vocabulary.actions import (
    action_of_operation,
    closest_action,
    matching_actions,
    split_action,
)
from strongroom.policy_check.vocabulary.services import prefixes


def _named(policy: CheckedPolicy) -> Iterator[Term]:
    """Every action that has the form of one."""
    for statement in policy.statements:
        for action in statement.actions:
            if ":" in action.text and not action.text.startswith("*"):
                yield action


def _is_pattern(action: Term) -> bool:
    return "*" in action.text or "?" in action.text


def _unknown(policy: CheckedPolicy) -> Iterator[Flaw]:
    for action in _named(policy):
        if _is_pattern(action) or matching_actions(action.text) != []:
            continue
        instead = action_of_operation(action.text)
        if instead is not None:
            yield Flaw(
                action.node,
                f"{action.text} is an operation, not an action: what allows it is {instead}.",
                f"Write {instead}.",
            )
            continue
        close = closest_action(action.text)
        service = split_action(action.text)[0]
        yield Flaw(
            action.node,
            f"{service} has no action {action.text.partition(':')[2]}, so this is about nothing.",
            f"Did you mean {close}?"
            if close
            else f"See the actions of {service} in the Service Authorization Reference.",
        )


def _unknown_services(policy: CheckedPolicy) -> Iterator[Flaw]:
    for action in _named(policy):
        prefix = split_action(action.text)[0]
        if prefix in prefixes() or "*" in prefix or "?" in prefix:
            continue
        close = difflib.get_close_matches(prefix, prefixes(), n=1)
        yield Flaw(
            action.node,
            f"No service of AWS has the prefix {prefix!r}.",
            f"Did you mean {close[0]!r}?" if close else "Write the prefix that the service's actions have.",
        )


def _nothing(policy: CheckedPolicy) -> Iterator[Flaw]:
    for action in _named(policy):
        if _is_pattern(action) and matching_actions(action.text) == []:
            name = action.text.replace("*", "").replace("?", "")
            close = closest_action(name)
            yield Flaw(
                action.node,
                f"No action matches {action.text}.",
                f"Did you mean {close} or a pattern of it?" if close else "Take it away, or mend the name.",
            )


RULES = (
    Rule("unknown-action", Level.ERROR, "An action that its service does not have.", _unknown),
    Rule("unknown-service", Level.WARNING, "An action with a prefix that no service has.", _unknown_services),
    Rule("action-matches-nothing", Level.ERROR, "A pattern of actions that no action matches.", _nothing),
)
