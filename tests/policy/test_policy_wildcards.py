"""Wildcards: right, and fast on patterns made to be slow."""

import json
import time
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.policy.context import EMPTY_CONTEXT
from strongroom.policy.document import parse
from strongroom.policy.tokens import split_segments, tokenize
from strongroom.policy.wildcards import compile_any, compile_wildcards


def matches(pattern: str, text: str) -> bool:
    return compile_any([tokenize(pattern, variables=False)])(text)


@cache
def slow_match(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return slow_match(pattern[1:], text) or (text != "" and slow_match(pattern, text[1:]))
    return text != "" and pattern[0] in ("?", text[0]) and slow_match(pattern[1:], text[1:])


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("", "", True),
        ("", "a", False),
        ("*", "", True),
        ("?", "", False),
        ("?", "ab", False),
        ("a*", "a", True),
        ("*a", "ba", True),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("ab*ba", "aba", False),
        ("*b*c*", "abcd", True),
        ("*c*b*", "abcd", False),
        ("*a*a*", "bab", False),
        ("*ab*b*", "ab", False),
        ("*ab*b*", "abb", True),
        ("a?c*", "abcd", True),
        ("*?", "", False),
        ("*?", "x", True),
        ("a.c", "abc", False),
        ("[ab]", "a", False),
        ("é?", "éß", True),
        ("*\n*", "a\nb", True),
    ],
)
def test_examples(pattern: str, text: str, expected: bool) -> None:
    assert matches(pattern, text) is expected


@settings(max_examples=500, deadline=None)
@given(st.text("ab**", max_size=8) | st.text("ab*?", max_size=8), st.text("ab", max_size=7))
def test_agrees_with_a_recursive_matcher(pattern: str, text: str) -> None:
    expected = slow_match(pattern, text)
    assert matches(pattern, text) is expected
    assert compile_wildcards(tokenize(pattern, variables=False))(text) is expected


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text("ab*?", max_size=5), max_size=5), st.text("ab", max_size=6))
def test_a_set_matches_when_one_of_it_does(patterns: list[str], text: str) -> None:
    compiled = compile_any([tokenize(pattern, variables=False) for pattern in patterns])
    assert compiled(text) is any(slow_match(pattern, text) for pattern in patterns)


@pytest.mark.parametrize(
    "pattern",
    ["a*" * 2000 + "b", "*a?" * 2000 + "b", "?" * 4000 + "*b", "*" * 4000 + "b", "a?*a" * 1000 + "b", "*?a" * 1500],
)
def test_hostile_patterns_finish_fast(pattern: str) -> None:
    start = time.perf_counter()
    assert not matches(pattern, "a" * 2000)
    assert time.perf_counter() - start < 0.5


def test_a_whole_hostile_policy_finishes_fast() -> None:
    resources = ["arn:aws:s3:::" + "*a?" * 300 + str(n) for n in range(30)]
    text = json.dumps({"Statement": {"Effect": "Allow", "Action": "s3:" + "*a" * 3000, "Resource": resources}})
    start = time.perf_counter()
    compiled = parse(text).statements[0]
    assert not compiled.matches_action("s3:" + "b" * 100)
    assert not compiled.covers("arn:aws:s3:::" + "a" * 1024, EMPTY_CONTEXT)
    assert time.perf_counter() - start < 1.0


def test_variables_are_never_cut_at_their_colon() -> None:
    tokens = tokenize("arn:aws:s3:::${aws:username}/x:y", variables=True)
    segments = split_segments(tokens, 6)
    assert len(segments) == 6
    assert segments[3] == ()
    assert segments[5][1:] == ("/x:y",)


def test_unresolved_variables_cannot_be_compiled() -> None:
    with pytest.raises(ValueError, match="resolved"):
        compile_wildcards(tokenize("${aws:username}", variables=True))
