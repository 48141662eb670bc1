"""JSON patterns: `{ $.status = 4* && ($.latency > 500 || $.error IS TRUE) }`.

Source: CloudWatch Logs User Guide, "Using filter patterns to match terms in JSON log events".
"""

import json
from collections.abc import Callable
from typing import Any, Final

import msgspec

from strongroom.services.logs.filter_patterns.errors import PatternError
from strongroom.services.logs.filter_patterns.json_condition import (
    Condition,
    all_of,
    any_of,
    compared,
    is_constant,
    not_exists,
)
from strongroom.services.logs.filter_patterns.json_selector import MISSING, Selector, read_selector
from strongroom.services.logs.filter_patterns.operands import REGEXES_MAX, read_comparison
from strongroom.services.logs.filter_patterns.pattern import FilterPattern
from strongroom.services.logs.filter_patterns.scanner import Scanner

DEPTH_MAX = 32
WILDCARDS_MAX = 3
CONSTANTS: Final = {"NULL": None, "TRUE": True, "FALSE": False}

_decode = msgspec.json.Decoder().decode
_NOT_JSON = (msgspec.MsgspecError, ValueError, RecursionError)


def compile_json_pattern(text: str) -> FilterPattern:
    """Compile a pattern in braces. Raises PatternError."""
    reader = _Reader(text)
    condition = reader.pattern()
    if sum(selector.wildcards for selector in condition.selectors) > WILDCARDS_MAX:
        raise PatternError(f"Invalid filter pattern: it has more than {WILDCARDS_MAX} wildcard selectors")
    # In a message without a backslash, names and texts stand as they are; with one, letters may be \\u escapes.
    needles = sorted(f'"{name}"' for name in condition.names if _is_plain(name))
    needles += sorted(literal for literal in condition.texts if _is_plain(literal))
    return FilterPattern(
        matches=_matcher(condition, tuple(needles)),
        required=["{", *sorted(condition.words)],
        required_unless_escaped=needles,
        extract=lambda message: _extract(condition, message),
        regex_count=reader.regexes,
    )


def _is_plain(text: str) -> bool:
    """Text that JSON writes as it is: not quotation marks, backslashes and control characters."""
    return bool(text) and text.isprintable() and '"' not in text and "\\" not in text


def _matcher(condition: Condition, needles: tuple[str, ...]) -> Callable[[str], bool]:
    holds = condition.holds

    def matches(message: str) -> bool:
        if "\\" not in message:
            for needle in needles:
                if needle not in message:
                    return False
        try:
            document = _decode(message)
        except _NOT_JSON:
            return False
        return isinstance(document, dict) and holds(document)

    return matches


def _extract(condition: Condition, message: str) -> dict[str, str] | None:
    """Numbers are told as the message writes them."""
    try:
        if not condition.holds(_decode(message)):
            return None
        document = json.loads(message, parse_float=_Written, parse_int=_Written)
    except _NOT_JSON:
        return None
    if not isinstance(document, dict):
        return None
    extracted = {}
    for selector in condition.selectors:
        if selector.wildcards == 0 and (told := _told(selector, document)) is not None:
            extracted[selector.text] = told
    return extracted


class _Written(str):
    """A number as it was written."""

    __slots__ = ()


def _told(selector: Selector, document: Any) -> str | None:
    value = selector.first(document)
    if value is MISSING or isinstance(value, dict | list) or value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


class _Reader(Scanner):
    """Recursive descent: `||` binds weakest, then `&&`, then parentheses."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.regexes = 0
        self.depth = 0

    def pattern(self) -> Condition:
        self.take("{")
        condition = self.alternatives()
        self.take("}")
        if not self.at_end():
            raise self.unexpected("nothing can follow the closing '}', but something does")
        return condition

    def alternatives(self) -> Condition:
        conditions = [self.conjunction()]
        while self.took("||"):
            conditions.append(self.conjunction())
        return any_of(conditions)

    def conjunction(self) -> Condition:
        conditions = [self.single()]
        while self.took("&&"):
            conditions.append(self.single())
        return all_of(conditions)

    def single(self) -> Condition:
        self.skip_space()
        if self.took("("):
            self.depth += 1
            if self.depth > DEPTH_MAX:
                raise PatternError(f"Invalid filter pattern: parentheses are nested deeper than {DEPTH_MAX}")
            condition = self.alternatives()
            self.take(")")
            self.depth -= 1
        else:
            condition = self.of_selector(read_selector(self))
        self.skip_space()
        return condition

    def of_selector(self, selector: Selector) -> Condition:
        self.skip_space()
        if self.peek().isalpha():
            return self.in_words(selector)
        comparison = read_comparison(self, text_as_number=False)
        self.regexes += comparison.is_regex
        if self.regexes > REGEXES_MAX:
            raise PatternError(f"Invalid filter pattern: it has more than {REGEXES_MAX} regular expressions")
        return compared(selector, comparison)

    def in_words(self, selector: Selector) -> Condition:
        first, second = self.word(), self.word()
        if first == "IS" and second in CONSTANTS:
            return is_constant(selector, CONSTANTS[second])
        if (first, second) == ("NOT", "EXISTS"):
            return not_exists(selector)
        if (first, second) == ("IS", "NOT") or first == "EXISTS":
            raise PatternError("Invalid filter pattern: IS NOT and EXISTS are not supported")
        raise self.unexpected("IS NULL, IS TRUE, IS FALSE or NOT EXISTS is expected, but not found")

    def word(self) -> str:
        self.skip_space()
        start = self.at
        while not self.at_end() and self.peek().isalpha():
            self.at += 1
        return self.text[start : self.at].upper()
