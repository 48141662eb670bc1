"""The ways in which AWS's protocols and signatures write a time.

Source: Smithy specification, "timestampFormat trait"; AWS IAM User Guide, "Create a signed AWS API request".
"""

import calendar
import re
import time
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from functools import lru_cache

_ISO_8601 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):?(\d\d))", re.ASCII
)

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def from_epoch(seconds: float) -> datetime:
    """Return seconds since the epoch as an aware datetime. Raises ValueError outside the years 1 to 9999."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError) as problem:
        raise ValueError("time out of range") from problem


def to_epoch(moment: datetime) -> float:
    """Return an aware datetime as seconds since the epoch, in milliseconds. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a time without a time zone")
    return round(moment.timestamp(), 3)


def from_iso_8601(text: str) -> datetime:
    """Return an ISO 8601 date and time with a time zone as an aware datetime. Raises ValueError for anything else."""
    match = _ISO_8601.fullmatch(text)
    if match is None:
        raise ValueError("not an ISO 8601 time")
    year, month, day, hour, minute, second, fraction, sign, offset_hours, offset_minutes = match.groups()
    zone = UTC
    if sign:
        offset = timedelta(hours=int(offset_hours), minutes=int(offset_minutes))
        zone = timezone(-offset if sign == "-" else offset)
    micro = int((fraction or "0").ljust(6, "0")[:6])
    moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), micro, zone)
    try:
        return moment.astimezone(UTC)
    except OverflowError as problem:
        raise ValueError("time out of range") from problem


def to_iso_8601(moment: datetime) -> str:
    """Return a datetime as `2026-11-24T08:00:00Z`, with milliseconds if any. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a time without a time zone")
    moment = moment.astimezone(UTC)
    text = f"{moment.year:04}-{moment.month:02}-{moment.day:02}T{moment.hour:02}:{moment.minute:02}:{moment.second:02}"
    return f"{text}.{moment.microsecond // 1000:03}Z" if moment.microsecond >= 1000 else f"{text}Z"


def from_http_date(text: str) -> datetime:
    """Return an RFC 9110 date (`Tue, 24 Nov 2026 08:00:00 GMT`) as an aware datetime. Raises ValueError for others."""
    if len(text) > 64:
        raise ValueError("not an HTTP date")
    try:
        moment = parsedate_to_datetime(text)
    except (IndexError, OverflowError, TypeError) as problem:
        raise ValueError("not an HTTP date") from problem
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def to_http_date(moment: datetime) -> str:
    """Return an aware datetime as an RFC 9110 date. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a time without a time zone")
    utc = moment.astimezone(UTC)
    return (
        f"{_DAYS[utc.weekday()]}, {utc.day:02} {_MONTHS[utc.month - 1]} {utc.year:04} "
        f"{utc.hour:02}:{utc.minute:02}:{utc.second:02} GMT"
    )


def basic_seconds(date: bytes) -> int | None:
    """Return the date of a signature (`20261124T080000Z`) in seconds since the epoch, or None for what is not one."""
    # What is kept must be small, whoever sent it.
    return _basic_seconds(date) if len(date) == 16 else None


@lru_cache(maxsize=1_024)
def _basic_seconds(date: bytes) -> int | None:
    if not (date[:8].isdigit() and date[9:15].isdigit() and date[8:9] == b"T" and date[15:] == b"Z"):
        return None
    try:
        return calendar.timegm(time.strptime(date.decode("ascii"), "%Y%m%dT%H%M%SZ"))
    except ValueError:
        return None
