"""A compiled statement as JSON again, for traces and for people."""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from strongroom.policy.statement import Statement

WORDED_STATEMENTS_MAX = 4_096


@lru_cache(WORDED_STATEMENTS_MAX)
def text_of(statement: Statement) -> str:
    """Return a statement as JSON on one line, written anew from what was compiled."""
    return json.dumps(_members_of(statement), ensure_ascii=False)


def _members_of(statement: Statement) -> dict[str, Any]:
    members: dict[str, Any] = {"Sid": statement.sid} if statement.sid else {}
    members["Effect"] = statement.effect.value
    principals = statement.principals
    if principals is not None:
        by_kind: dict[str, list[str]] = {}
        for kind, value in principals.entries:
            by_kind.setdefault(kind, []).append(value)
        named = {kind: _one_or_all(values) for kind, values in by_kind.items()}
        members["NotPrincipal" if principals.negated else "Principal"] = "*" if named == {"AWS": "*"} else named
    members["NotAction" if statement.not_actions else "Action"] = _one_or_all(statement.actions)
    if statement.resources:
        members["NotResource" if statement.not_resources else "Resource"] = _one_or_all(statement.resources)
    for condition in statement.conditions:
        keys = members.setdefault("Condition", {}).setdefault(condition.operator, {})
        keys[condition.key] = _one_or_all(condition.values)
    return members


def _one_or_all(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)
