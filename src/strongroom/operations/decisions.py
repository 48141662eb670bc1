"""Decisions that need not be made again."""

from collections.abc import Mapping
from typing import NamedTuple

from strongroom.operations.callers import Caller
from strongroom.operations.trail import Reason
from strongroom.policy.context import Context
from strongroom.policy.policies import NamedPolicy
from strongroom.policy.statement import Statement

DECISIONS_MAX = 1_024
ASKED_CHARACTERS_MAX = 512

Matched = tuple[tuple[NamedPolicy, Statement] | NamedPolicy, ...]
"""The statements that decided, and the grants that were looked at."""


class Allowance(NamedTuple):
    """An allowance, and the values of the condition keys that policies asked for when it was decided.

    A decision depends on the policies and on nothing else but these: which key is asked next follows from the values
    of those before. Whoever finds the same values would find the same decision.
    """

    reason: Reason
    asked: tuple[tuple[str, tuple[str, ...]], ...]

    def holds_in(self, context: Context) -> bool:
        """Return whether the request has the very values; one that cannot be read is none of them."""
        for key, values in self.asked:
            if context.values_of(key) != values:
                return False
        return not context.unreadable


class RememberedDecisions:
    """Allowances about one resource under one version of its policy, by caller and action: the last one of each.

    The owner drops this object when the resource's policy changes, and a caller's other policies changing has to give a
    new `Caller`: callers are told apart by identity.

    What has to be decided anew mostly comes out the same; then the words for it (a `Reason`) are here too.
    """

    __slots__ = ("_allowed", "_reasons")

    def __init__(self) -> None:
        self._allowed: dict[tuple[Caller, str], Allowance] = {}
        self._reasons: dict[tuple[Caller, str], tuple[Matched, Reason]] = {}

    def find(self, caller: Caller, action: str) -> Allowance | None:
        """Return the last allowance, or None. Whether it holds for the request at hand is for the asker to ask it."""
        return self._allowed.get((caller, action))

    def remember(self, caller: Caller, action: str, reason: Reason, asked: Mapping[str, tuple[str, ...]]) -> None:
        """Remember why this was allowed, and what was asked for; not what is too long to be worth it."""
        if asked and sum(len(text) for values in asked.values() for text in values) > ASKED_CHARACTERS_MAX:
            return
        if len(self._allowed) >= DECISIONS_MAX:
            self._allowed.clear()
        self._allowed[caller, action] = Allowance(reason, tuple(asked.items()))

    def reason_for(self, caller: Caller, action: str, matched: Matched) -> Reason | None:
        """Return the reason that was kept for an allowance by exactly these statements."""
        kept = self._reasons.get((caller, action))
        return kept[1] if kept is not None and kept[0] == matched else None

    def keep_reason(self, caller: Caller, action: str, matched: Matched, reason: Reason) -> None:
        """Keep the reason for an allowance by these statements, until they are others."""
        if len(self._reasons) >= DECISIONS_MAX:
            self._reasons.clear()
        self._reasons[caller, action] = matched, reason
