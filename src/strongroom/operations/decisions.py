"""Decisions that need not be made again."""

from strongroom.operations.callers import Caller
from strongroom.operations.trail import Reason

DECISIONS_MAX = 1_024


class RememberedDecisions:
    """Allowances about one resource under one version of its policy, by caller and action.

    Only a decision for which no policy asked for a condition value may be remembered: whatever the circumstances, it
    would be the same. The owner drops this object when the resource's policy changes, and a caller's other policies
    changing has to give a new `Caller`: callers are told apart by identity.
    """

    __slots__ = ("_allowed",)

    def __init__(self) -> None:
        self._allowed: dict[tuple[Caller, str], Reason] = {}

    def find(self, caller: Caller, action: str) -> Reason | None:
        """Return why this was allowed, or None when that is not remembered."""
        return self._allowed.get((caller, action))

    def remember(self, caller: Caller, action: str, reason: Reason) -> None:
        """Remember why this was allowed."""
        if len(self._allowed) >= DECISIONS_MAX:
            self._allowed.clear()
        self._allowed[caller, action] = reason
