"""Space-delimited patterns: the examples of AWS's documentation, the fields of messages, and what is refused."""

import time

import pytest

from strongroom.services.logs.filter_patterns import PatternError, compile_pattern
from strongroom.services.logs.filter_patterns.space_delimited_message import split_fields

APACHE = '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'
GET = "INFO 09/25/2014 12:00:00 GET /service/resource/67 1200"
POST = "INFO 09/25/2014 12:00:01 POST /service/resource/67/part/111 1310"
WARNING = "WARNING 09/25/2014 12:00:02 Invalid user request"
ERROR = "ERROR 09/25/2014 12:00:02 Failed to process request"


@pytest.mark.parametrize(
    "pattern",
    [
        "[ip, user, username, timestamp, request, status_code, bytes]",
        r"[ip=%127\.0\.0\.[1-9]%, user, username, timestamp, request =*.html*, status_code = 4*, bytes]",
        "[..., request =*.html*, status_code = 4*, bytes]",
        "[ip, user, username, timestamp, request =*.html*, status_code = 404 || status_code = 410, bytes]",
        "[ip, user, ..., status_code, bytes]",
        "[ip, user, ...]",
        "[...]",
        "[ip, user, username, timestamp, request, status_code, bytes > 1000]",
        "[ip, user, username, timestamp, request = *html*, status_code = 4* && status_code != 403, bytes]",
        '[ip, user, username, timestamp, request="GET *", status_code!=5*, bytes >= 1534 && bytes<=1534]',
        "[ip, user, username, timestamp, request, (status_code = 5* || status_code = 404) && status_code > 1, bytes]",
        "[, , , , , status_code = 404, ]",
        "[w1, w2]",
    ],
)
def test_a_line_of_an_access_log_is_matched(pattern: str) -> None:
    assert compile_pattern(pattern).matches(APACHE)


@pytest.mark.parametrize(
    "pattern",
    [
        "[ip, user, username, timestamp, request, status_code, bytes > 2000]",
        "[ip, user, username, timestamp, request, status_code = 5*, bytes]",
        "[ip, user, username, timestamp, request, status_code != 404, bytes]",
        "[..., request = *.png*, status_code, bytes]",
        "[a, b, c, d, e, f, g, h]",
        "[a, b, c, d, e, ..., f, g, h]",
        "[ip, user > 5, ...]",
    ],
)
def test_a_line_of_an_access_log_is_not_matched(pattern: str) -> None:
    assert not compile_pattern(pattern).matches(APACHE)


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("[w1=ERROR, w2]", [ERROR]),
        ("[w1=ERROR || w1=WARNING, w2]", [WARNING, ERROR]),
        ("[w1!=ERROR && w1!=WARNING, w2]", [GET, POST]),
        ("[logLevel, date, time, method, url=%/service/resource/[0-9]+$%, response_time]", [GET]),
        ("[logLevel, date, time, method, url=%/service/resource/[0-9]+/part/[0-9]+$%, response_time]", [POST]),
    ],
)
def test_words_match_in_their_order(pattern: str, matched: list[str]) -> None:
    compiled = compile_pattern(pattern)
    assert [message for message in (GET, POST, WARNING, ERROR) if compiled.matches(message)] == matched


def test_fields_are_extracted_by_name_or_by_position() -> None:
    assert compile_pattern("[..., request=*.html*, status_code=4*,]").extract(APACHE) == {
        "$1": "127.0.0.1",
        "$2": "Prod",
        "$3": "frank",
        "$4": "10/Oct/2000:13:25:15 -0700",
        "$request": "GET /index.html HTTP/1.0",
        "$status_code": "404",
        "$7": "1534",
    }
    assert compile_pattern("[ip, ..., bytes > 9999]").extract(APACHE) is None


def test_the_last_field_takes_the_rest() -> None:
    line = '2024-01-02T03:04:05Z 6bc28136-xmpl {"level": "ERROR", "text": "two words"}'
    assert compile_pattern('[timestamp=*Z, request_id="*-*", event]').extract(line) == {
        "$timestamp": "2024-01-02T03:04:05Z",
        "$request_id": "6bc28136-xmpl",
        "$event": '{"level": "ERROR", "text": "two words"}',
    }


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        ("", []),
        ("  a   b\tc\n", ["a", "b", "c"]),
        ("[a b] \"c d\" [] ''", ["a b", "c d", "", "''"]),
        ("[open a", ["[open", "a"]),
        ('"open [closed] a"b', ["open [closed] a", "b"]),
        ("a[0] b", ["a[0]", "b"]),
    ],
)
def test_a_message_is_cut_at_its_spaces(message: str, fields: list[str]) -> None:
    assert split_fields(message) == fields


@pytest.mark.parametrize("message", ["[ " * 100_000, '" [ ' * 100_000, "[" * 100_000, "a " * 100_000])
def test_cutting_takes_linear_time(message: str) -> None:
    began = time.perf_counter()
    split_fields(message)
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize(
    ("pattern", "required"),
    [
        ("[w1=ERROR, w2]", (b"ERROR",)),
        ("[w1=ERROR || w1=WARNING, w2=*.html*]", (b".html",)),
        ("[w1=ERROR && w1=E*, w2]", (b"E", b"ERROR")),
        ("[w1=404, w2!=x, w3>5]", ()),
        ("[w1=%a[0-9]bcd%]", (b"bcd",)),
    ],
)
def test_what_a_matching_message_must_hold(pattern: str, required: tuple[bytes, ...]) -> None:
    assert compile_pattern(pattern).required_bytes == required


@pytest.mark.parametrize(
    "pattern",
    [
        "[a b]",
        "[a=]",
        "[=5]",
        "[a > x]",
        "[a, ..., b, ...]",
        "[a = 1 && b = 2]",
        "[a = 1 ||]",
        "[(a = 1]",
        "[a = 1)]",
        "[a = 1] b]",
        "[a=%x%, b=%y%, c=%z%]",
        "[a=%x]",
        '[a="x]',
        "[a = x@y]",
        "[a == 1]",
        "[a.b = 1]",
        "[(a), b]",
        "[" + "(" * 100 + "a = 1" + ")" * 100 + "]",
    ],
)
def test_what_is_no_space_delimited_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError, match=r"\S"):
        compile_pattern(pattern)
