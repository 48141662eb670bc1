"""Text with `*` in it, matched from its first character to its last in time linear in the text.

Source: CloudWatch Logs User Guide, "Filter pattern syntax for metric filters, subscription filters, filter log events,
and Live Tail".
"""

from collections.abc import Callable, Sequence


def compile_wildcards(pieces: Sequence[str]) -> Callable[[str], bool]:
    """Return a function telling whether a text is `pieces` with any text between them: `a*b` is ("a", "b")."""
    if len(pieces) == 1:
        return pieces[0].__eq__
    first, last = pieces[0], pieces[-1]
    middle = tuple(piece for piece in pieces[1:-1] if piece)
    shortest = len(first) + len(last)
    if not middle and not last:
        return (lambda text: text.startswith(first)) if first else (lambda text: True)
    if not middle and not first:
        return lambda text: text.endswith(last)
    if not first and not last and len(middle) == 1:
        wanted = middle[0]
        return lambda text: wanted in text

    def matches(text: str) -> bool:
        if len(text) < shortest or not text.startswith(first) or not text.endswith(last):
            return False
        at, end = len(first), len(text) - len(last)
        for piece in middle:
            found = text.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True

    return matches
