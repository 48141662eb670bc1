"""Where a listing goes on."""

from typing import NamedTuple, Self

_LAST = 0x10FFFF
_BEFORE_SURROGATES, _BEHIND_SURROGATES = 0xD7FF, 0xE000


class Bound(NamedTuple):
    """The place in the order of keys behind which a listing goes on, or at which (`is_included`)."""

    key: str
    is_included: bool = False
    is_end: bool = False

    @classmethod
    def behind_prefix(cls, prefix: str) -> Self:
        """Return the place behind every key that begins with `prefix`."""
        end = end_of_prefix(prefix)
        return cls("", is_end=True) if end is None else cls(end, is_included=True)


def end_of_prefix(prefix: str) -> str | None:
    """Return the first text, by code points, behind all that begin with `prefix`; None when there is none."""
    kept = prefix.rstrip(chr(_LAST))
    if not kept:
        return None
    last = ord(kept[-1])
    following = _BEHIND_SURROGATES if last == _BEFORE_SURROGATES else last + 1
    return kept[:-1] + chr(following)
