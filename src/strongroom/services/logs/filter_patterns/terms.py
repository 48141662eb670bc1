"""Patterns for unstructured messages: terms, phrases, `?optional` and `-excluded` ones, or one regular expression.

Source: CloudWatch Logs User Guide, "Using filter patterns to match terms in unstructured log events".
"""

from collections.abc import Callable, Sequence

from strongroom.services.logs.filter_patterns.errors import PatternError
from strongroom.services.logs.filter_patterns.limited_regex import compile_limited_regex
from strongroom.services.logs.filter_patterns.pattern import FilterPattern
from strongroom.services.logs.filter_patterns.scanner import Scanner

_MARKS = {"?": "optional", "-": "excluded"}


def compile_terms(text: str) -> FilterPattern:
    """Compile a pattern that begins with neither `{` nor `[`. Raises PatternError."""
    scanner = Scanner(text)
    scanner.skip_space()
    if scanner.peek() == "%":
        return _regex_alone(scanner)
    required: list[str] = []
    optional: list[str] = []
    excluded: list[str] = []
    while not scanner.at_end():
        mark = scanner.peek()
        if mark in _MARKS:
            scanner.take(mark)
        if mark == "-":
            scanner.skip_space()
        {"?": optional, "-": excluded}.get(mark, required).append(_term(scanner))
        scanner.skip_space()
    # AWS ignores optional terms beside others: "?ERROR ?ARGUMENTS REQUEST" matches whatever contains REQUEST.
    return _pattern(required, [] if required or excluded else optional, excluded)


def _regex_alone(scanner: Scanner) -> FilterPattern:
    regex = compile_limited_regex(scanner.regex())
    scanner.skip_space()
    if not scanner.at_end():
        raise PatternError("Invalid filter pattern: a regular expression stands alone, or in a JSON or [...] pattern")
    return FilterPattern(
        matches=regex.expression.found_in,
        required=[regex.literal] if regex.literal else [],
        regex_count=1,
    )


def _term(scanner: Scanner) -> str:
    if scanner.peek() == '"':
        phrase = scanner.quoted().text
        return "" if phrase.isspace() else phrase
    if scanner.peek() == "%":
        raise PatternError("Invalid filter pattern: a regular expression is not combined with terms")
    start = scanner.at
    while not scanner.at_end() and not scanner.peek().isspace() and scanner.peek() != '"':
        scanner.at += 1
    word = scanner.text[start : scanner.at]
    if not word:
        raise PatternError(f"Invalid filter pattern: a term is missing at position {start}")
    if not all(character.isalnum() or character == "_" for character in word):
        raise PatternError(
            f"Invalid filter pattern: the term {word} contains characters other than letters, digits and '_', so it "
            "must be in double quotation marks"
        )
    return word


def _pattern(required: Sequence[str], optional: Sequence[str], excluded: Sequence[str]) -> FilterPattern:
    certain = list(optional) if len(optional) == 1 else required
    return FilterPattern(
        matches=_matcher(tuple(dict.fromkeys(required)), tuple(optional), tuple(excluded)),
        required=[term for term in dict.fromkeys(certain) if term],
    )


def _matcher(required: tuple[str, ...], optional: tuple[str, ...], excluded: tuple[str, ...]) -> Callable[[str], bool]:
    """The usual patterns get a function that does only what they need."""
    if not excluded and not optional:
        if not required or required == ("",):
            return lambda message: True
        if len(required) == 1:
            only = required[0]
            return lambda message: only in message
        return lambda message: all(term in message for term in required)
    if optional:
        return lambda message: any(term in message for term in optional)
    return lambda message: all(term in message for term in required) and not any(term in message for term in excluded)
