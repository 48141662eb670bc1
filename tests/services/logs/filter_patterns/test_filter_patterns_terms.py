"""Terms, phrases, optional and excluded ones: the examples of AWS's documentation, and what it refuses."""

import pytest

from strongroom.services.logs.filter_patterns import PatternError, compile_pattern

BAD_REQUEST = "[ERROR 400] BAD REQUEST"
UNAUTHORIZED = "[ERROR 401] UNAUTHORIZED REQUEST"
MISSING = "[ERROR 419] MISSING ARGUMENTS"
INVALID = "[ERROR 420] INVALID ARGUMENTS"
INFO = "[INFO] REQUEST FAILED"
WARN = "[WARN] UNAUTHORIZED REQUEST"
SERVER = "[ERROR 500] INTERNAL SERVER ERROR"


def matching(pattern: str, *messages: str) -> list[str]:
    compiled = compile_pattern(pattern)
    return [message for message in messages if compiled.matches(message)]


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("ERROR", [BAD_REQUEST, UNAUTHORIZED, MISSING, INVALID, SERVER]),
        ("error", []),
        ("ERROR ARGUMENTS", [MISSING, INVALID]),
        ("?ERROR ?ARGUMENTS", [BAD_REQUEST, UNAUTHORIZED, MISSING, INVALID, SERVER]),
        ("?MISSING ?FAILED", [MISSING, INFO]),
        ("?ERROR ?ARGUMENTS REQUEST", [BAD_REQUEST, UNAUTHORIZED, INFO, WARN]),
        ("?MISSING -REQUEST", [MISSING, INVALID, SERVER]),
        ('"INTERNAL SERVER ERROR"', [SERVER]),
        ("ERROR -ARGUMENTS", [BAD_REQUEST, UNAUTHORIZED, SERVER]),
        ('"ERROR" - "ARGUMENTS"', [BAD_REQUEST, UNAUTHORIZED, SERVER]),
        ("-ERROR", [INFO, WARN]),
        ('?"ERROR 400" ?"ERROR 500"', [BAD_REQUEST, SERVER]),
        ('"[ERROR 4"', [BAD_REQUEST, UNAUTHORIZED, MISSING, INVALID]),
        ('""', [BAD_REQUEST, UNAUTHORIZED, MISSING, INVALID, INFO, WARN, SERVER]),
        ('" "', [BAD_REQUEST, UNAUTHORIZED, MISSING, INVALID, INFO, WARN, SERVER]),
        ("", [BAD_REQUEST, UNAUTHORIZED, MISSING, INVALID, INFO, WARN, SERVER]),
        ("  ", [BAD_REQUEST, UNAUTHORIZED, MISSING, INVALID, INFO, WARN, SERVER]),
    ],
)
def test_terms_match_as_documented(pattern: str, matched: list[str]) -> None:
    assert matching(pattern, BAD_REQUEST, UNAUTHORIZED, MISSING, INVALID, INFO, WARN, SERVER) == matched


def test_a_term_is_found_inside_of_words() -> None:
    assert matching("ERROR", "Exiting with ERRORCODE: -1") == ["Exiting with ERRORCODE: -1"]
    assert matching("ERROR -Exiting", "Exiting with ERRORCODE: -1", "[ERROR] A fatal exception") == [
        "[ERROR] A fatal exception"
    ]


def test_quotation_marks_and_backslashes_are_escaped_in_a_phrase() -> None:
    assert matching(r'"say \"no\" to C:\\"', r'say "no" to C:\ and D:', "say no to C:") == [r'say "no" to C:\ and D:']


def test_terms_extract_nothing() -> None:
    assert compile_pattern("ERROR").extract(SERVER) == {}
    assert compile_pattern("ERROR").extract(INFO) is None


@pytest.mark.parametrize(
    ("pattern", "required"),
    [
        ("ERROR -x", (b"ERROR",)),
        ("ERROR ARGUMENTS", (b"ERROR", b"ARGUMENTS")),
        ("?ERROR", (b"ERROR",)),
        ("?ERROR ?WARN", ()),
        ("?ERROR REQUEST", (b"REQUEST",)),
        ("-ERROR", ()),
        ("", ()),
        ('"größer"', ("größer".encode(),)),
    ],
)
def test_what_a_matching_message_must_hold(pattern: str, required: tuple[bytes, ...]) -> None:
    assert compile_pattern(pattern).required_bytes == required


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("email@example.com", "double quotation marks"),
        ("err:", "double quotation marks"),
        ("/path", "double quotation marks"),
        ("50% off", "double quotation marks"),
        ('"open', "not closed"),
        ("ERROR -", "missing"),
        ("? ERROR", "missing"),
        ("ERROR %regex%", "not combined"),
        ("%regex% ERROR", "stands alone"),
        ("{ $.a = 1", "If a filter pattern starts with '{' it must end with '}'"),
        ("[a, b", "If a filter pattern starts with '[' it must end with ']'"),
        ("x" * 1025, "longer than 1024"),
        ("\ud800", "Unicode"),
    ],
)
def test_what_is_no_pattern_is_refused_with_the_reason(pattern: str, reason: str) -> None:
    with pytest.raises(PatternError, match=r".") as refused:
        compile_pattern(pattern)
    assert reason in str(refused.value)
