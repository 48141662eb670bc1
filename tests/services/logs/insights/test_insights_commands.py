"""The commands of a query, over small sets of events: the examples of AWS's documentation and how commands combine."""

import itertools
from collections.abc import Iterator

import pytest
from tests.services.logs.insights.events import START_MS, column, event, events, run

from strongroom.services.logs.insights import QueryEvent, QueryTooLargeError, budget, parse_query

LINE = "25 May 2019 10:24:39,474 [ERROR] {foo=2, bar=data} The error was: DataIntegrityException"
SERVERS = events(
    {"server": "a", "severity": 1, "n": 3},
    {"server": "b", "severity": 1, "n": 10},
    {"server": "a", "severity": 2, "n": 2},
    {"severity": 3, "n": 1},
    {"server": "a", "severity": 1, "n": 20},
    {"severity": 3, "n": 4},
)


def test_events_show_their_time_and_message_newest_first_and_their_pointer() -> None:
    result = parse_query("limit 10").run(events("one", "two"), None)
    assert result.rows == [
        [("@timestamp", "2024-01-02 03:05:05.678"), ("@message", "two"), ("@ptr", f"ptr-{START_MS + 60_000}")],
        [("@timestamp", "2024-01-02 03:04:05.678"), ("@message", "one"), ("@ptr", f"ptr-{START_MS}")],
    ]
    assert result.records_matched == 2


def test_the_order_does_not_hang_on_the_order_in_which_events_come() -> None:
    for order in itertools.permutations(events("one", "two", "three")):
        assert column("fields @message", order) == ["three", "two", "one"]


def test_fields_add_up_and_the_last_display_counts() -> None:
    one = events({"a": 1, "b": 2, "c": 3})
    assert run("fields a | fields b, a + b as sum, abs(a-b)", one) == [
        {"a": "1", "b": "2", "sum": "3", "abs(a-b)": "1"}
    ]
    assert run("fields a, b | display b | display c, c = 3 as isThree", one) == [{"c": "3", "isThree": "1"}]
    assert run("fields a as x, missing | display x, missing, a", one) == [{"x": "1", "a": "1"}]


def test_an_alias_hides_a_field_of_the_message() -> None:
    assert run("fields 5 as a | filter a = 5 | display a", events({"a": 1})) == [{"a": "5"}]


def test_filters_count_what_matched() -> None:
    result = parse_query("filter n > 2 | filter severity = 1 | limit 1").run(SERVERS, None)
    assert result.records_matched == 3
    assert len(result.rows) == 1


def test_commands_are_written_in_any_case_with_comments() -> None:
    query = """FIELDS n # the number
        # | filter n = 999
        | FILTER Server IN ["a"] OR server In ["a"]   # names keep their case
        | SORT n DESC
        | LIMIT 2"""
    assert column(query, SERVERS) == ["20", "3"]


@pytest.mark.parametrize(
    "query",
    [
        'parse @message "[*] * The error was: *" as level, config, exception',
        r"parse @message /\[(?<level>\S+)\]\s+(?<config>\{.*\})\s+The error was: (?<exception>\S+)/",
        r"parse /\[(\S+)\]\s+(\{.*\})\s+The error was: (\S+)/ as level, config, exception",
    ],
)
def test_parse_extracts_fields(query: str) -> None:
    parsed = {"level": "ERROR", "config": "{foo=2, bar=data}", "exception": "DataIntegrityException"}
    assert run(f"{query} | display level, config, exception", events(LINE, "no match")) == [{}, parsed]
    assert run(query, events(LINE))[0] == {"@timestamp": "2024-01-02 03:04:05.678", "@message": LINE} | parsed


def test_parse_reads_what_parse_extracted() -> None:
    query = (
        'parse @message "url=*" as url | parse url "/api/*/users/*" as apiVersion, userId | display apiVersion, userId'
    )
    assert run(query, events("url=/api/v2/users/17")) == [{"apiVersion": "v2", "userId": "17"}]


def test_averages_of_what_a_glob_extracts() -> None:
    messages = [f"user={user}, method:get, latency := {latency}" for user, latency in (("a", 1), ("b", 5), ("a", 2))]
    query = 'parse @message "user=*, method:*, latency := *" as @user, @method, @latency'
    assert run(f"{query} | stats avg(@latency) by @method, @user | sort @user", events(*messages)) == [
        {"@method": "get", "@user": "a", "avg(@latency)": "1.5"},
        {"@method": "get", "@user": "b", "avg(@latency)": "5"},
    ]


def test_names_of_groups_may_be_told_with_an_at() -> None:
    query = r"parse @message /user=(?<user2>.*?), latency := (?<latency2>\d+)/ | stats avg(latency2) by @user2"
    assert run(query, events("user=a, latency := 4")) == [{"@user2": "a", "avg(latency2)": "4"}]


def test_sort_is_natural() -> None:
    ascending = ["!:", "#", "*%04", "0#", "5A", "111A", "2345_", "@", "@_", "A", "A9876fghj", "a12345hfh"]
    ascending += ["0", "01", "1", "2", "3"]
    shuffled = [ascending[place * 7 % len(ascending)] for place in range(len(ascending))]
    assert sorted(shuffled) == sorted(ascending)
    assert column("fields v | sort v", events(*({"v": value} for value in shuffled))) == ascending
    assert column("fields v | sort v desc", events(*({"v": value} for value in shuffled))) == ascending[::-1]


def test_sort_by_several_fields_keeps_the_newest_first_within() -> None:
    assert column("fields n | sort server asc, severity desc", SERVERS) == ["4", "1", "2", "20", "3", "10"]
    assert column("fields n | sort by severity", SERVERS) == ["20", "10", "3", "2", "4", "1"]


def test_a_limit_takes_the_first_of_the_order_that_was_set() -> None:
    assert column("sort n | limit 2 | fields n", SERVERS) == ["1", "2"]
    assert column("sort n | filter n > 2 | limit 2 | display n", SERVERS) == ["3", "4"]
    assert column("sort n desc | limit 3 | sort n | fields n", SERVERS) == ["4", "10", "20"]
    assert column("limit 2 | sort n | fields n", SERVERS) == ["4", "20"]
    assert column("head 1 | fields n", SERVERS) == ["4"]
    assert column("fields n | limit any 1", SERVERS) == ["4"]


def test_the_limit_of_the_request_holds_too() -> None:
    assert len(parse_query("fields n").run(SERVERS, 2).rows) == 2
    assert len(parse_query("fields n | limit 5").run(SERVERS, 2).rows) == 2
    assert len(parse_query("fields n | limit 2").run(SERVERS, 5).rows) == 2


def test_ten_thousand_rows_come_out_unless_more_are_asked_for() -> None:
    many = [event(str(place), START_MS + place) for place in range(12_000)]
    rows = parse_query("fields @message").run(iter(many), None).rows
    assert len(rows) == 10_000
    assert (rows[0][0][1], rows[-1][0][1]) == ("11999", "2000")
    assert len(parse_query("fields @message | limit 11000").run(iter(many), None).rows) == 11_000
    assert len(parse_query("fields @message").run(iter(many), 11_000).rows) == 11_000


def test_dedup_keeps_the_first_in_order_and_what_has_no_value() -> None:
    assert column("fields n | dedup server", SERVERS) == ["4", "20", "1", "10"]
    assert column("fields n | sort @timestamp asc | dedup server", SERVERS) == ["3", "10", "1", "4"]
    assert column("fields n | sort @timestamp desc | dedup server, severity | limit 3", SERVERS) == ["4", "20", "1"]
    assert column("fields n | filter isPresent(server) | dedup server", SERVERS) == ["20", "10"]
    assert parse_query("dedup server").run(SERVERS, None).records_matched == 6


def test_stats_groups_by_fields_and_by_time() -> None:
    assert run("stats count(*) by severity | sort severity", SERVERS) == [
        {"severity": "1", "count(*)": "3"},
        {"severity": "2", "count(*)": "1"},
        {"severity": "3", "count(*)": "2"},
    ]
    assert run("stats count(*) as c by bin(5m)", SERVERS) == [
        {"bin(5m)": "2024-01-02 03:05:00.000", "c": "5"},
        {"bin(5m)": "2024-01-02 03:00:00.000", "c": "1"},
    ]
    assert run("stats count(*) by bin(1h) as t, server | sort t, server", SERVERS)[0] == {
        "t": "2024-01-02 03:00:00.000",
        "count(*)": "2",
    }


def test_every_aggregation() -> None:
    query = """stats count(*), count(), count(server), count_distinct(server), sum(n), avg (n), min(n), max(n),
        stddev(n), pct(n, 50), pct(n, 90), earliest(n), latest(n), sortsFirst(server), sortsLast(server), min(server),
        earliest(@timestamp), max(@timestamp), sum(missing), sum(server)"""
    assert run(query, SERVERS) == [
        {
            "count(*)": "6",
            "count()": "6",
            "count(server)": "4",
            "count_distinct(server)": "2",
            "sum(n)": "40",
            "avg (n)": "6.666666666666667",
            "min(n)": "1",
            "max(n)": "20",
            "stddev(n)": "6.6248689714505975",
            "pct(n, 50)": "3",
            "pct(n, 90)": "20",
            "earliest(n)": "3",
            "latest(n)": "4",
            "sortsFirst(server)": "a",
            "sortsLast(server)": "b",
            "min(server)": "a",
            "earliest(@timestamp)": str(START_MS),
            "max(@timestamp)": str(START_MS + 300_000),
        }
    ]


def test_rows_of_statistics_have_no_pointer_and_none_come_of_nothing() -> None:
    assert parse_query("stats count(*)").run(SERVERS, None).rows == [[("count(*)", "6")]]
    assert parse_query("filter n > 100 | stats count(*)").run(SERVERS, None) == ([], 0)


def test_statistics_are_computed_with() -> None:
    query = "stats max(n) as most, min(n) as least, most - least as range, sum(n) / count(*) * 3 as x, abs(0 - sum(n))"
    assert run(query, SERVERS) == [{"most": "20", "least": "1", "range": "19", "x": "20", "abs(0 - sum(n))": "40"}]
    assert run(
        "stats sum(n) as total by server | fields total * 2 as twice | filter total > 10 | sort twice", SERVERS
    ) == [{"server": "a", "total": "25", "twice": "50"}]
    assert run("stats count(*) by server | sort count(*) desc | limit 1 | display server", SERVERS) == [{"server": "a"}]
    assert run("stats sum(n) by bin(1h) | display bin(1h)", SERVERS) == [{"bin(1h)": "2024-01-02 03:00:00.000"}]


def test_statistics_of_statistics() -> None:
    query = """FIELDS strlen(@message) AS message_length
        | STATS sum(message_length)/1024/1024 as logs_mb BY bin(5m)
        | STATS max(logs_mb) AS peak_ingest_mb, min(logs_mb) AS min_ingest_mb, avg(logs_mb) AS avg_ingest_mb"""
    assert run(query, events("x" * 1024 * 1024, apart_ms=1)) == [
        {"peak_ingest_mb": "1", "min_ingest_mb": "1", "avg_ingest_mb": "1"}
    ]
    query = """STATS count_distinct(ip) AS ips, count(*) AS requests BY session, platform
        | FILTER ips > 1
        | STATS count(*) AS sessions, sum(requests) / count(*) AS average BY platform"""
    sessions = [(1, "ios", "a"), (1, "ios", "b"), (1, "ios", "b"), (2, "ios", "a"), (3, "web", "a"), (3, "web", "b")]
    messages = [{"session": session, "platform": platform, "ip": ip} for session, platform, ip in sessions]
    assert run(query + " | sort platform", events(*messages)) == [
        {"platform": "ios", "sessions": "1", "average": "3"},
        {"platform": "web", "sessions": "1", "average": "2"},
    ]
    query = """STATS sum(n) AS total BY BIN(5m) as @t
        | STATS max(total) AS most BY dateceil(@t, 10m)"""
    assert run(query, SERVERS) == [
        {"dateceil(@t, 10m)": "2024-01-02 03:10:00.000", "most": "37"},
        {"dateceil(@t, 10m)": "2024-01-02 03:00:00.000", "most": "3"},
    ]
    query = """STATS sum(n) AS total, max(@timestamp) as @t BY server
        | STATS avg(total) BY dateceil(@t, 5m) | sort avg(total)"""
    assert run(query, SERVERS) == [{"dateceil(@t, 5m)": "2024-01-02 03:10:00.000", "avg(total)": "13.333333333333334"}]


@pytest.mark.parametrize(
    "query",
    [
        "fields @timestamp, @message | sort @timestamp desc | limit 25",
        "filter @message like /Exception/ | stats count(*) as exceptionCount by bin(1h) | sort exceptionCount desc",
        "fields @message | filter @message not like /Exception/",
        "fields f1, f2, f3 | filter (duration>2000)",
        "fields f1, f2 | filter (f1=10 or f3>25)",
        r"fields f1 | filter statusCode like /2\d\d/",
        "fields @timestamp, @message | filter statusCode in [300,400,500]",
        'fields @timestamp, @message | filter Type not in ["foo","bar",1]',
        "fields `foo-bar`, action, abs(f3-f4)",
        "fields concat(Operation, '-', StatusCode) as opStatus",
        "fields ispresent(resolverArn) as isRes",
        'filter @type = "REPORT" | stats max(@memorySize / 1000 / 1000) as provisonedMemoryMB, '
        "min(@maxMemoryUsed / 1000 / 1000) as smallestMemoryRequestMB, avg(@maxMemoryUsed / 1000 / 1000) as "
        "avgMemoryUsedMB, max(@maxMemoryUsed / 1000 / 1000) as maxMemoryUsedMB, "
        "provisonedMemoryMB - maxMemoryUsedMB as overProvisionedMB",
        'filter @type = "REPORT" | stats avg(@duration), max(@duration), min(@duration) by bin(5m)',
        'fields @timestamp, @requestId, @message, @logStream | filter @type = "REPORT" and @duration > 1000 '
        "| sort @timestamp desc | dedup @requestId | limit 20",
        "stats sum(packets) as packetsTransferred by srcAddr, dstAddr | sort packetsTransferred  desc | limit 15",
        'filter isIpv4InSubnet(srcAddr, "192.0.2.0/24") | stats sum(bytes) as bytesTransferred by dstAddr',
        'filter logStatus="SKIPDATA" | stats count(*) by bin(1h) as t | sort t',
        "stats count(*) by queryType, bin(1h)",
        'filter (eventName="StartInstances" or eventName="StopInstances") and awsRegion="us-east-2"',
        'filter eventName="CreateUser" | fields awsRegion, requestParameters.userName, responseElements.user.arn',
        'filter tlsDetails.tlsVersion in [ "TLSv1", "TLSv1.1" ] | stats count(*) as n by eventSource, '
        "tlsDetails.tlsVersion | sort eventSource, tlsDetails.tlsVersion",
        "filter (srcAddr like 'x.x.x.x' and dstAddr not like 'y.y.') | stats sum(bytes) as b by srcAddr, dstAddr",
        "fields @timestamp, @message | stats count(*) as numberOfEvents by `detail-type` | sort numberOfEvents desc",
        'FIELDS @message | PARSE @message "* [*] *" as loggingTime, loggingType, loggingMessage '
        '| FILTER loggingType IN ["ERROR", "INFO"] | DISPLAY loggingMessage, loggingType = "ERROR" as isError',
        "parse @message /(?<NetworkInterface>eni-.*?) / | display NetworkInterface, @message",
        "parse @message \"'fieldsA': '*', 'fieldsB': ['*']\" as fld, array",
        'parse @message "Status Code: *;" as statusCode\n | filter statusCode >= 400 and statusCode <= 499\n'
        "| filter toMillis(@timestamp) >= (now() * 1000 - 7200000)",
        "parse @message /(?<time>[0-9]{10}\\.[0-9]{1,3}) .* (?<code>[A-Z_]+\\/[0-9]{3}) (?<url>[a-zA-Z.]+:[0-9]{1,5})/",
    ],
)
def test_the_sample_queries_of_the_documentation_run(query: str) -> None:
    result = parse_query(query).run(SERVERS, None)
    assert 0 <= result.records_matched <= len(SERVERS)
    assert all(isinstance(text, str) for row in result.rows for pair in row for text in pair)


def test_filters_limits_and_statistics_do_not_hold_what_they_read() -> None:
    held = most = 0

    class Counted(QueryEvent):
        def __del__(self) -> None:
            nonlocal held
            held -= 1

    def many() -> Iterator[QueryEvent]:
        nonlocal held, most
        for place in range(20_000):
            held += 1
            most = max(most, held)
            yield Counted(START_MS + place, 0, "x", "s", "g", "1", "p")

    assert len(parse_query("filter @message like 'x' | limit 5").run(many(), None).rows) == 5
    assert most < 3_000
    most = 0
    assert run("stats count(*) by @logStream", many()) == [{"@logStream": "s", "count(*)": "20000"}]
    assert most < 10


def test_what_would_hold_too_much_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [event({"n": place, "long": "x" * 1000}, START_MS + place) for place in range(2_000)]
    monkeypatch.setattr(budget, "UNITS_MAX", 1_000)
    for query in (
        "dedup n",
        "dedup missing",
        "stats count(*) by n",
        "stats count(*) by @message",
        "stats pct(n, 50)",
        "stats count_distinct(n)",
        "fields n",
        "sort n | limit 500",
    ):
        with pytest.raises(QueryTooLargeError):
            parse_query(query).run(many, None)
    # What is not held does not count: these hold a few rows and groups, however many they read.
    for query in ("sort n | limit 2", "limit 10 | stats count(*) by n", "dedup @logStream", "stats count(*), avg(n)"):
        parse_query(query).run(many, None)
