"""Schedule expressions: which are AWS's, and when the next window is."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.services.refusals import refused

from strongroom.services.secretsmanager.schedule import read_rules

NOW = datetime(2026, 11, 30, 10, 30, tzinfo=UTC).timestamp()  # A Monday.


def at(text: str) -> float:
    """Return a moment of UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def cron(expression: str, duration: str | None = None) -> dict[str, Any]:
    return {"ScheduleExpression": expression} | ({"Duration": duration} if duration else {})


@pytest.mark.parametrize(
    ("rules", "begins", "ends"),
    [
        ({"AutomaticallyAfterDays": 1}, "2026-12-01T00:00", "2026-12-01T23:59:59"),
        ({"AutomaticallyAfterDays": 10, "Duration": "3h"}, "2026-12-10T00:00", "2026-12-10T03:00"),
        (cron("rate(10 days)"), "2026-12-10T00:00", "2026-12-10T23:59:59"),
        (cron("rate(1 day)"), "2026-12-01T00:00", "2026-12-01T23:59:59"),
        (cron("rate(12 hours)"), "2026-11-30T22:00", "2026-11-30T23:00"),
        (cron("rate(4 hours)", "2h"), "2026-11-30T14:00", "2026-11-30T16:00"),
        (cron("cron(0 8 * * ? *)"), "2026-12-01T08:00", "2026-12-01T23:59:59"),
        (cron("cron(0 8/8 * * ? *)"), "2026-11-30T16:00", "2026-11-30T17:00"),
        (cron("cron(0 16 1,15 * ? *)", "2h"), "2026-12-01T16:00", "2026-12-01T18:00"),
        (cron("cron(0 2 ? * SUN *)"), "2026-12-06T02:00", "2026-12-06T23:59:59"),
        (cron("cron(0 2 ? * 1 *)"), "2026-12-06T02:00", "2026-12-06T23:59:59"),
        (cron("cron(0 1 * 1/3 SUN *)"), "2027-01-03T01:00", "2027-01-03T23:59:59"),
        (cron("cron(0 10 15 * * *)"), "2026-12-15T10:00", "2026-12-15T23:59:59"),
        (cron("cron(0 2 ? * 2-6 *)"), "2026-12-01T02:00", "2026-12-01T23:59:59"),
        (cron("cron(0 2 ? * MON-FRI *)"), "2026-12-01T02:00", "2026-12-01T23:59:59"),
        (cron("cron(0 2 ? * 3#2 *)"), "2026-12-08T02:00", "2026-12-08T23:59:59"),
        (cron("cron(0 2 ? * L *)"), "2026-12-05T02:00", "2026-12-05T23:59:59"),
        (cron("cron(0 2 ? * 6L *)"), "2026-12-25T02:00", "2026-12-25T23:59:59"),
        (cron("cron(0 12 L * ? *)"), "2026-11-30T12:00", "2026-11-30T23:59:59"),
        (cron("cron(0 0 1 JAN ? *)"), "2027-01-01T00:00", "2027-01-01T23:59:59"),
    ],
    ids=str,
)
def test_the_next_window(rules: dict[str, Any], begins: str, ends: str) -> None:
    window = read_rules(rules).next_window(NOW, NOW)
    assert (window.begins_at, window.ends_at) == (at(begins), at(ends))


@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"Duration": "3h"},
        {"AutomaticallyAfterDays": 3, "ScheduleExpression": "rate(3 days)"},
        {"AutomaticallyAfterDays": 3, "Duration": "25h"},
        {"AutomaticallyAfterDays": 3, "Duration": "0h"},
        cron("rate(3 hours)"),
        cron("rate(0 days)"),
        cron("rate(1 days)"),
        cron("rate(2 day)"),
        cron("rate(1001 days)"),
        cron("rate(5 weeks)"),
        cron("rate(4 hours)", "5h"),
        cron("every day"),
        cron("cron(0 8 * * ?)"),
        cron("cron(30 8 * * ? *)"),
        cron("cron(* 8 * * ? *)"),
        cron("cron(0 8 * * ? 2027)"),
        cron("cron(0 8 * * * *)"),
        cron("cron(0 8 ? * ? *)"),
        cron("cron(0 * * * ? *)"),
        cron("cron(0 8/2 * * ? *)"),
        cron("cron(0 8 30 2 ? *)"),
        cron("cron(0 8 ? * 0 *)"),
        cron("cron(0 8 ? * FOO *)"),
        cron("cron(0 25 * * ? *)"),
        cron("cron(0 20 * * ? *)", "5h"),
        cron("cron(0 0/6 * * ? *)", "7h"),
    ],
    ids=str,
)
def test_what_is_no_schedule(rules: dict[str, Any]) -> None:
    with refused("InvalidParameterException"):
        read_rules(rules)


def test_a_window_that_was_missed() -> None:
    """Whose last rotation is long ago is due today, not in the past."""
    window = read_rules({"AutomaticallyAfterDays": 3}).next_window(at("2026-10-01T00:00"), NOW)
    assert (window.begins_at, window.ends_at) == (at("2026-11-30T00:00"), at("2026-11-30T23:59:59"))
    window = read_rules({"AutomaticallyAfterDays": 3, "Duration": "2h"}).next_window(at("2026-10-01T00:00"), NOW)
    assert window.begins_at == at("2026-12-01T00:00")
    window = read_rules(cron("rate(4 hours)")).next_window(at("2026-10-01T00:00"), NOW)
    assert window.begins_at == at("2026-11-30T10:00")


@pytest.mark.parametrize(
    ("rules", "days"),
    [
        ({"AutomaticallyAfterDays": 7}, 7),
        (cron("rate(10 days)"), 10),
        (cron("rate(12 hours)"), None),
        (cron("cron(0 8 * * ? *)"), 1),
        (cron("cron(0 0/6 * * ? *)"), None),
        (cron("cron(0 2 ? * SUN *)"), 7),
    ],
    ids=str,
)
def test_the_days_that_are_told(rules: dict[str, Any], days: int | None) -> None:
    assert read_rules(rules).shown_days == days
