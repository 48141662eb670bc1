"""Trying conditions out: values that a request could have for one key, chosen so that if any value meets the
conditions, one of these does.

The values are those of the policy and their neighbours: the policy's operators can tell no others apart.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from strongroom.policy import literals
from strongroom.policy.conditions import Condition
from strongroom.policy.context import Context
from strongroom.policy.operators import OPERATORS
from strongroom.policy_check.condition import CheckedCondition
from strongroom.policy_check.vocabulary.condition_keys import ALWAYS_PRESENT, key_type

VALUES_TRIED_MAX = 64

_FRESH = "\N{WHITE SQUARE}"
_HAIR = Decimal("1e-9")
_NANOSECONDS = 1_000_000_000

Pair = tuple[CheckedCondition, Condition]


def can_be_met(pairs: Sequence[Pair]) -> bool | None:
    """Return whether a request can meet all of these conditions, which are on one key; None when that is hard to tell.

    Each pair is a condition as written and as compiled.
    """
    conditions = [checked for checked, _ in pairs]
    if not _can_tell(conditions):
        return None
    return any(all(compiled.is_met(_context(pairs, values)) for _, compiled in pairs) for values in _tried(conditions))


def is_always_met(pair: Pair) -> bool:
    """Return whether every request meets this condition."""
    checked, compiled = pair
    if not _can_tell([checked]):
        return False
    return all(compiled.is_met(_context([pair], values)) for values in _tried([checked]))


def _context(pairs: Sequence[Pair], values: tuple[str, ...]) -> Context:
    return Context({pairs[0][0].key: values})


def _can_tell(conditions: Sequence[CheckedCondition]) -> bool:
    """Variables have no value here, and two patterns may be met by a text that is made of both."""
    values = [text for condition in conditions for text in condition.texts]
    if any("${" in text for text in values) or len(values) > VALUES_TRIED_MAX:
        return False
    patterns = [condition for condition in conditions if _has_patterns(condition)]
    return len(patterns) <= 1


def _has_patterns(condition: CheckedCondition) -> bool:
    takes = condition.base.endswith("Like") or condition.base.startswith("Arn")
    return takes and any("*" in text or "?" in text for text in condition.texts)


def _tried(conditions: Sequence[CheckedCondition]) -> Iterator[tuple[str, ...]]:
    key = conditions[0].key
    if key not in ALWAYS_PRESENT:
        yield ()
    if any(condition.set_prefix for condition in conditions):
        # Set operators take a single empty string for no value, though the key is there.
        yield ("",)
    singles = list(dict.fromkeys(value for condition in conditions for value in _neighbours(condition)))
    for value in singles:
        yield (value,)
    known = key_type(key)
    if known is None or known.many or any(condition.set_prefix for condition in conditions):
        yield tuple(singles)
        for at, first in enumerate(singles):
            for second in singles[at + 1 :]:
                yield first, second


def _neighbours(condition: CheckedCondition) -> Iterator[str]:
    family = OPERATORS.get(condition.base)
    if condition.is_null or family is None:
        yield _sample(condition.key)
        return
    if condition.base == "Bool":
        yield from ("true", "false")
        return
    for text in condition.texts:
        yield from _around(condition.base, text)
    if condition.base.startswith("String"):
        yield _FRESH
    elif condition.base.startswith("Arn"):
        yield f"arn:aws:{_FRESH}:::{_FRESH}"


def _around(base: str, text: str) -> Iterator[str]:
    if base.startswith("Numeric") and (number := literals.read_number(text)) is not None:
        yield from (str(number - _HAIR), text, str(number + _HAIR))
    elif base.startswith("Date") and (time := literals.read_time(text)) is not None:
        for seconds in (time // _NANOSECONDS - 1, time // _NANOSECONDS, time // _NANOSECONDS + 1):
            yield f"{seconds}.0"
    elif base.endswith("IpAddress"):
        yield from _addresses(text)
    elif base.endswith("Like") or base.startswith("Arn"):
        yield text.replace("*", "").replace("?", _FRESH)
        yield text.replace("*", _FRESH).replace("?", _FRESH)
    else:
        yield text
        if "IgnoreCase" in base:
            yield text.swapcase()


def _addresses(text: str) -> Iterator[str]:
    network = literals.read_network(text)
    if network is None:
        return
    import ipaddress

    make = ipaddress.IPv4Address if network.version == 4 else ipaddress.IPv6Address
    all_ones = (1 << (32 if network.version == 4 else 128)) - 1
    last = network.base | (all_ones ^ network.mask)
    for number in (network.base - 1, network.base, last, last + 1):
        if 0 <= number <= all_ones:
            yield str(make(number))


def _sample(key: str) -> str:
    known = key_type(key)
    samples = {
        "Bool": "true",
        "Numeric": "1",
        "Date": "2024-01-01T00:00:00Z",
        "IPAddress": "192.0.2.1",
        "Arn": f"arn:aws:{_FRESH}:::{_FRESH}",
    }
    return samples.get(known.kind, _FRESH) if known is not None else _FRESH
