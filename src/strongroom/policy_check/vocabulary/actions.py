"""Actions that a pattern of a policy means, and what is closest to a name that AWS does not have."""

import difflib

from strongroom.policy.tokens import tokenize
from strongroom.policy.wildcards import compile_wildcards
from strongroom.policy_check.vocabulary.operations import ACTION_OF_OPERATION
from strongroom.policy_check.vocabulary.services import ActionName, service_names


def split_action(text: str) -> tuple[str, str]:
    """Return prefix and name of an action pattern, in lower case; the lone `*` has the prefix `*`."""
    prefix, _, name = text.lower().partition(":")
    return prefix, name or "*"


def matching_actions(text: str) -> list[ActionName] | None:
    """Return the actions that the pattern `text` (`kms:Describe*`) means; None when its service is not known."""
    prefix, name = split_action(text)
    service = service_names(prefix)
    if service is None:
        return None
    if "*" not in name and "?" not in name:
        found = service.actions.get(name)
        return [found] if found else []
    matches = compile_wildcards(tokenize(name, variables=False))
    return [action for lower, action in service.actions.items() if matches(lower)]


def action_of_operation(text: str) -> str | None:
    """Return the action that allows the operation `text`, when it has another name than the operation."""
    return {name.lower(): action for name, action in ACTION_OF_OPERATION.items()}.get(text.lower())


def closest_action(text: str) -> str | None:
    """Return the action most like `text`, or None when none is like it."""
    prefix, name = split_action(text)
    service = service_names(prefix)
    if service is None:
        return None
    found = difflib.get_close_matches(name, service.actions, n=1, cutoff=0.7)
    return f"{prefix}:{service.actions[found[0]].name}" if found else None
