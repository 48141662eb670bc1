"""Expressions and functions: the examples of AWS's documentation, types, and missing values."""

from typing import Any

import pytest
from tests.services.logs.insights.events import START_MS, value_of

MESSAGE = {"n": 7, "f": 2.5, "s": "text", "num": "12", "empty": "", "blank": " \t", "yes": True, "no": False}
MESSAGE |= {"null": None, "ip": "192.0.2.77", "ip6": "2001:db8::1", "z": 0}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("2 ^ 3", "8"),
        ("2 ^ 3 ^ 2", "512"),
        ("2 ^ -1", "0.5"),
        ("10 % 3", "1"),
        ("-10 % 3", "-1"),
        ("7.5 % 2", "1.5"),
        ("1 + 2 * 3 - 4 / 2", "5"),
        ("(1 + 2) * 3", "9"),
        ("1 - 2 - 3", "-4"),
        ("n / 2", "3.5"),
        ("n / 0", None),
        ("n % 0", None),
        ("num * 2", "24"),
        ("s + 1", None),
        ("missing + 1", None),
        ("-n", "-7"),
        ("1e3 + .5", "1000.5"),
        ("9 ^ 9 ^ 9", None),
        ("9223372036854775807 + 9223372036854775807", "1.8446744073709552e+19"),
        ("abs(-4)", "4"),
        ("ceil(2.1)", "3"),
        ("floor(-2.1)", "-3"),
        ("greatest(1, n, num, s)", "12"),
        ("least(n, f)", "2.5"),
        ("log(1)", "0"),
        ("log(0)", None),
        ("sqrt(16)", "4"),
        ("sqrt(-1)", None),
        ("round(2.5)", "3"),
        ("round(2.345, 2)", "2.35"),
        ("round(-2.5)", "-3"),
        ("toNumber(num)", "12"),
        ("toInt(3.9)", "3"),
        ("toInt(3000000000)", None),
        ("toLong(3000000000)", "3000000000"),
        ("isNumeric(num)", "1"),
        ("isNumeric(s)", "0"),
        ("hexToDec('0xff')", "255"),
    ],
)
def test_numbers(expression: str, expected: str | None) -> None:
    assert value_of(expression, MESSAGE) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("isempty(empty)", "1"),
        ("isempty(missing)", "1"),
        ("isempty(s)", "0"),
        ("isblank(blank)", "1"),
        ("isblank(missing)", "1"),
        ("isblank(s)", "0"),
        ("concat(s, '-', n)", "text-7"),
        ("concat(s, missing)", "text"),
        ('ltrim("  a ")', "a "),
        ('ltrim("xyZxyfooxyZ","xyZ")', "fooxyZ"),
        ('rtrim("xyZfooxyxyZ","xyZ")', "xyZfoo"),
        ('trim("xyZxyfooxyxyZ","xyZ")', "foo"),
        ('trim("  a ")', "a"),
        ("strlen('größe😀')", "6"),
        ("strlen(missing)", None),
        ("toupper(s)", "TEXT"),
        ("tolower('TEXT')", "text"),
        ('substr("xyZfooxyZ",3, 3)', "foo"),
        ('substr("xyZfooxyZ",3)', "fooxyZ"),
        ('substr("abc", 9)', ""),
        ('replace("foo","o","0")', "f00"),
        ('replace("foo","","0")', "foo"),
        ("strcontains(s, 'ex')", "1"),
        ("strcontains(s, 'EX')", "0"),
        ("strcontains(s, 'EX', true)", "1"),
        ("startsWith(s, 'te')", "1"),
        ("endsWith(s, 'te')", "0"),
        ("urlencode('a b/c')", "a%20b%2Fc"),
        ("urldecode('a%20b')", "a b"),
        ("base64encode('text')", "dGV4dA=="),
        ("base64decode('dGV4dA==')", "text"),
        ("base64decode('?')", None),
        ("messageSize('größe')", "7"),
        (r"'it\'s'", "it's"),
        (r"'a\d'", r"a\d"),
    ],
)
def test_text(expression: str, expected: str | None) -> None:
    assert value_of(expression, MESSAGE) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("ispresent(n)", "1"),
        ("isPresent(missing)", "0"),
        ("ispresent(null)", "0"),
        ("coalesce(missing, null, s, n)", "text"),
        ("coalesce(missing)", None),
        ("if(n > 5, 'big', 'small')", "big"),
        ("if(missing > 5, 'big', 'small')", "small"),
        ("case(n < 5, 'small', n < 10, 'middle', 'big')", "middle"),
        ("case(n < 5, 'small')", None),
        ("n = 7", "1"),
        ("n = '7'", "1"),
        ("n = 7.0", "1"),
        ("num = '12.0'", "0"),
        ("num = 12.0", "1"),
        ("s = 'text' and n != 8", "1"),
        ("missing = 1", "0"),
        ("missing != 1", "1"),
        ("missing < 1", "0"),
        ("missing >= 1", "0"),
        ("num > 9", "1"),
        ("s > 'abc'", "1"),
        ("s > 9", "0"),
        ("yes", "1"),
        ("yes = true and yes = 1 and yes = 'true'", "1"),
        ("no = false and not no", "1"),
        ("not n = 7", "0"),
        ("not not n = 7", "1"),
        ("n = 1 or n = 7 and s = 'x'", "0"),
        ("(n = 1 or n = 7) and s = 'text'", "1"),
        ("n in [1, 7, 'x']", "1"),
        ("n not in [1, 7]", "0"),
        ("s in ['tex']", "0"),
        ("num in [12]", "1"),
        ("missing not in ['a']", "1"),
        ("z in [-0, -1]", "1"),
        ("s like 'ex'", "1"),
        ("s not like 'ex'", "0"),
        ("s like /^T/", "0"),
        ("s like /(?i)^T/", "1"),
        ("s =~ /^te.t$/", "1"),
        ("n like /7/", "1"),
        ("missing like /./", "0"),
        ("missing not like /./", "1"),
        (r"s like /a\/b|[/x]/", "1"),
    ],
)
def test_conditions_and_choices(expression: str, expected: str | None) -> None:
    assert value_of(expression, MESSAGE) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("@timestamp", "2024-01-02 03:04:05.678"),
        ("@ingestionTime", "2024-01-02 03:04:05.683"),
        ("toMillis(@timestamp)", str(START_MS)),
        ("fromMillis(0)", "1970-01-01 00:00:00.000"),
        ("fromMillis(-1)", "1969-12-31 23:59:59.999"),
        ("fromMillis(1e300 * 1)", None),
        ("now()", str(START_MS // 1000)),
        ("toMillis(@timestamp) >= (now() * 1000 - 7200000)", "1"),
        ("bin(5m)", "2024-01-02 03:00:00.000"),
        ("bin(1h)", "2024-01-02 03:00:00.000"),
        ("bin(30s)", "2024-01-02 03:04:00.000"),
        ("bin(300s)", "2024-01-02 03:04:00.000"),
        ("bin(100ms)", "2024-01-02 03:04:05.600"),
        ("bin(2hrs)", "2024-01-02 02:00:00.000"),
        ("bin(1d)", "2024-01-02 00:00:00.000"),
        ("bin(1w)", "2024-01-01 00:00:00.000"),
        ("bin(1mo)", "2024-01-01 00:00:00.000"),
        ("bin(1qtr)", "2024-01-01 00:00:00.000"),
        ("bin(1y)", "2024-01-01 00:00:00.000"),
        ("datefloor(@timestamp, 1h)", "2024-01-02 03:00:00.000"),
        ("dateceil(@timestamp, 1h)", "2024-01-02 04:00:00.000"),
        ("dateceil(@timestamp, 1mo)", "2024-02-01 00:00:00.000"),
        ("dateceil(fromMillis(3600000), 1h)", "1970-01-01 01:00:00.000"),
        ("datefloor(missing, 1h)", None),
    ],
)
def test_times(expression: str, expected: str | None) -> None:
    if expression.startswith("fromMillis(1e300"):
        # Beyond the calendar, the number is told.
        assert (value_of(expression, MESSAGE) or "").isdigit()
        return
    assert value_of(expression, MESSAGE) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("isValidIp(ip)", "1"),
        ("isValidIp(ip6)", "1"),
        ("isValidIp(s)", "0"),
        ("isValidIp(missing)", "0"),
        ("isValidIpV4(ip)", "1"),
        ("isValidIpv4(ip6)", "0"),
        ("isValidIpV6(ip6)", "1"),
        ('isIpInSubnet(ip, "192.0.2.0/24")', "1"),
        ('isIpInSubnet(ip6, "2001:db8::/32")', "1"),
        ('isIpv4InSubnet(ip, "192.0.3.0/24")', "0"),
        ('isIpv4InSubnet(ip6, "2001:db8::/32")', "0"),
        ('isIpv6InSubnet(ip6, "2001:db8::/32")', "1"),
        ('isIpInSubnet(ip, "no subnet")', "0"),
        ("ipv4ToNumber(ip)", str(0xC000024D)),
    ],
)
def test_addresses(expression: str, expected: str | None) -> None:
    assert value_of(expression, MESSAGE) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("userIdentity.type", "IAMUser"),
        ("requestParameters.instancesSet.items.0.instanceId", "i-abcde123"),
        ("requestParameters.instancesSet.items[0].instanceId", "i-abcde123"),
        ("`detail-type`", "x"),
        ("`foo-bar`.baz", "1"),
        ("userIdentity.`user.name`", "alice"),
        ("`dotted.name`", "d"),
        ("dotted.name", "d"),
        ("@@example.com", "at"),
        ("userIdentity", None),
        ("requestParameters.instancesSet.items.1.instanceId", None),
        ("requestParameters.instancesSet.items.x", None),
        ("@log", "123456789012:group"),
        ("@logStream", "stream"),
        ("@unknown", None),
    ],
)
def test_fields_are_discovered_in_json(name: str, expected: str | None) -> None:
    message: dict[str, Any] = {
        "userIdentity": {"type": "IAMUser", "user.name": "alice"},
        "requestParameters": {"instancesSet": {"items": [{"instanceId": "i-abcde123"}]}},
        "detail-type": "x",
        "foo-bar": {"baz": 1},
        "dotted.name": "d",
        "@example.com": "at",
    }
    assert value_of(name, message) == expected


@pytest.mark.parametrize("message", ["text", "[1]", '{"a": 1', '{"a": 1} tail', '"{"', "{" * 10_000])
def test_other_messages_have_no_fields(message: str) -> None:
    assert value_of("a", message) is None


def test_fields_are_discovered_in_the_lines_of_functions() -> None:
    report = (
        "REPORT RequestId: 6bc28136-1234\tDuration: 12.34 ms\tBilled Duration: 13 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 64 MB\tInit Duration: 100.5 ms\t\n"
    )
    assert value_of("@type", report) == "REPORT"
    assert value_of("@requestId", report) == "6bc28136-1234"
    assert value_of("@duration + @billedDuration", report) == "25.34"
    assert value_of("@memorySize / 1000 / 1000", report) == "128"
    assert value_of("@maxMemoryUsed", report) == "64000000"
    assert value_of("@initDuration", report) == "100.5"
    assert value_of("@type", "START RequestId: 6bc28136-1234 Version: $LATEST\n") == "START"
    assert value_of("@requestId", "START RequestId: 6bc28136-1234 Version: $LATEST\n") == "6bc28136-1234"
    assert value_of("@type", "something else") is None
