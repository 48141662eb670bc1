"""What a field is compared with: text with wildcards, a number, or a regular expression; and the comparison itself.

Source: CloudWatch Logs User Guide, "Filter pattern syntax for metric filters, subscription filters, filter log events,
and Live Tail".
"""

import operator
from collections.abc import Callable
from typing import NamedTuple

from strongroom.services.logs.filter_patterns.errors import PatternError
from strongroom.services.logs.filter_patterns.limited_regex import compile_limited_regex
from strongroom.services.logs.filter_patterns.scanner import Scanner
from strongroom.services.logs.filter_patterns.wildcards import compile_wildcards
from strongroom.services.logs.numbers import Number, number_of

OPERATORS = ("!=", "<=", ">=", "=", "<", ">")
REGEXES_MAX = 2

_ORDERS: dict[str, Callable[[Number, Number], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_UNQUOTED_SYMBOLS = frozenset("_.*+-/:")


class Comparison(NamedTuple):
    """One comparison with a constant.

    `with_text` and `with_number` tell whether a value of that type satisfies it. `literal` is contained in every text
    that satisfies it (empty when none is certain).
    """

    with_text: Callable[[str], bool]
    with_number: Callable[[Number], bool]
    literal: str = ""
    is_regex: bool = False


def read_operator(scanner: Scanner) -> str:
    """Read one of the operators. Raises PatternError."""
    for written in OPERATORS:
        if scanner.took(written):
            return written
    raise scanner.unexpected("an operator (=, !=, <, <=, >, >=) is missing")


def read_comparison(scanner: Scanner, *, text_as_number: bool) -> Comparison:
    """Read an operator and what follows it. `text_as_number` is whether < and > take text as the number it writes."""
    written = read_operator(scanner)
    scanner.skip_space()
    following = scanner.peek()
    if following == "%":
        return _with_regex(written, scanner)
    if following == '"':
        pieces = scanner.quoted().pieces
        if written in _ORDERS:
            raise PatternError(f"Invalid filter pattern: {written} compares with a number, not with quoted text")
        return _with_text(written, pieces)
    word = _unquoted(scanner)
    number = number_of(word)
    if written in _ORDERS:
        if number is None:
            raise PatternError(f"Invalid filter pattern: {written} compares with a number, and {word} is none")
        return _with_order(_ORDERS[written], number, text_as_number=text_as_number)
    if number is not None:
        return _with_number(written, word, number)
    return _with_text(written, tuple(word.split("*")))


def _unquoted(scanner: Scanner) -> str:
    start = scanner.at
    while not scanner.at_end():
        character = scanner.peek()
        if not (character.isalnum() and character.isascii()) and character not in _UNQUOTED_SYMBOLS:
            break
        scanner.at += 1
    word = scanner.text[start : scanner.at]
    if not word:
        raise scanner.unexpected("a value is missing, or must be in double quotation marks,")
    return word


def _with_regex(written: str, scanner: Scanner) -> Comparison:
    regex = compile_limited_regex(scanner.regex())
    found_in = regex.expression.found_in
    if written == "=":
        return Comparison(found_in, lambda value: found_in(str(value)), literal=regex.literal, is_regex=True)
    if written == "!=":
        return Comparison(lambda text: not found_in(text), lambda value: not found_in(str(value)), is_regex=True)
    raise PatternError(f"Invalid filter pattern: {written} does not compare with a regular expression")


def _with_text(written: str, pieces: tuple[str, ...]) -> Comparison:
    matches = compile_wildcards(pieces)
    if written == "!=":
        return Comparison(lambda text: not matches(text), lambda value: not matches(str(value)))
    return Comparison(matches, lambda value: matches(str(value)), literal=max(pieces, key=len))


def _with_number(written: str, word: str, number: Number) -> Comparison:
    """A number stands for its text, too: an account id in a JSON string equals the digits in the pattern."""

    def equals(text: str) -> bool:
        return text == word or number_of(text) == number

    if written == "!=":
        return Comparison(lambda text: not equals(text), lambda value: value != number)
    return Comparison(equals, lambda value: value == number)


def _with_order(order: Callable[[Number, Number], bool], number: Number, *, text_as_number: bool) -> Comparison:
    def text_in_order(text: str) -> bool:
        value = number_of(text)
        return value is not None and order(value, number)

    return Comparison(text_in_order if text_as_number else _never, lambda value: order(value, number))


def _never(_: str) -> bool:
    return False
