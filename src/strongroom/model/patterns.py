r"""The regular expressions of service models, which AWS runs in Java, as Python's `re`.

AWS matches the whole value, and `\d`, `\s` and `\w` are ASCII, as in Java. What Java has and Python lacks is rewritten:
Unicode and POSIX classes (`\p{L}`, `\P{C}`, `\p{Alnum}`), characters written as surrogate pairs or `\x{..}`, `\z`, and
a hyphen that stands for itself after a class such as `\w`. A pattern that still cannot be compiled raises ValueError
when its operation is compiled: the operation then answers an internal failure rather than let unchecked values in, and
`patches.json` is the place to mend the pattern.

Source: Java Platform API, java.util.regex.Pattern; Smithy specification, "pattern trait".
"""

import re
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from itertools import groupby

# Above U+323AF there are only the tags, variation selectors and private use of planes 14 to 16.
_LAST_CODE_POINT = 0x10FFFF
_DENSE_CODE_POINTS_MAX = 0x323B0
_SPARSE_FROM = 0xE0000
_SPARSE_TO = 0xE0200
_BLOCK_CODE_POINTS = 0x2000

_POSIX_CLASSES = {
    "ASCII": r"\x00-\x7f",
    "Alnum": "0-9A-Za-z",
    "Alpha": "A-Za-z",
    "Blank": r" \t",
    "Cntrl": r"\x00-\x1f\x7f",
    "Digit": "0-9",
    "Graph": r"\x21-\x7e",
    "Lower": "a-z",
    "Print": r"\x20-\x7e",
    "Punct": r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
    "Space": r" \t\n\x0b\f\r",
    "Upper": "A-Z",
    "XDigit": "0-9A-Fa-f",
}

_TOKEN = re.compile(
    r"""
    \\(?P<negated>[pP])(?:\{(?P<property>\w+)\}|(?P<letter>[A-Z]))
    | \\u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})
    | \\x\{(?P<hexadecimal>[0-9a-fA-F]{1,6})\}
    | (?P<escape>\\.)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


@cache
def whole_match(pattern: str) -> Callable[[str], object]:
    """Return a function that gives None for a text that does not match `pattern` as a whole.

    Raises ValueError for a pattern that cannot be rewritten for Python.
    """
    with warnings.catch_warnings():
        # A set operation that Python may one day read differently would change what we accept.
        warnings.simplefilter("error")
        try:
            return re.compile(translated(pattern), re.ASCII).fullmatch
        except (re.error, Warning, OverflowError) as problem:
            raise ValueError(f"the pattern {pattern!r} cannot be compiled: {problem}") from problem


def translated(pattern: str) -> str:
    """Return a Java regular expression as Python writes it. Raises ValueError for a class unknown here."""
    out: list[str] = []
    in_class = False
    class_begins = False
    after_class_escape = False
    for token in _TOKEN.finditer(pattern):
        text = token[0]
        if token["negated"]:
            text = _property(token["property"] or token["letter"], token["negated"] == "P", in_class)
        elif token["high"]:
            text = _character(0x10000 + ((int(token["high"], 16) - 0xD800) << 10) + int(token["low"], 16) - 0xDC00)
        elif token["hexadecimal"]:
            text = _character(int(token["hexadecimal"], 16))
        elif text == r"\z":
            text = r"\Z"
        elif in_class and text == "]" and not class_begins:
            in_class = False
        elif in_class and (text in "[&|~" or (text == "-" and after_class_escape)):
            if text == "&" and pattern.startswith("&&", token.start()):
                raise ValueError(f"the pattern {pattern!r} intersects classes")
            text = "\\" + text
        elif not in_class and text == "[":
            in_class = class_begins = True
            out.append(text)
            after_class_escape = False
            continue
        after_class_escape = in_class and (bool(token["negated"]) or text in {r"\w", r"\d", r"\s", r"\W", r"\D", r"\S"})
        class_begins = class_begins and text == "^" and out[-1] == "["
        out.append(text)
    return "".join(out)


def _property(name: str, negated: bool, in_class: bool) -> str:
    inner = _POSIX_CLASSES.get(name)
    if inner is not None:
        if in_class and negated:
            raise ValueError(f"\\P{{{name}}} inside a class")
    else:
        inner = _unicode_class(name, negated)
        negated = False
    if in_class:
        return inner
    return f"[{'^' if negated else ''}{inner}]"


@cache
def _unicode_class(name: str, negated: bool) -> str:
    if name not in _category_names():
        raise ValueError(f"the class \\p{{{name}}} is not known here")
    ranges: list[tuple[int, int]] = []
    for first, last, category in _category_runs():
        if category.startswith(name) is negated:
            continue
        if ranges and ranges[-1][1] + 1 == first:
            ranges[-1] = (ranges[-1][0], last)
        else:
            ranges.append((first, last))
    return "".join(f"{_character(first)}-{_character(last)}" for first, last in ranges)


@cache
def _category_names() -> frozenset[str]:
    two_letters = {category for _, _, category in _category_runs()}
    return frozenset(two_letters | {category[0] for category in two_letters})


@cache
def _category_runs() -> tuple[tuple[int, int, str], ...]:
    """Return runs of code points (first, last) of one general category, in order."""
    runs: list[tuple[int, int, str]] = []
    for block in _blocks():
        for first, last, category in _runs_in(block):
            # What is between the dense and the sparse blocks is unassigned, as what is on either side of it.
            goes_on = bool(runs) and runs[-1][2] == category
            runs.append((runs.pop()[0] if goes_on else first, last, category))
    runs.append((_SPARSE_TO, 0xEFFFF, "Cn"))
    for plane in (0xF0000, 0x100000):
        runs.append((plane, plane + 0xFFFD, "Co"))
        runs.append((plane + 0xFFFE, min(plane + 0xFFFF, _LAST_CODE_POINT), "Cn"))
    return tuple(runs)


def _blocks() -> list[range]:
    starts = range(0, _DENSE_CODE_POINTS_MAX, _BLOCK_CODE_POINTS)
    dense = [range(start, min(start + _BLOCK_CODE_POINTS, _DENSE_CODE_POINTS_MAX)) for start in starts]
    return [*dense, range(_SPARSE_FROM, _SPARSE_TO)]


@cache
def _runs_in(block: range) -> tuple[tuple[int, int, str], ...]:
    runs = []
    first = block.start
    for category, group in groupby(map(unicodedata.category, map(chr, block))):
        last = first + sum(1 for _ in group) - 1
        runs.append((first, last, category))
        first = last + 1
    return tuple(runs)


def prepare_unicode_classes() -> Iterator[None]:
    """Look all of Unicode up, a millisecond's worth with each step, which the first class that is asked for needs."""
    for block in _blocks():
        _runs_in(block)
        yield


def _character(code: int) -> str:
    return f"\\U{code:08x}"
