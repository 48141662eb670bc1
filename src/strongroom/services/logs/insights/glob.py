"""Globs of `parse`: text in which each `*` captures what stands up to the text that follows.

A glob is found anywhere in a text, takes as little as it can for each `*`, and a last `*` takes all that is left. It is
linear in the text: a place that is found first is never given up. Source: CloudWatch Logs User Guide, "parse".
"""

from collections.abc import Callable, Sequence


def compile_glob(pieces: Sequence[str]) -> Callable[[str], list[str | None] | None]:
    """Return a function giving what the stars between `pieces` capture, None where the glob is not found."""
    first, last = pieces[0], len(pieces) - 1

    def captured_in(text: str) -> list[str | None] | None:
        at = text.find(first)
        if at < 0:
            return None
        at += len(first)
        captured: list[str | None] = []
        for index in range(1, last + 1):
            piece = pieces[index]
            end = len(text) if index == last and not piece else text.find(piece, at)
            if end < 0:
                return None
            captured.append(text[at:end])
            at = end + len(piece)
        return captured

    return captured_in
