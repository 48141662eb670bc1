"""The limited regular expressions: AWS's examples, what it does not support, and the time that hostile ones take."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.services.logs.filter_patterns import PatternError, compile_pattern


@pytest.mark.parametrize(
    ("regex", "matched", "not_matched"),
    [
        ("AUTHORIZED", ["[ERROR 401] UNAUTHORIZED REQUEST", "[SUCCESS 200] AUTHORIZED REQUEST"], ["authorized"]),
        ("^[hc]at", ["hat", "cat food"], ["a cat"]),
        ("[hc]at$", ["hat", "a cat"], ["cats"]),
        ("colou?r", ["color", "colour"], ["colouur"]),
        ("[abc]", ["b"], ["d"]),
        ("[abcx-z]", ["y"], ["d"]),
        ("^a{3,5}$", ["aaa", "aaaa", "aaaaa"], ["aa", "aaaaaa"]),
        ("^a{,2}$", ["", "a", "aa"], ["aaa"]),
        ("^a{2,}$", ["aa", "aaaa"], ["a"]),
        ("gra|ey", ["gray", "grey"], ["gr"]),
        ("^starting|^initializing|^shutting down", ["starting up", "shutting down"], ["skipping initializing"]),
        ("abcc|ab[^c]$", ["abcc and so on", "aba"], ["aac"]),
        (r"\[.\]", ["[a]", "[7]", "[@]", "[]]", "[ ]"], ["[]"]),
        (r"10\.10\.0\.1", ["10.10.0.1"], ["10010,051"]),
        ("10.10.0.1", ["10010,051"], []),
        ("ab*c", ["ac", "abc", "abbbc"], ["ab"]),
        ("ab[0-9]*", ["ab", "ab0", "ab129"], ["a"]),
        ("ab+c", ["abc", "abbbc"], ["ac"]),
        (".at", ["hat", "4at", "#at", " at"], ["at"]),
        (r"\d\D", ["1a"], ["12"]),
        (r"^\s\S$", ["\ta", " b", "\nc"], ["ab"]),
        (r"^\w\W$", ["_-", "A "], ["--"]),
        (r"\x3A", [":"], ["3A"]),
        (r"\x28", ["("], [")"]),
    ],
)
def test_regular_expressions_match_as_documented(regex: str, matched: list[str], not_matched: list[str]) -> None:
    pattern = compile_pattern(f"%{regex}%")
    assert [message for message in matched if not pattern.matches(message)] == []
    assert [message for message in not_matched if pattern.matches(message)] == []


@pytest.mark.parametrize(
    "regex",
    [
        "something!",
        "(ab)",
        r"\(ab\)",
        "größer",
        "a&b",
        "a~b",
        r"\b",
        r"\1",
        r"\x8",
        r"\xff",
        "[a",
        "a{",
        "a{x}",
        "a{1001}",
        "a{2,1}",
        "*a",
        "a**",
        "a{2}{3}",
        "[[:alpha:]]",
        "a\\",
        r"\Qa\E",
        "",
        "a'b",
        "[z-a]",
    ],
)
def test_what_aws_does_not_support_is_refused(regex: str) -> None:
    with pytest.raises(PatternError):
        compile_pattern(f"%{regex}%")


@pytest.mark.parametrize(
    ("regex", "required"),
    [
        ("AUTHORIZED", (b"AUTHORIZED",)),
        ("colou?r", (b"colo",)),
        ("ab+cde", (b"cde",)),
        (r"10\.0\.[0-9]+", (b"10.0.",)),
        (r"\x28x", (b"(x",)),
        ("ab|cd", ()),
        ("a*", ()),
        (r"\d+", ()),
    ],
)
def test_what_a_match_must_hold_is_told(regex: str, required: tuple[bytes, ...]) -> None:
    assert compile_pattern(f"%{regex}%").required_bytes == required


@pytest.mark.parametrize("regex", ["a*" * 200 + "b", ".*" * 100 + "x", "a?" * 100 + "a{100}", "[ab]*a[ab]{200}x"])
def test_a_hostile_expression_does_not_take_exponential_time(regex: str) -> None:
    pattern = compile_pattern(f"%{regex}%")
    began = time.perf_counter()
    pattern.matches("a" * 5_000)
    assert time.perf_counter() - began < 2


ATOMS = st.sampled_from(["a", "b", "c", ".", r"\d", r"\.", "[ab]", "[^a]", "1", "^", "$", "|", " ", r"\x61"])
REPEATS = st.sampled_from(["", "", "", "?", "*", "+", "{2}", "{1,2}", "{,2}", "+?"])
REGEXES = st.lists(st.tuples(ATOMS, REPEATS), min_size=1, max_size=8).map(
    lambda parts: "".join(atom + ("" if atom in "^$|" else repeat) for atom, repeat in parts)
)


@given(REGEXES, st.text("abc1. ", max_size=12))
def test_they_find_what_another_engine_finds(regex: str, message: str) -> None:
    pattern = compile_pattern(f"%{regex}%")
    # `$` of the other engine would match before a last line break; there is none here.
    found = re.search(regex.replace("{,2}", "{0,2}"), message, re.ASCII) is not None
    assert pattern.matches(message) is found
    if found:
        assert all(required in message.encode() for required in pattern.required_bytes)
