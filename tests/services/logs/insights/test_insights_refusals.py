"""What is no query is refused, with where and why; and no text makes anything but a QueryError."""

import contextlib
import time
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.services.logs.insights.events import event, events

from strongroom.services.logs.insights import QueryError, parse_query


@pytest.mark.parametrize(
    ("query", "reason", "start", "end"),
    [
        ("", "unexpected symbol found end of query at line 1 and position 1", 0, 0),
        ("# nothing", "end of query", 9, 9),
        ("select *", "unexpected symbol found select", 0, 6),
        ("fields a |", "end of query", 10, 10),
        ("fields a | | limit 1", "unexpected symbol found |", 11, 12),
        ("fields a b", "unexpected symbol found b", 9, 10),
        ("fields a,\n  + ", "at line 2 and position 5", 14, 14),
        ("fields (a", "')'", 9, 9),
        ("fields 'a", "closing quotation mark", 7, 9),
        ("fields `a", "closing backtick", 7, 9),
        ("filter a like /x", "closing '/'", 14, 16),
        ("filter a like x", "unexpected symbol found x", 14, 15),
        ("filter a like /(/", "invalid regular expression", 14, 17),
        (r"filter a like /(a)\1/", "invalid regular expression", 14, 21),
        ("filter a like /a(?=b)/", "invalid regular expression", 14, 22),
        ("filter a in 5", "'['", 12, 13),
        ("filter a in [b]", "text or a number", 13, 14),
        ("filter a = 1 & b = 2", "unexpected symbol found &", 13, 14),
        ("fields bin(5x)", "a number or a period", 11, 13),
        ("fields bin(0m)", "a number or a period", 11, 13),
        ("fields bin(5)", "a period", 11, 12),
        ("fields 5m", "a field, a value or a function", 7, 9),
        ("fields unknown(a)", "unknown or unsupported function: unknown", 7, 14),
        ("fields abs()", "takes 1 arguments", 7, 12),
        ("fields abs(a, b)", "takes 1 arguments", 7, 16),
        ("fields if(a, b)", "takes 3 arguments", 7, 15),
        ("fields count(*)", "outside of stats", 7, 12),
        ("stats sum(count(a))", "inside another aggregation", 10, 15),
        ("stats a", "invalid reference to a", 6, 7),
        ("stats pct(a, 101)", "percentage", 6, 9),
        ("stats count(*) by", "end of query", 17, 17),
        ("limit 0", "limit takes", 6, 7),
        ("limit 1.5", "limit takes", 6, 9),
        ("limit 100001", "limit takes", 6, 12),
        ("limit x", "a number", 6, 7),
        ("parse @message", "text", 14, 14),
        ('parse @message "a*b"', "a name for each *", 15, 20),
        ('parse @message "a*b*" as x', "a name for each *", 15, 26),
        ('parse @message "ab" as x', "a name for each *", 15, 24),
        ("parse @message /a(b)/", "named groups", 15, 21),
        ("parse @message logfmt", "not supported", 15, 21),
        ("parse @message /(?<a>x)/ multi", "multi mode", 25, 30),
        ("dedup a | sort b", "unexpected symbol found sort", 10, 14),
        ("unmask @message", "the command unmask is not supported", 0, 6),
        ("fields a | pattern @message", "the command pattern is not supported", 11, 18),
        ("fields a | diff", "the command diff is not supported", 11, 15),
        ("fields a | anomaly", "the command anomaly is not supported", 11, 18),
        (
            "FIELDS @message | STATS SUM(Fault) by Operation | STATS MAX(strlen(@message)) AS x",
            "invalid reference to @message",
            67,
            75,
        ),
        ("stats count(*) by a | filter b = 1", "invalid reference to b", 29, 30),
        ("stats sum(x) as s by y | stats avg(s) by bin(5m)", "invalid reference to @timestamp", 41, 44),
        ("stats sum(x) as s by y | sort s | stats max(s)", "before the second stats", 34, 39),
        ("stats sum(x) as s by y | limit 5 | stats max(s)", "before the second stats", 35, 40),
        ("stats sum(x) as a | stats max(a) as b | stats min(b)", "at most 2 stats", 40, 45),
        ("fields " + "(" * 50 + "1" + ")" * 50, "nested deeper", 27, 28),
        ("fields a." + "b." * 70 + "c", "at most 64 parts", 7, 150),
        ("fields '" + "x" * 10_000 + "'", "at most 10000 characters", 0, 10_009),
    ],
)
def test_it_is_told_what_is_wrong_and_where(query: str, reason: str, start: int, end: int) -> None:
    with pytest.raises(QueryError) as refused:
        parse_query(query)
    assert reason in refused.value.message
    assert (refused.value.start, refused.value.end) == (start, end)


PIECES = st.sampled_from(
    [
        "fields",
        "display",
        "filter",
        "parse",
        "stats",
        "sort",
        "limit",
        "dedup",
        "by",
        "as",
        "and",
        "or",
        "not",
        "in",
        "like",
        "desc",
        "count(",
        "count(*)",
        "sum(",
        "abs(",
        "if(",
        "bin(",
        "5m",
        "1h",
        "datefloor(",
        "a",
        "b.c",
        "@message",
        "@timestamp",
        "`x-y`",
        "1",
        "2.5",
        "-1",
        "'x'",
        '"*"',
        '"a*b"',
        "/x/",
        "/(?<n>a)/",
        "[",
        "]",
        "(",
        ")",
        ",",
        "|",
        "=",
        "!=",
        "<",
        ">=",
        "=~",
        "+",
        "-",
        "*",
        "/",
        "%",
        "^",
        "true",
        "#",
        "\n",
        "'",
        "`",
        "é",
        "�",
        "\\",
        "count_distinct(",
        "pct(",
        "earliest(",
        "now()",
        "ispresent(",
        "replace(",
        "substr(",
        "strlen(",
    ]
)
QUERIES = st.lists(PIECES, max_size=14).map(" ".join)

VALUES = st.sampled_from(
    ["a", "b.c", "1", "2.5", "'x'", "@message", "@timestamp", "bin(5m)", "now()", "-1", "1e300", "9 ^ 99"]
)
EXPRESSIONS = st.recursive(
    VALUES,
    lambda inner: st.one_of(
        st.builds(
            lambda a, o, b: f"({a} {o} {b})",
            inner,
            st.sampled_from(["+", "-", "*", "/", "%", "^", "=", "!=", "<", ">=", "and", "or"]),
            inner,
        ),
        st.builds(
            lambda name, a: f"{name}({a})",
            st.sampled_from(
                [
                    "abs",
                    "ceil",
                    "floor",
                    "log",
                    "sqrt",
                    "round",
                    "strlen",
                    "toupper",
                    "trim",
                    "isempty",
                    "ispresent",
                    "fromMillis",
                    "toMillis",
                    "toInt",
                    "urlencode",
                    "isValidIp",
                    "base64decode",
                    "hexToDec",
                ]
            ),
            inner,
        ),
        st.builds(
            lambda name, a, b: f"{name}({a}, {b})",
            st.sampled_from(
                ["greatest", "concat", "coalesce", "substr", "strcontains", "round", "isIpInSubnet", "trim"]
            ),
            inner,
            inner,
        ),
        inner.map(lambda a: f"replace({a}, 'x', 'yy')"),
        inner.map(lambda a: f"dateceil({a}, 1mo)"),
        inner.map(lambda a: f"not {a} like /x+|1/"),
        inner.map(lambda a: f"if({a} in ['x', 1], {a}, 0)"),
    ),
    max_leaves=6,
)
COMMANDS = st.one_of(
    EXPRESSIONS.map(lambda each: f"fields {each} as a"),
    EXPRESSIONS.map(lambda each: f"filter {each}"),
    EXPRESSIONS.map(lambda each: f"sort {each} desc, a"),
    st.builds(
        lambda name, each, by: f"stats {name}({each}) as a, count(*) as n by {by} as b",
        st.sampled_from(
            ["sum", "avg", "min", "max", "stddev", "count", "count_distinct", "earliest", "latest", "sortsFirst"]
        ),
        EXPRESSIONS,
        EXPRESSIONS,
    ),
    EXPRESSIONS.map(lambda each: f"stats pct({each}, 50) as a by a as b"),
    st.sampled_from(
        ["limit 2", "dedup a", 'parse @message "*x*" as a, c', r"parse a /(?<a>\d)|(?<b>x)/", "display a, b"]
    ),
)
MESSAGES = st.sampled_from(
    [
        "",
        "x",
        "1x2",
        "{",
        '{"a": 1}',
        '{"a": "x", "b": {"c": 1e308}}',
        '{"a": [1, {"b": null}], "b": {"c": true}}',
        chr(55296),
        '{"a": "192.0.2.1"}',
        '{"a": -1e308, "b": {"c": "99999999999999999999999999"}}',
        "REPORT RequestId: 1",
    ]
)


def runs_or_is_refused(query: str, messages: list[str]) -> None:
    try:
        parsed = parse_query(query)
    except QueryError as error:
        parsed, refused = None, error
    if parsed is None:
        assert refused.message
        assert 0 <= refused.start <= refused.end <= len(query)
        return
    result = parsed.run([event(message, place * 10**11) for place, message in enumerate(messages)], 5)
    assert len(result.rows) <= 5
    assert 0 <= result.records_matched <= len(messages)
    for row in result.rows:
        assert all(isinstance(name, str) and isinstance(value, str) for name, value in row)
        assert len({name for name, _ in row}) == len(row)


@given(QUERIES | st.text(max_size=40), st.lists(MESSAGES, max_size=3))
def test_no_text_makes_anything_but_a_query_error(query: str, messages: list[str]) -> None:
    runs_or_is_refused(query, messages)


@given(st.lists(COMMANDS, min_size=1, max_size=4).map(" | ".join), st.lists(MESSAGES, max_size=4))
def test_no_event_makes_a_query_fail(query: str, messages: list[str]) -> None:
    runs_or_is_refused(query, messages)


def deep_in_a_stack(call: Callable[[], bool], frames: int = 400) -> bool:
    return deep_in_a_stack(call, frames - 1) if frames else call()


@pytest.mark.parametrize(
    "open_close", [("(", ")"), ("abs(", ")"), ("not (1 + (a or b and c = 2 ^ (", ")))"), ("2 ^ ", "")]
)
def test_the_deepest_query_that_is_taken_runs(open_close: tuple[str, str]) -> None:
    opening, closing = open_close

    def taken(depth: int) -> bool:
        try:
            query = parse_query("fields " + opening * depth + "1" + closing * depth + " as x")
        except QueryError:
            return False
        query.run(events("text"), None)
        return True

    depths = [depth for depth in range(1, 40) if deep_in_a_stack(partial(taken, depth))]
    assert 4 <= len(depths) == depths[-1] < 39


@pytest.mark.parametrize(
    "query",
    [
        "fields " + "1+" * 4_900 + "1 as x",
        "filter " + "a=1 or " * 1_400 + "a=2",
        "filter " + "not " * 2_000 + "a",
        "filter " + "-" * 5_000 + "1",
        "fields "
        + "replace(" * 18
        + "'x'"
        + ", 'x', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx')" * 18
        + " as x | display strlen(x)",
        "fields " + "urlencode(" * 18 + "'%'" + ")" * 18 + " as x | display strlen(x)",
        "filter @message like /(a*)*b/ or @message like /(a|a)*b/ or @message like /(.*)(.*)(.*)(.*)(.*)x/",
        "parse @message /(?<a>(a*)*)(?<b>a*)b/",
        "parse @message '" + "*a" * 500 + "' as " + ", ".join(f"f{number}" for number in range(500)),
        "fields 9 ^ 9 ^ 9 ^ 9, 99999999999999999999 * 99999999999999999999 ^ 2",
    ],
)
def test_hostile_queries_cost_little(query: str) -> None:
    began = time.perf_counter()
    with contextlib.suppress(QueryError):
        parse_query(query).run(events("a" * 5_000), None)
    assert time.perf_counter() - began < 2


def test_a_long_line_of_conditions_is_no_deep_nesting() -> None:
    assert len(parse_query("filter " + "a=1 or " * 1_000 + "a=2").run(events({"a": 2}), None).rows) == 1
