"""The regular expressions of filter patterns: what is allowed between two `%`, and what a match must contain.

They have no groups, only ASCII letters and digits, and few symbols. Source: CloudWatch Logs User Guide, "Supported
regular expressions (regex) syntax".
"""

import re
from typing import NamedTuple

from strongroom.services.logs.filter_patterns.errors import PatternError
from strongroom.services.logs.regular_expressions import (
    RegularExpression,
    RegularExpressionError,
    compile_expression,
)

REPEATS_MAX = 1000
SYMBOLS = frozenset(" :_#=@/;,-")
OPERATORS = frozenset("^$?[]{}|\\*+.")

_ATOM = re.compile(
    r"""(?P<escape>\\(?:x[0-9A-Fa-f]{2}|.))
    |(?P<class>\[\^?\]?(?:\\.|[^\]\\])*\])
    |(?P<repeat>[?*+]|\{[0-9]*,?[0-9]*\})
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_CLASS_ESCAPES = frozenset("dDsSwW")
_CONTROL = {"t": "\t", "n": "\n"}


class LimitedRegex(NamedTuple):
    """A compiled regular expression, and the longest text that every match contains (empty when none is certain)."""

    expression: RegularExpression
    literal: str


def compile_limited_regex(text: str) -> LimitedRegex:
    """Compile what stands between two `%`. Raises PatternError for what AWS does not support."""
    if not text:
        raise PatternError("Invalid filter pattern: a regular expression is empty")
    for character in text:
        if not (character.isascii() and (character.isalnum() or character in SYMBOLS or character in OPERATORS)):
            raise PatternError(
                f"Invalid character(s) in term: the regular expression %{text}% contains {character!r}, which is not "
                "supported; \\xhh stands for any ASCII character"
            )
    literals, translated = _Literals(), []
    for atom in _ATOM.finditer(text):
        translated.append(_translate(atom, literals))
    try:
        expression = compile_expression("".join(translated))
    except RegularExpressionError as error:
        raise PatternError(f"Invalid filter pattern: the regular expression %{text}% is not valid: {error}") from None
    return LimitedRegex(expression, literals.longest())


def _translate(atom: re.Match[str], literals: "_Literals") -> str:
    """Return the atom in RE2's syntax, having told `literals` of it."""
    written = atom[0]
    match atom.lastgroup:
        case "escape":
            literals.add(_escaped(written))
        case "class":
            if "[:" in written:
                raise PatternError("Invalid filter pattern: named character classes are not supported")
            for escape in re.findall(r"\\(x[0-9A-Fa-f]{2}|.)", written, re.DOTALL):
                _escaped("\\" + escape)
            literals.add(None)
        case "repeat":
            return _repeated(written, literals)
        case _ if written == "|":
            literals.alternatives = True
        case _ if written in "^$":
            pass
        case _ if written in "[{\\":
            raise PatternError(f"Invalid filter pattern: {written!r} in a regular expression is not closed or escaped")
        case _:
            literals.add(None if written == "." else written)
    return written


def _escaped(written: str) -> str | None:
    """Return the character that an escape stands for, None for a class of them."""
    letter = written[1]
    if letter == "x" and len(written) == 4:
        code = int(written[2:], 16)
        if code > 0x7F:
            raise PatternError(f"Invalid filter pattern: {written} is not an ASCII character")
        return chr(code)
    if letter in _CLASS_ESCAPES:
        return None
    if letter in _CONTROL:
        return _CONTROL[letter]
    if letter.isalnum():
        raise PatternError(f"Invalid filter pattern: the escape {written} is not supported in a regular expression")
    return letter


def _repeated(written: str, literals: "_Literals") -> str:
    """`{,n}` is AWS's way to write what is `{0,n}` elsewhere."""
    if literals.repeated and not (written == "?" and literals.repeated == 1):
        raise PatternError(f"Invalid filter pattern: {written} follows another repetition in a regular expression")
    if written in ("?", "*"):
        literals.repeat(0)
        return written
    if written == "+":
        literals.repeat(1)
        return written
    least, comma, most = written[1:-1].partition(",")
    if any(len(count) > 4 or (count and int(count) > REPEATS_MAX) for count in (least, most)) or not (least or most):
        raise PatternError(f"Invalid filter pattern: {written} does not say how often, from 0 to {REPEATS_MAX}")
    literals.repeat(int(least or 0))
    return "{" + (least or "0") + comma + most + "}"


class _Literals:
    """Runs of characters that every match contains, in order. With alternatives none is certain.

    `repeated` counts the repetitions that follow the last atom (the second can only be the `?` of a lazy one).
    """

    def __init__(self) -> None:
        self.alternatives = False
        self.repeated = 0
        self._runs: list[str] = [""]
        self._last_is_character = False

    def add(self, character: str | None) -> None:
        """The next atom is exactly `character`, or (None) one of several."""
        self.repeated = 0
        self._last_is_character = character is not None
        if character is None:
            self._runs.append("")
        else:
            self._runs[-1] += character

    def repeat(self, least: int) -> None:
        """The atom before is there at least `least` times: so a run ends with it, or without it."""
        if self._last_is_character and least == 0:
            self._runs[-1] = self._runs[-1][:-1]
        self._last_is_character = False
        self.repeated += 1
        self._runs.append("")

    def longest(self) -> str:
        """Return the longest certain run."""
        return "" if self.alternatives else max(self._runs, key=len)
