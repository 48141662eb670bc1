"""Decisions that need not be made again."""

from strongroom.operations.callers import Caller
from strongroom.operations.trail import Reason
from strongroom.policy.policies import NamedPolicy
from strongroom.policy.statement import Statement

DECISIONS_MAX = 1_024

Matched = tuple[tuple[NamedPolicy, Statement] | NamedPolicy, ...]
"""The statements that decided, and the grants that were looked at."""


class RememberedDecisions:
    """Allowances about one resource under one version of its policy, by caller and action.

    Only a decision for which no policy asked for a condition value may be remembered: whatever the circumstances, it
    would be the same. The owner drops this object when the resource's policy changes, and a caller's other policies
    changing has to give a new `Caller`: callers are told apart by identity.

    What has to be decided each time mostly comes out the same; then the words for it (a `Reason`) are here too.
    """

    __slots__ = ("_allowed", "_reasons")

    def __init__(self) -> None:
        self._allowed: dict[tuple[Caller, str], Reason] = {}
        self._reasons: dict[tuple[Caller, str], tuple[Matched, Reason]] = {}

    def find(self, caller: Caller, action: str) -> Reason | None:
        """Return why this was allowed, or None when that is not remembered."""
        return self._allowed.get((caller, action))

    def remember(self, caller: Caller, action: str, reason: Reason) -> None:
        """Remember why this was allowed."""
        if len(self._allowed) >= DECISIONS_MAX:
            self._allowed.clear()
        self._allowed[caller, action] = reason

    def reason_for(self, caller: Caller, action: str, matched: Matched) -> Reason | None:
        """Return the reason that was kept for an allowance by exactly these statements."""
        kept = self._reasons.get((caller, action))
        return kept[1] if kept is not None and kept[0] == matched else None

    def keep_reason(self, caller: Caller, action: str, matched: Matched, reason: Reason) -> None:
        """Keep the reason for an allowance by these statements, until they are others."""
        if len(self._reasons) >= DECISIONS_MAX:
            self._reasons.clear()
        self._reasons[caller, action] = matched, reason
