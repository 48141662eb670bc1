"""Comparing patterns with patterns: whether one matches all that another matches, and whether a text could match both.

Both questions treat a policy variable as one unknown text, equal only to itself. `covers` may answer no for an odd pair
that covers (`*?` and `?*` are told apart), never yes for one that does not; `overlap` may answer yes too often, never
no for patterns that some text matches.
"""

from collections.abc import Sequence

from strongroom.policy.patterns import ARN_SEGMENTS
from strongroom.policy.tokens import Token, Tokens, Variable, Wildcard, split_segments, tokenize

SYMBOLS_COMPARED_MAX = 2_048
"""Longer patterns (no ARN is that long) are not compared, as the time taken grows with the product of their lengths."""

_ANYTHING: Tokens = (Wildcard.MANY,)


def covers(wide: Tokens, narrow: Tokens) -> bool:
    """Return whether every text that `narrow` matches is matched by `wide`."""
    if wide == _ANYTHING:
        return True
    symbols, others = _symbols(wide), _symbols(narrow)
    if max(len(symbols), len(others)) > SYMBOLS_COMPARED_MAX:
        return False
    reached = {0}
    for symbol in symbols:
        if symbol is Wildcard.MANY:
            reached = set(range(min(reached), len(others) + 1))
        elif symbol is Wildcard.ONE:
            reached = {at + 1 for at in reached if at < len(others) and _is_one_character(others[at])}
        else:
            reached = {at + 1 for at in reached if at < len(others) and others[at] == symbol}
        if not reached:
            return False
    return len(others) in reached


def _is_one_character(symbol: Token) -> bool:
    return symbol is Wildcard.ONE or isinstance(symbol, str)


def overlap(one: Tokens, other: Tokens) -> bool:
    """Return whether some text may match both patterns."""
    left, right = _open_symbols(one), _open_symbols(other)
    if max(len(left), len(right)) > SYMBOLS_COMPARED_MAX:
        return True
    row = _closure([True] + [False] * len(right), right)
    for symbol in left:
        following = [False] * (len(right) + 1)
        if symbol is Wildcard.MANY:
            first = row.index(True) if True in row else len(row)
            following = [at >= first for at in range(len(row))]
        else:
            for at, reached in enumerate(row):
                if not reached:
                    continue
                if at < len(right) and right[at] is Wildcard.MANY:
                    following[at] = True
                if at < len(right) and (symbol is Wildcard.ONE or right[at] is Wildcard.ONE or symbol == right[at]):
                    following[at + 1] = True
        row = _closure(following, right)
    return row[-1]


def _closure(row: list[bool], symbols: Sequence[Token]) -> list[bool]:
    """A `*` may match nothing, so where it can be begun it can be passed."""
    for at, symbol in enumerate(symbols):
        if row[at] and symbol is Wildcard.MANY:
            row[at + 1] = True
    return row


def _symbols(tokens: Tokens) -> list[Token]:
    """Single characters, wildcards and variables."""
    symbols: list[Token] = []
    for token in tokens:
        if isinstance(token, str):
            symbols.extend(token)
        else:
            symbols.append(token)
    return symbols


def _open_symbols(tokens: Tokens) -> list[Token]:
    """The same, where a variable may be any text."""
    return [Wildcard.MANY if isinstance(symbol, Variable) else symbol for symbol in _symbols(tokens)]


def arn_pattern(text: str, *, variables: bool) -> tuple[Tokens, ...]:
    """Return the six segments of a Resource, or a lone `*` as one segment; an ARN cut short is completed with `*`."""
    tokens = tokenize(text, variables=variables)
    if tokens == _ANYTHING:
        return (tokens,)
    segments = split_segments(tokens, ARN_SEGMENTS)
    return segments + (_ANYTHING,) * (ARN_SEGMENTS - len(segments))


def arn_covers(wide: tuple[Tokens, ...], narrow: tuple[Tokens, ...]) -> bool:
    """Return whether every ARN that `narrow` matches is matched by `wide`, both from `arn_pattern`."""
    if wide == (_ANYTHING,):
        return True
    return len(wide) == len(narrow) and all(covers(*pair) for pair in zip(wide, narrow, strict=True))


def arns_overlap(one: tuple[Tokens, ...], other: tuple[Tokens, ...]) -> bool:
    """Return whether some ARN may match both, each from `arn_pattern`."""
    if (_ANYTHING,) in (one, other):
        return True
    return len(one) == len(other) and all(overlap(*pair) for pair in zip(one, other, strict=True))
