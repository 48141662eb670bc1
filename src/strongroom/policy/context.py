"""The request context: the condition keys of one request and their values.

Source: IAM User Guide, "IAM JSON policy elements: Condition", section "The request context".
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum

ContextScalar = str | bool | int | float | bytes | datetime


class Ambiguous(Enum):
    """The value of a key that has several, of which a policy means one, and nobody knows which: it is unreadable."""

    AMBIGUOUS = "ambiguous"


AMBIGUOUS = Ambiguous.AMBIGUOUS
ContextValue = ContextScalar | Sequence[ContextScalar] | Ambiguous | None


class Context:
    """Condition keys (`aws:SourceIp`, in any case) and their values, converted to text when a policy first asks.

    `facts` holds what is known already. `fill` is asked once, with the lower-case key, for every key that `facts`
    does not hold; it answers None for a key that the request does not have. Nothing is copied or converted until a
    policy has a condition or a variable, so a context costs next to nothing on a request that no condition looks at.
    `facts` must not change while a request is decided.

    A value without a form in the policy language (an object, a time without its zone, AMBIGUOUS) is as if absent, and
    its key becomes one of `unreadable`: `evaluate` allows nothing that was decided with such a key.

    Keys differing only in case are one key with several values, because condition keys are not case-sensitive. A
    plain mapping cannot take the place of a Context: it would answer "absent" to a key in another case, and a Deny
    would not apply.
    """

    __slots__ = ("_facts", "_fill", "_known", "unreadable")

    def __init__(
        self,
        facts: Mapping[str, ContextValue] | None = None,
        fill: Callable[[str], ContextValue] | None = None,
    ) -> None:
        self._facts = facts
        self._fill = fill
        self._known: dict[str, tuple[str, ...]] | None = None
        self.unreadable: tuple[str, ...] = ()

    @property
    def asked(self) -> Mapping[str, tuple[str, ...]]:
        """The keys that were asked for so far, in lower case, with the values that the request has for them."""
        return self._known or {}

    def values_of(self, key: str) -> tuple[str, ...]:
        """Return the values of the lower-case `key`; an empty tuple when it is absent, None, empty or unreadable."""
        known = self._known
        if known is None:
            known = self._known = self._folded() if self._facts else {}
        values = known.get(key)
        if values is None:
            if self._fill is None:
                return ()
            value = self._fill(key)
            values = known[key] = (value,) if type(value) is str else self._texts(key, value)
        return values

    def _folded(self) -> dict[str, tuple[str, ...]]:
        known: dict[str, tuple[str, ...]] = {}
        for key, value in (self._facts or {}).items():
            lower = key.lower()
            known[lower] = known.get(lower, ()) + self._texts(lower, value)
        return known

    def _texts(self, key: str, value: ContextValue) -> tuple[str, ...]:
        try:
            return as_texts(value)
        except (TypeError, ValueError, OverflowError):
            self.unreadable += (key,)
            return ()


def as_texts(value: ContextValue) -> tuple[str, ...]:
    """Return a key's value as the texts that conditions compare.

    Raises TypeError for a type without such a form, and ValueError or OverflowError for a number or time too large.
    """
    if value is None:
        return ()
    if isinstance(value, (list, tuple, set, frozenset)):
        return tuple(_as_text(item) for item in value)
    return (_as_text(value),)


def _as_text(value: object) -> str:
    """One value as text: booleans as `true`, times as ISO 8601 in UTC, bytes as base64 (for BinaryEquals)."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"
    raise TypeError(f"a condition key cannot have a value of type {type(value).__name__}")


EMPTY_CONTEXT = Context()
