"""Whatever a pattern and a message are: only a PatternError, and nothing is skipped that matches."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from strongroom.services.logs.filter_patterns import FilterPattern, PatternError, compile_pattern
from strongroom.services.logs.filter_patterns.wildcards import compile_wildcards

WORDS = st.sampled_from(["a", "b", "ab", "4", "40", "1e2", "true", "é", "x y", "", "-", "."])
SYNTAX = st.sampled_from(
    [
        "{ ",
        " }",
        "[",
        "]",
        "$.a",
        "$.b[0]",
        "$.*",
        "$.['a b']",
        " = ",
        " != ",
        " > ",
        "4*",
        '"a*"',
        "%a+b?%",
        " && ",
        " || ",
        "(",
        ")",
        "...",
        ", ",
        " IS NULL",
        " NOT EXISTS",
        "?",
        "-",
        '"',
        "%",
        "\\",
        "a",
        "b",
        "é",
        " ",
        chr(55296),
    ]
)
TEXTS = st.text('ab4 é*%"\\.[]{}$\ud800', max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-500, 500) | st.floats(-500, 500) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "a b"]), inner, max_size=3),
    max_leaves=6,
)
DOCUMENTS = st.dictionaries(st.sampled_from(["a", "b", "a b"]), VALUES, max_size=3)
MESSAGES = st.one_of(
    TEXTS,
    st.builds(lambda document, ascii: json.dumps(document, ensure_ascii=ascii), DOCUMENTS, st.booleans()),
    st.lists(WORDS | st.just("[a b]"), max_size=5).map(" ".join),
)

OPERANDS = st.sampled_from(["a", "4*", "*b", '"a*b"', "40", "1e2", "%a[b4]?%", '"x y"', "*"])
COMPARISONS = st.builds(lambda operator, operand: f" {operator} {operand}", st.sampled_from(["=", "!="]), OPERANDS)
CONDITIONS = st.recursive(
    st.builds(
        lambda selector, rest: selector + rest,
        st.sampled_from(["$.a", "$.b", "$.a.b", "$.a[0]", "$.b[*]", "$.*", "$.['a b']"]),
        COMPARISONS | st.sampled_from([" IS NULL", " IS TRUE", " NOT EXISTS", " > 4", " <= 40"]),
    ),
    lambda inner: st.builds(
        lambda one, sign, two: f"({one} {sign} {two})", inner, st.sampled_from(["&&", "||"]), inner
    ),
    max_leaves=3,
)
FIELDS = st.one_of(
    st.sampled_from(["w", "", "..."]),
    COMPARISONS.map(lambda rest: "w" + rest),
    st.builds(lambda one, sign, two: f"w{one} {sign} w{two}", COMPARISONS, st.sampled_from(["&&", "||"]), COMPARISONS),
)
TERMS = st.builds(
    lambda mark, term: mark + term, st.sampled_from(["", "?", "-"]), st.sampled_from(["a", "b", "4", '"x y"', "é"])
)
PATTERNS = st.one_of(
    CONDITIONS.map(lambda condition: f"{{ {condition} }}"),
    st.lists(FIELDS, min_size=1, max_size=4).map(lambda fields: f"[{', '.join(fields)}]"),
    st.lists(TERMS, max_size=4).map(" ".join),
    st.sampled_from(["%a%", "%ab?%", "%[a4]+ b%", "%a|b%"]),
)


def compiled(pattern: str) -> FilterPattern | None:
    try:
        return compile_pattern(pattern)
    except PatternError:
        return None


@given(st.lists(SYNTAX, max_size=12).map("".join) | st.text(max_size=30) | PATTERNS, MESSAGES)
def test_no_pattern_makes_anything_but_a_pattern_error(pattern: str, message: str) -> None:
    if (filter_pattern := compiled(pattern)) is not None:
        matched = filter_pattern.matches(message)
        assert isinstance(matched, bool)
        extracted = filter_pattern.extract(message)
        assert (extracted is not None) is matched
        assert all(isinstance(name, str) and isinstance(value, str) for name, value in (extracted or {}).items())


@given(PATTERNS, MESSAGES)
@example('{ $.a = "4*" }', '{"a": 4e1}')
@example('{ $.a = "tr*" }', '{"a": true}')
def test_what_a_message_must_hold_never_lies(pattern: str, message: str) -> None:
    filter_pattern = compiled(pattern)
    if filter_pattern is not None and filter_pattern.matches(message):
        encoded = message.encode("utf-8", "surrogatepass")
        assert all(required in encoded for required in filter_pattern.required_bytes)
        if b"\\" not in encoded:
            assert all(required in encoded for required in filter_pattern.required_unless_escaped)


@given(CONDITIONS, DOCUMENTS)
def test_escaping_letters_in_json_changes_nothing(condition: str, document: dict[str, object]) -> None:
    filter_pattern = compiled(f"{{ {condition} }}")
    if filter_pattern is not None:
        plain = json.dumps(document, ensure_ascii=False)
        escaped = "".join(f"\\u{ord(character):04x}" if character in "abé" else character for character in plain)
        # What stands outside of strings cannot be escaped.
        assert json.loads(plain) == document
        if not any(word in plain for word in ("true", "false", "null", "NaN", "Infinity")):
            assert filter_pattern.matches(plain) is filter_pattern.matches(escaped)


@given(st.lists(st.text("ab", max_size=2), min_size=1, max_size=5), st.text("ab", max_size=10))
def test_wildcards_are_what_a_slow_matcher_finds(pieces: list[str], text: str) -> None:
    def slow(pieces: list[str], text: str) -> bool:
        if len(pieces) == 1:
            return text == pieces[0]
        rest = text[len(pieces[0]) :]
        return text.startswith(pieces[0]) and any(slow(pieces[1:], rest[at:]) for at in range(len(rest) + 1))

    assert compile_wildcards(pieces)(text) is slow(pieces, text)


@pytest.mark.parametrize("length", [1024])
def test_the_longest_patterns_compile(length: int) -> None:
    condition = "$.a = 1 && "
    count = (length - 4 - len("$.a = 1")) // len(condition)
    pattern = "{ " + condition * count + "$.a = 1 }"
    assert compile_pattern(pattern).matches('{"a": 1}')
