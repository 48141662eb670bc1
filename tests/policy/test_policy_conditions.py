"""Conditions: every operator, absent keys, several values, values that cannot be compared."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from strongroom.policy.conditions import compile_condition
from strongroom.policy.context import Context, ContextValue
from strongroom.policy.errors import PolicySyntaxError

ARN = "arn:aws:sns:us-east-1:111122223333:topic"

# Operator, a value for the policy, a value of the key that is equal to it.
SAMPLES = {
    "StringEquals": ("blue", "blue"),
    "StringEqualsIgnoreCase": ("blue", "BLUE"),
    "StringLike": ("b*e", "blue"),
    "NumericEquals": ("10", "10.0"),
    "NumericLessThan": ("10", "9"),
    "NumericLessThanEquals": ("10", "10"),
    "NumericGreaterThan": ("10", "11"),
    "NumericGreaterThanEquals": ("10", "10"),
    "DateEquals": ("2026-01-01T00:00:00Z", "1767225600"),
    "DateLessThan": ("2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z"),
    "DateLessThanEquals": ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
    "DateGreaterThan": ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.001Z"),
    "DateGreaterThanEquals": ("2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00"),
    "Bool": ("true", "True"),
    "BinaryEquals": ("aGVsbG8=", "aGVsbG8="),
    "IpAddress": ("203.0.113.0/24", "203.0.113.7"),
    "ArnEquals": ("arn:aws:sns:*:111122223333:t*", ARN),
    "ArnLike": (ARN, ARN),
}
NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}
EVERY = [*SAMPLES, *NEGATED]
UNCOMPARABLE = [name for name in EVERY if not name.startswith("String")]


def met(
    operator: str, policy: str | list[str], value: ContextValue, *, is_allow: bool = True, **others: ContextValue
) -> bool:
    values = [policy] if isinstance(policy, str) else policy
    condition = compile_condition(operator, "My:Key", values, is_allow=is_allow, variables=True)
    return condition.is_met(Context({"my:kEY": value} | {f"aws:{name}": given for name, given in others.items()}))


def sample(operator: str) -> tuple[str, str]:
    return SAMPLES[NEGATED.get(operator, operator)]


@pytest.mark.parametrize("operator", EVERY)
@pytest.mark.parametrize("is_allow", [True, False])
def test_a_value_that_matches(operator: str, is_allow: bool) -> None:
    policy, value = sample(operator)
    expected = operator not in NEGATED
    for form in (operator, f"{operator}IfExists", f"ForAllValues:{operator}", f"ForAnyValue:{operator}IfExists"):
        assert met(form, policy, value, is_allow=is_allow) is expected


@pytest.mark.parametrize("operator", EVERY)
@pytest.mark.parametrize("is_allow", [True, False])
@pytest.mark.parametrize("absent", [None, [], ()])
def test_an_absent_key(operator: str, is_allow: bool, absent: ContextValue) -> None:
    policy, _ = sample(operator)

    def when_absent(form: str) -> bool:
        return met(form, policy, absent, is_allow=is_allow)

    assert when_absent(operator) is (operator in NEGATED)
    assert when_absent(f"ForAllValues:{operator}") is True
    assert when_absent(f"ForAnyValue:{operator}") is False
    for prefix in ("", "ForAllValues:", "ForAnyValue:"):
        assert when_absent(f"{prefix}{operator}IfExists") is True
    assert met("Null", "true", absent)
    assert not met("Null", "false", absent)


@pytest.mark.parametrize("operator", UNCOMPARABLE)
@pytest.mark.parametrize("form", ["{}", "{}IfExists", "ForAllValues:{}", "ForAnyValue:{}"])
@pytest.mark.parametrize("value", ["%", "1,5", "arn:aws:s3"])
def test_a_value_that_cannot_be_compared_goes_against_the_request(operator: str, form: str, value: str) -> None:
    policy, _ = sample(operator)
    assert met(form.format(operator), policy, value, is_allow=True) is False
    assert met(form.format(operator), policy, value, is_allow=False) is True


@pytest.mark.parametrize(
    ("operator", "policy", "value", "expected"),
    [
        ("StringEquals", "Blue", "blue", False),
        ("StringEquals", "b*", "b*", True),
        ("StringEquals", "b*", "blue", False),
        ("StringEquals", "7", 7, True),
        ("StringEquals", "true", True, True),
        ("StringEqualsIgnoreCase", "ÄB", "äb", True),
        ("StringLike", "B*", "blue", False),
        ("StringLike", "b?ue", "blue", True),
        ("StringLike", "${*}", "*", True),
        ("StringLike", "${*}", "x", False),
        ("StringLike", "${?}${$}{", "?${", True),
        ("StringNotLike", ["a*", "b*"], "blue", False),
        ("StringNotLike", ["a*", "b*"], "clue", True),
        ("NumericEquals", "9007199254740993", "9007199254740992", False),
        ("NumericEquals", "1e3", 1000, True),
        ("NumericLessThan", "0.3", 0.1, True),
        ("NumericGreaterThan", "-1", "-0.5", True),
        ("NumericNotEquals", ["1", "2"], "2", False),
        ("NumericNotEquals", ["1", "2"], "3", True),
        ("DateEquals", "2026", "2026-01-01", True),
        ("DateEquals", "2026-03", "2026-03-01T00:00Z", True),
        ("DateGreaterThan", "2026-01-01", datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC), True),
        ("DateEquals", "2026-01-01T00:00Z", datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), True),
        ("DateLessThan", "1700000000", "1699999999.5", True),
        ("DateEquals", "2026-01-01T00:00:00Z", "2025-12-31T18:30:00-05:30", True),
        ("DateEquals", "2026-01-01T00:00:00Z", "2026-01-01T05:45:00+05:45", True),
        ("DateEquals", "2026-01-01T00:00:00.25Z", "1767225600.25", True),
        ("DateEquals", "1969-12-31T23:59:59Z", "-1", True),
        ("Bool", "false", False, True),
        ("Bool", "false", True, False),
        ("BinaryEquals", "aGVsbG8=", b"hello", True),
        ("BinaryEquals", "aGVsbG8=", b"Hello", False),
        ("IpAddress", "10.1.2.3/8", "10.200.0.1", True),
        ("IpAddress", "10.0.0.1", "10.0.0.1", True),
        ("IpAddress", "10.0.0.0/8", "::ffff:10.0.0.1", True),
        ("IpAddress", "::ffff:10.0.0.0/104", "10.0.0.1", True),
        ("IpAddress", "2001:DB8::/32", "2001:db8:1::5", True),
        ("IpAddress", "0.0.0.0/0", "2001:db8::1", False),
        ("IpAddress", ["10.0.0.0/8", "::/0"], "2001:db8::1", True),
        ("NotIpAddress", ["10.0.0.0/8", "192.0.2.0/24"], "192.0.2.1", False),
        ("NotIpAddress", ["10.0.0.0/8", "192.0.2.0/24"], "198.51.100.1", True),
        ("ArnLike", "*", ARN, True),
        ("ArnLike", "arn:aws:sns:*:111122223333:*", ARN, True),
        ("ArnLike", "arn:aws:s*:topic", ARN, None),
        ("ArnLike", "arn:aws:x:*:111122223333:f/*", "arn:aws:x:us-1:999999999999:s/abc:111122223333:f/d", False),
        ("ArnEquals", "arn:aws:logs:*:*:log-group:*", "arn:aws:logs:r:1:log-group:a:b:*", True),
        ("ArnNotEquals", "arn:aws:sns:*:*:other", ARN, True),
        ("ArnLike", "arn:aws:SNS:*:*:*", ARN, False),
    ],
)
def test_comparisons(operator: str, policy: str | list[str], value: ContextValue, expected: bool | None) -> None:
    if expected is None:
        with pytest.raises(PolicySyntaxError):
            met(operator, policy, value)
    else:
        assert met(operator, policy, value, is_allow=True) is expected
        assert met(operator, policy, value, is_allow=False) is expected


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        ("ForAllValues:StringEquals", ["a", "b"], True),
        ("ForAllValues:StringEquals", ["a", "c"], False),
        ("ForAnyValue:StringEquals", ["a", "c"], True),
        ("ForAnyValue:StringEquals", ["c", "d"], False),
        ("ForAllValues:StringNotEquals", ["c", "d"], True),
        ("ForAllValues:StringNotEquals", ["a", "c"], False),
        ("ForAnyValue:StringNotEquals", ["a", "c"], True),
        ("ForAnyValue:StringNotEquals", ["a", "b"], False),
        ("StringEquals", ["c", "b"], True),
        ("StringEquals", ["c", "d"], False),
        ("StringNotEquals", ["c", "b"], False),
        ("StringNotEquals", ["c", "d"], True),
        ("Null", ["a", "b"], None),
    ],
)
def test_several_values_of_a_key(operator: str, values: list[str], expected: bool | None) -> None:
    if expected is None:
        assert met("Null", "false", values)
    else:
        assert met(operator, ["a", "b"], values) is expected


def test_null_takes_several_values() -> None:
    assert met("Null", ["true", "false"], "x")
    assert met("Null", ["true", "false"], None)


def test_variables() -> None:
    assert met("StringEquals", "home/${aws:username}", "home/ann", username="ann")
    assert not met("StringLike", "home/${aws:username}", "home/bob", username="*")
    assert met("StringLike", "home/${aws:username}/*", "home/*/x", username="*")
    assert met("StringEqualsIgnoreCase", "X-${AWS:UserName}", "x-ann", username="ANN")
    assert met("StringLike", "${aws:team, 'none'}-*", "none-1")
    assert met("StringLike", "${aws:team,''}-*", "-1")
    assert met("StringLike", "${aws:team, 'none'}-*", "red-1", team="red")
    assert met("ArnLike", "arn:aws:sns:*:*:${aws:topic}", ARN, topic="topic")
    assert met("ArnEquals", "${aws:source}", ARN, source=ARN)
    assert not met("ArnLike", "arn:aws:${aws:rest}:*:*:topic", ARN, rest="sns:us-east-1")
    assert not met("ArnEquals", "arn:aws:sns:*:${aws:account}:topic", ARN, account="*")
    assert met("NumericEquals", "5", "5", username="ann")


@pytest.mark.parametrize("username", [None, ["ann", "bob"]])
def test_a_variable_without_a_value(username: ContextValue) -> None:
    for operator in ("StringLike", "StringEquals", "StringEqualsIgnoreCase", "ArnLike"):
        policy = "arn:aws:s3:::${aws:username}"
        negated = {"StringLike": "StringNotLike", "StringEquals": "StringNotEquals", "ArnLike": "ArnNotLike"}
        value = "arn:aws:s3:::ann"
        for is_allow in (True, False):
            assert not met(operator, policy, value, is_allow=is_allow, username=username)
        if operator in negated:
            assert not met(negated[operator], policy, value, is_allow=True, username=username)
            assert met(negated[operator], policy, value, is_allow=False, username=username)
    assert met("StringLike", ["x", "${aws:username}"], "x", username=username)
    assert not met("StringNotLike", ["x", "${aws:username}"], "x", is_allow=False, username=username)


def test_without_variables_the_sign_is_text() -> None:
    condition = compile_condition("StringEquals", "a:b", ["${aws:username}"], is_allow=True, variables=False)
    assert condition.is_met(Context({"a:b": "${aws:username}", "aws:username": "ann"}))
    like = compile_condition("StringLike", "a:b", ["${*}"], is_allow=True, variables=False)
    assert like.is_met(Context({"a:b": "${anything}"}))


def test_context_is_filled_once_and_only_when_asked() -> None:
    asked: list[str] = []

    def fill(key: str) -> ContextValue:
        asked.append(key)
        return {"aws:principaltag/team": "red"}.get(key)

    context = Context({"aws:SourceIp": "10.0.0.1"}, fill)
    assert asked == []
    assert context.values_of("aws:sourceip") == ("10.0.0.1",)
    assert asked == []
    for _ in range(2):
        assert context.values_of("aws:principaltag/team") == ("red",)
        assert context.values_of("aws:absent") == ()
    assert asked == ["aws:principaltag/team", "aws:absent"]


def test_context_keys_that_differ_in_case_are_one_key() -> None:
    assert Context({"a:B": "1", "A:b": ["2", 3], "a:c": None}).values_of("a:b") == ("1", "2", "3")
    assert Context().values_of("a:b") == ()


UNREADABLE: list[Any] = [
    {},
    [{}],
    ["x", None],
    [["x"]],
    object(),
    b"x".__class__,
    bytearray(b"x"),
    1j,
    datetime(2026, 1, 1),  # noqa: DTZ001
    datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
    10**5000,
]


@pytest.mark.parametrize("value", UNREADABLE, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("by_fill", [True, False])
def test_a_value_without_a_form_is_absent_and_told_apart(value: Any, by_fill: bool) -> None:
    context = Context(None, lambda _: value) if by_fill else Context({"A:b": value, "a:c": "x"})
    assert list(context.unreadable) == []
    for _ in range(2):
        assert context.values_of("a:b") == ()
        assert list(context.unreadable) == ["a:b"]


@pytest.mark.parametrize("empty", ["", [""], ("",)])
def test_set_operators_take_an_empty_string_for_no_value(empty: ContextValue) -> None:
    for operator in EVERY:
        policy, _ = sample(operator)
        for is_allow in (True, False):
            for suffix in ("", "IfExists"):
                assert met(f"ForAllValues:{operator}{suffix}", policy, empty, is_allow=is_allow) is True
                assert met(f"ForAnyValue:{operator}{suffix}", policy, empty, is_allow=is_allow) is False
    assert met("StringEquals", ["", "home/"], empty)
    assert met("StringNotEquals", "x", empty)
    for wanted in ("true", "false"):
        assert met("Null", wanted, empty, is_allow=True) is False
        assert met("Null", wanted, empty, is_allow=False) is True
    assert met("Null", ["true", "false"], empty)


def test_variables_in_bool() -> None:
    for is_allow in (True, False):
        assert met("Bool", "${aws:flag}", True, is_allow=is_allow, flag="TRUE")
        assert not met("Bool", "${aws:flag}", True, is_allow=is_allow, flag=False)
        assert met("Bool", ["${aws:flag}", "true"], True, is_allow=is_allow, flag="unknown")
        assert met("Bool", "${aws:flag, 'false'}", False, is_allow=is_allow)
        for flag in (None, "unknown", ["true", "true"]):
            assert not met("Bool", "${aws:flag}", True, is_allow=is_allow, flag=flag)
    assert not met("Bool", "${aws:flag}", "unknown", flag="unknown")
    assert met("Bool", "${aws:flag}", "unknown", is_allow=False, flag="unknown")
