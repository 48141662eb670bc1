"""Decisions that need not be made again."""

from collections.abc import Mapping

from strongroom.operations.callers import Caller
from strongroom.operations.trail import Reason
from strongroom.policy.context import Context
from strongroom.policy.policies import NamedPolicy
from strongroom.policy.statement import Statement

DECISIONS_MAX = 1_024
VALUE_CHARACTERS_MAX = 128
MISSES_MAX = 8

Matched = tuple[tuple[NamedPolicy, Statement] | NamedPolicy, ...]
"""The statements that decided, and the grants that were looked at."""


class Allowance:
    """An allowance, and the values of the condition keys that policies asked for when it was decided.

    A decision depends on the policies and on nothing else but these: which key is asked next follows from the values
    of those before. Whoever finds the same values would find the same decision. `misses` counts the requests in a row
    for which it did not hold: what differs from request to request is not worth remembering each time.
    """

    __slots__ = ("asked", "misses", "reason")

    def __init__(self, reason: Reason, asked: Mapping[str, tuple[str, ...]]) -> None:
        self.reason = reason
        self.asked = asked
        self.misses = 0

    def holds_in(self, context: Context) -> bool:
        """Return whether the request has the very values; one that cannot be read is none of them."""
        for key, values in self.asked.items():
            if context.values_of(key) != values:
                self.misses += 1
                return False
        self.misses = 0
        return not context.unreadable


class RememberedDecisions:
    """Allowances about one resource under one version of its policy, by caller and action: one of each.

    The owner drops this object when the resource's policy changes, and a caller's other policies changing has to give a
    new `Caller`: callers are told apart by identity.

    What has to be decided anew mostly comes out the same; then the words for it (a `Reason`) are here too.
    """

    __slots__ = ("_allowed", "_reasons")

    def __init__(self) -> None:
        self._allowed: dict[tuple[Caller, str], Allowance] = {}
        self._reasons: dict[tuple[Caller, str], tuple[Matched, Reason]] = {}

    def find(self, caller: Caller, action: str) -> Allowance | None:
        """Return the allowance that is remembered, or None. Whether it holds for a request it tells itself."""
        return self._allowed.get((caller, action))

    def remember(self, caller: Caller, action: str, reason: Reason, asked: Mapping[str, tuple[str, ...]]) -> None:
        """Remember why this was allowed, and what was asked for, which must not change from now on.

        It takes the place of an allowance that did not hold MISSES_MAX times in a row. A value of more than
        VALUE_CHARACTERS_MAX is not worth its memory: nothing is remembered then.
        """
        last = self._allowed.get((caller, action))
        if last is not None and last.misses < MISSES_MAX:
            return
        for values in asked.values():
            for text in values:
                if len(text) > VALUE_CHARACTERS_MAX:
                    return
        if len(self._allowed) >= DECISIONS_MAX:
            self._allowed.clear()
        self._allowed[caller, action] = Allowance(reason, asked)

    def reason_for(self, caller: Caller, action: str, matched: Matched) -> Reason | None:
        """Return the reason that was kept for an allowance by exactly these statements."""
        kept = self._reasons.get((caller, action))
        return kept[1] if kept is not None and kept[0] == matched else None

    def keep_reason(self, caller: Caller, action: str, matched: Matched, reason: Reason) -> None:
        """Keep the reason for an allowance by these statements, until they are others."""
        if len(self._reasons) >= DECISIONS_MAX:
            self._reasons.clear()
        self._reasons[caller, action] = matched, reason
