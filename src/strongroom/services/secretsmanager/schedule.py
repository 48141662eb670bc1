"""When a secret is to be rotated: rules, schedule expressions, and the window that comes next.

All times are in UTC. Source: AWS Secrets Manager User Guide, "Schedule expressions in Secrets Manager rotation"; API
Reference, RotationRulesType.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, pairwise
from typing import Any, NamedTuple

from cronsim import CronSim, CronSimError

from strongroom.services.secretsmanager.errors import invalid_parameter

HOUR_SECONDS, DAY_SECONDS = 3_600.0, 86_400.0
SHORTEST_INTERVAL_HOURS = 4
HOURS_OF_DAY = 24
CHECKED_WINDOWS = 60
"""How many windows of a cron expression are looked at: two months of daily ones, some years of monthly ones."""

READ_MAX = 4_096
"""How many cron expressions are remembered: to look at one takes milliseconds."""

_RATE = re.compile(r"rate\((\d{1,4}) (hours?|days?)\)")
_CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
_DAY_NAMES = {name: str(number) for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))}
_DAY_OF_WEEK = re.compile(r"(?P<first>[1-7]|[A-Z]{3})(?P<last>-([1-7]|[A-Z]{3}))?(?P<more>L|#[1-5]|/[1-7])?")


class Window(NamedTuple):
    """When a rotation may happen, in seconds since the epoch."""

    begins_at: float
    ends_at: float


class Schedule(NamedTuple):
    """Rules, read. One of `days`, `hours` and `cron` is set; `duration` is in hours, None for the usual one.

    `shown_days` is what AutomaticallyAfterDays tells: the days between rotations, None for less than one.
    """

    days: int | None = None
    hours: int | None = None
    cron: str | None = None
    is_hourly: bool = False
    duration: int | None = None
    shown_days: int | None = None

    def next_window(self, last: float, now: float) -> Window:
        """Return the next window; intervals are counted from `last`, the last rotation.

        One that should have been before `now` is the one that is open now, or the next that opens; of a cron expression
        it is the first that opens later than `now`.
        """
        if self.cron is not None:
            begins = next(_moments(self.cron, now))
            return Window(begins, self._end_of(begins))
        if self.hours is not None:
            begins = (last + self.hours * HOUR_SECONDS) // HOUR_SECONDS * HOUR_SECONDS
            if begins + HOUR_SECONDS * (self.duration or 1) <= now:
                begins = now // HOUR_SECONDS * HOUR_SECONDS
            return Window(begins, self._end_of(begins))
        begins = (last + (self.days or 0) * DAY_SECONDS) // DAY_SECONDS * DAY_SECONDS
        if self._end_of(begins) < now:
            begins = now // DAY_SECONDS * DAY_SECONDS
            if self._end_of(begins) < now:
                begins += DAY_SECONDS
        return Window(begins, self._end_of(begins))

    def _end_of(self, begins: float) -> float:
        if self.duration is not None:
            return begins + self.duration * HOUR_SECONDS
        if self.is_hourly or self.hours is not None:
            return begins + HOUR_SECONDS
        return begins // DAY_SECONDS * DAY_SECONDS + DAY_SECONDS - 1


def read_rules(rules: Mapping[str, Any]) -> Schedule:
    """Return rotation rules, read. Raises InvalidParameterException."""
    days, expression = rules.get("AutomaticallyAfterDays"), rules.get("ScheduleExpression")
    if days is not None and expression is not None:
        raise invalid_parameter("You can't specify both AutomaticallyAfterDays and ScheduleExpression.")
    if days is None and expression is None:
        raise invalid_parameter("RotationRules must have AutomaticallyAfterDays or ScheduleExpression.")
    duration = int(rules["Duration"][:-1]) if rules.get("Duration") is not None else None
    if duration is not None and not 1 <= duration <= HOURS_OF_DAY:
        raise invalid_parameter("Duration must be from 1h to 24h.")
    if expression is None:
        return Schedule(days=days, duration=duration, shown_days=days)
    return _rate(expression, duration) if expression.startswith("rate") else _cron(expression, duration)


def _rate(expression: str, duration: int | None) -> Schedule:
    match = _RATE.fullmatch(expression)
    if match is None or int(match[1]) == 0 or (int(match[1]) == 1) == match[2].endswith("s"):
        raise invalid_parameter("ScheduleExpression is not valid. Write rate(Value Unit), such as rate(10 days).")
    value = int(match[1])
    if match[2].startswith("day"):
        if value > 1_000:
            raise invalid_parameter("A secret is rotated at least once in 1000 days.")
        return Schedule(days=value, duration=duration, shown_days=value)
    if not SHORTEST_INTERVAL_HOURS <= value <= 24_000:
        raise _too_often() if value < SHORTEST_INTERVAL_HOURS else invalid_parameter("Use days for so long a time.")
    if duration is not None and duration > value:
        raise _window_too_long()
    return Schedule(hours=value, is_hourly=True, duration=duration)


@lru_cache(maxsize=READ_MAX)
def _cron(expression: str, duration: int | None) -> Schedule:
    match = _CRON.fullmatch(expression)
    if match is None:
        raise invalid_parameter(
            "ScheduleExpression is not valid. Write rate(Value Unit), or cron(Minutes Hours Day-of-month Month "
            "Day-of-week Year)."
        )
    minutes, hours, day, month, weekday, year = match.groups()
    if minutes != "0":
        raise invalid_parameter("Minutes must be 0: a rotation window begins on the hour.")
    if year != "*":
        raise invalid_parameter("Year must be *.")
    # AWS's own examples have `*` where its text asks for `?`: cron(0 1 * 1/3 SUN *).
    if "?" not in (day, weekday) and (day == "*") != (weekday == "*"):
        day, weekday = ("?", weekday) if day == "*" else (day, "?")
    if (day == "?") == (weekday == "?"):
        raise invalid_parameter("One of Day-of-month and Day-of-week must be ?, and the other must not.")
    cron = f"0 {hours} {'*' if day == '?' else day} {month} {'*' if weekday == '?' else _weekdays(weekday)}"
    try:
        moments = list(islice(_moments(cron, 0.0), CHECKED_WINDOWS))
    except CronSimError:
        raise invalid_parameter(f"ScheduleExpression is not valid: {expression}") from None
    if len(moments) < CHECKED_WINDOWS:
        raise invalid_parameter(f"ScheduleExpression names a day that never comes: {expression}")
    shortest = min(later - sooner for sooner, later in pairwise(moments))
    if shortest < SHORTEST_INTERVAL_HOURS * HOUR_SECONDS:
        raise _too_often()
    for moment in moments:
        ends = moment + (duration or 1) * HOUR_SECONDS
        if ends > moment + shortest or ends > moment // DAY_SECONDS * DAY_SECONDS + DAY_SECONDS:
            raise _window_too_long()
    days = None if not hours.isdigit() else max(1, round((moments[1] - moments[0]) / DAY_SECONDS))
    return Schedule(cron=cron, is_hourly=not hours.isdigit(), duration=duration, shown_days=days)


def _weekdays(field: str) -> str:
    """Return a day-of-week field with Sunday as 0, where AWS counts it as 1."""
    if field == "*":
        return "*"
    told = []
    for item in field.upper().split(","):
        match = _DAY_OF_WEEK.fullmatch("7" if item == "L" else item)
        if match is None:
            raise invalid_parameter(f"Day-of-week is not valid: {field}")
        last = match["last"]
        day = _weekday(match["first"]) + (f"-{_weekday(last[1:])}" if last else "")
        told.append(day + (match["more"] or ""))
    return ",".join(told)


def _weekday(text: str) -> str:
    if text.isdigit():
        return str(int(text) - 1)
    number = _DAY_NAMES.get(text)
    if number is None:
        raise invalid_parameter(f"Day-of-week is not valid: {text}")
    return number


def _moments(cron: str, after: float) -> Iterator[float]:
    start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=after)
    for moment in CronSim(cron, start):
        yield moment.timestamp()


def _too_often() -> Exception:
    return invalid_parameter(f"A secret can be rotated every {SHORTEST_INTERVAL_HOURS} hours, and not more often.")


def _window_too_long() -> Exception:
    return invalid_parameter("The rotation window must not extend into the next rotation window or the next UTC day.")


def after_a_new_value(row: Any, now: float) -> dict[str, Any]:
    """Return the columns that a new current value changes: where rotations are counted in days, it is one.

    Source: API Reference, RotationRulesType ("is considered a valid rotation").
    """
    rules = row.rotation_rules or {}
    if not row.rotation_enabled or rules.get("AutomaticallyAfterDays") is None:
        return {}
    return window_columns(read_rules(rules).next_window(now, now))


def window_columns(window: Window | None) -> dict[str, Any]:
    """Return the columns of the next rotation window, or of none."""
    begins_at, ends_at = window if window is not None else (None, None)
    return {"rotation_begins_at": begins_at, "rotation_ends_at": ends_at}
