"""JSON patterns: the examples of AWS's documentation, what the operators mean, and what is refused."""

import json

import pytest

from strongroom.services.logs.filter_patterns import PatternError, compile_pattern

TRAIL = json.dumps(
    {
        "eventType": "UpdateTrail",
        "sourceIPAddress": "111.111.111.111",
        "arrayKey": ["value", "another value"],
        "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
        "SomeObject": None,
        "ThisFlag": True,
        "cluster.name": "c",
    }
)
USERS = json.dumps(
    {
        "user": {"id": 1, "email": "John.Stiles@example.com"},
        "users": [{"id": 2, "email": "John.Doe@example.com"}, {"id": 3, "email": "Jane.Doe@example.com"}],
        "actions": ["GET", "PUT", "DELETE"],
        "coordinates": [[0, 1, 2], [4, 5, 6], [7, 8, 9]],
    }
)
NUMBERS = json.dumps({"bandwidth": 80, "latency": 42.5, "errorCode": 400, "number": [1000, 0.001], "text": "75"})


@pytest.mark.parametrize(
    "pattern",
    [
        '{ $.eventType = "UpdateTrail" }',
        "{ $.eventType = UpdateTrail }",
        "{ $.sourceIPAddress != 123.123.* }",
        '{ $.arrayKey[0] = "value" }',
        "{ $.eventType = %Trail% }",
        "{ $.arrayKey[*] = %val.{2}% }",
        r"{ $.* = %111\.111\.111\.1[0-9]{1,2}% }",
        "{ $.['cluster.name'] = \"c\" }",
        '{ $.["cluster.name"] = "c" }',
        "{ $.SomeObject IS NULL }",
        "{ $.SomeOtherObject NOT EXISTS }",
        "{ $.ThisFlag IS TRUE }",
        "{ $.objectList[1].id = 2 }",
        "{ $.objectList[*].id = 2 }",
        "{ $.objectList[*].id >= 2 && $.objectList[*].name = b }",
        '{ $.eventType = "*Trail" && $.eventType = "Update*" && $.eventType = "*date*" && $.eventType = "U*e*l" }',
        "{$.eventType=UpdateTrail&&($.ThisFlag IS FALSE||$.arrayKey[1]=another*)}",
        "{ $.eventType = * }",
        "{ $.a.b.c NOT EXISTS }",
        "{ $.arrayKey[2] NOT EXISTS }",
    ],
)
def test_a_record_of_a_trail_is_matched(pattern: str) -> None:
    assert compile_pattern(pattern).matches(TRAIL)


@pytest.mark.parametrize(
    "pattern",
    [
        "{ $.eventType = updatetrail }",
        "{ $.eventType != UpdateTrail }",
        "{ $.eventType = Trail }",
        "{ $.sourceIPAddress = 123.123.* }",
        "{ $.SomeObject NOT EXISTS }",
        "{ $.SomeObject = * }",
        "{ $.SomeObject IS FALSE }",
        "{ $.ThisFlag IS FALSE }",
        "{ $.ThisFlag IS NULL }",
        "{ $.SomeOtherObject IS NULL }",
        "{ $.SomeOtherObject = * }",
        "{ $.SomeOtherObject != x }",
        "{ $.arrayKey = value }",
        "{ $.arrayKey != value }",
        "{ $.objectList[2].id = 2 }",
        "{ $.eventType[0] = U }",
        "{ $.eventType > 5 }",
    ],
)
def test_a_record_of_a_trail_is_not_matched(pattern: str) -> None:
    assert not compile_pattern(pattern).matches(TRAIL)


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ('{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }', True),
        (
            '{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = "nonmatch" '
            '&& $.actions[2] = "nonmatch" }',
            True,
        ),
        (
            '{ ($.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = "nonmatch") '
            '&& $.actions[2] = "nonmatch" }',
            False,
        ),
        ('{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }', False),
        ("{ $.coordinates[1][2] = 6 }", True),
        ("{ $.users = 1 }", False),
        ("{ $.users != 1 }", False),
    ],
)
def test_compound_conditions_bind_as_documented(pattern: str, matched: bool) -> None:
    assert compile_pattern(pattern).matches(USERS) is matched


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("{ $.bandwidth > 75 }", True),
        ("{ $.latency < 50 }", True),
        ("{ $.latency <= 42.5 }", True),
        ("{ $.latency >= 42.6 }", False),
        ("{ $.errorCode = 400}", True),
        ("{ $.errorCode = 400.0 }", True),
        ('{ $.errorCode = "400" }', True),
        ("{ $.errorCode = 4* }", True),
        ("{ $.errorCode = %^4[0-9]{2}$% }", True),
        ("{ $.errorCode != 500 }", True),
        ("{ $.number[0] = 1e+3 }", True),
        ("{ $.number[0] = 10e2 }", True),
        ("{ $.number[1] != 1e-3 }", False),
        ("{ $.errorCode > +399 }", True),
        ("{ $.errorCode > -1 }", True),
        ("{ $.text > 70 }", False),
        ("{ $.text = 75 }", True),
    ],
)
def test_numbers_compare_as_documented(pattern: str, matched: bool) -> None:
    assert compile_pattern(pattern).matches(NUMBERS) is matched


@pytest.mark.parametrize("message", ["", "text", "[1]", '"a"', "null", '{"a": 1', '{"a": 1} {"a": 1}', "[" * 100_000])
def test_what_is_no_json_object_is_not_matched(message: str) -> None:
    assert not compile_pattern("{ $.b NOT EXISTS }").matches(message)


@pytest.mark.parametrize("message", [r'{"\u0061": "v\u0061lue"}', '{"a": "value"}', ' {"a":"value"}\n'])
def test_letters_may_be_escaped_in_json(message: str) -> None:
    assert compile_pattern("{ $.a = value }").matches(message)


def test_selectors_are_extracted_as_the_message_writes_them() -> None:
    pattern = compile_pattern('{ $.a.b = "x*" && ($.n >= 1 || $.t IS TRUE) && $.list[*] = 1 && $.none NOT EXISTS }')
    assert pattern.extract('{"a": {"b": "xyz"}, "n": 1.50, "t": false, "list": [1]}') == {
        "$.a.b": "xyz",
        "$.n": "1.50",
        "$.t": "false",
    }
    assert pattern.extract('{"a": {"b": "y"}}') is None


def test_what_a_matching_message_must_hold() -> None:
    pattern = compile_pattern('{ $.eventType = "Update*" && $.x IS NULL && $.status = 4* }')
    assert pattern.required_bytes == (b"{", b"null")
    assert pattern.required_unless_escaped == (b'"eventType"', b'"status"', b'"x"', b"Update")
    either = compile_pattern("{ $.a = one || $.a = two }")
    assert either.required_unless_escaped == (b'"a"',)


def test_regular_expressions_are_counted_for_the_quota() -> None:
    assert compile_pattern("{ $.a = %x% && $.b = %y% }").regex_count == 2
    assert compile_pattern("{ $.a = 1 }").regex_count == 0


@pytest.mark.parametrize(
    "pattern",
    [
        "{}",
        "{ }",
        "{ $ = 1 }",
        "{ $. = 1 }",
        "{ a = 1 }",
        "{ $.a }",
        "{ $.a = }",
        "{ $.a == 1 }",
        "{ $.a = 1 $.b = 2 }",
        "{ $.a = 1 && }",
        "{ $.a = 1 || }",
        "{ ($.a = 1 }",
        "{ $.a = 1) }",
        "{ $.a = 1 } x }",
        "{ $.a > x }",
        '{ $.a > "5" }',
        "{ $.a < %5% }",
        '{ $.a = "x }',
        "{ $.a = a@b }",
        "{ $.a IS NOT NULL }",
        "{ $.a EXISTS }",
        "{ $.a IS MAYBE }",
        "{ $.a NOT NULL }",
        "{ $.a[x] = 1 }",
        "{ $.a[1 = 1 }",
        "{ $[0] = 1 }",
        "{ $.['a = 1 }",
        "{ $.a[*][*] = 1 }",
        "{ $.*=1 && $.b[*]=1 && $.c[*]=1 && $.d[*]=1 }",
        "{ $.a=%x% && $.b=%y% && $.c=%z% }",
        "{ $.a = %(x)% }",
        "{ " + "(" * 100 + "$.a = 1" + ")" * 100 + " }",
        "{ $.a[9999999999] = 1 }",
    ],
)
def test_what_is_no_json_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError, match=r"\S"):
        compile_pattern(pattern)
