"""Lifecycle rules, as they are stored and as they are applied.

Source: Amazon S3 API Reference, LifecycleRule; Amazon S3 User Guide, "Managing the lifecycle of objects".
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from strongroom.base.clock import as_datetime
from strongroom.base.errors import AwsError
from strongroom.services.s3 import errors

LIFECYCLE_SETTING = "LifecycleConfiguration"
RULES_MAX = 1_000
DAY_SECONDS = 86_400
_ACTIONS = (
    "Expiration",
    "Transitions",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionTransitions",
    "AbortIncompleteMultipartUpload",
)


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidArgument", message, 400)


def checked_rules(sent: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rules as they are stored: plain values, with times in seconds. Raises MalformedXML or InvalidArgument."""
    if not 0 < len(sent) <= RULES_MAX:
        raise errors.malformed_xml()
    rules = [_checked(rule) for rule in sent]
    ids = [rule["ID"] for rule in rules]
    if len(set(ids)) != len(ids):
        raise _invalid("Rule ID must be unique. Found same ID for more than one rule")
    return rules


def _checked(rule: Mapping[str, Any]) -> dict[str, Any]:
    if ("Filter" in rule) == ("Prefix" in rule) or not any(rule.get(action) for action in _ACTIONS):
        raise errors.malformed_xml()
    if len(rule.get("ID") or "") > 255:
        raise _invalid("ID length should not exceed allowed limit of 255")
    stored: dict[str, Any] = _plain(rule)
    stored["ID"] = rule.get("ID") or _id_of(stored)
    expiration = rule.get("Expiration") or {}
    if len([name for name in ("Days", "Date", "ExpiredObjectDeleteMarker") if expiration.get(name) is not None]) > 1:
        raise errors.malformed_xml()
    for holder, name in (
        (expiration, "Days"),
        (rule.get("NoncurrentVersionExpiration") or {}, "NoncurrentDays"),
        (rule.get("AbortIncompleteMultipartUpload") or {}, "DaysAfterInitiation"),
    ):
        if holder.get(name) is not None and holder[name] <= 0:
            raise _invalid(f"'{name}' for {_ACTION_NAMES[name]} action must be a positive integer")
    return stored


_ACTION_NAMES = {
    "Days": "Expiration",
    "NoncurrentDays": "NoncurrentVersionExpiration",
    "DaysAfterInitiation": "AbortIncompleteMultipartUpload",
}


def _id_of(stored: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(stored, sort_keys=True).encode()).hexdigest()[:32]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"seconds": value.timestamp()}
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def shown_rules(stored: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return stored rules as the API has them."""
    return [_shown(rule) for rule in stored]


def _shown(value: Any) -> Any:
    if isinstance(value, Mapping):
        if set(value) == {"seconds"}:
            return as_datetime(value["seconds"])
        return {name: _shown(each) for name, each in value.items()}
    return [_shown(each) for each in value] if isinstance(value, list) else value


class Filter(NamedTuple):
    """Which objects a rule is about."""

    prefix: str
    tags: Mapping[str, str]
    larger_than: float
    smaller_than: float

    def is_about(self, size: int, tags: Mapping[str, str]) -> bool:
        """Whether it is about an object of this size with these tags; its prefix is asked in the database."""
        return self.larger_than < size < self.smaller_than and self.tags.items() <= tags.items()


def filter_of(rule: Mapping[str, Any]) -> Filter:
    """Return which objects a stored rule is about."""
    told = rule.get("Filter") or {}
    both = told.get("And") or told
    listed = both.get("Tags") or ([told["Tag"]] if told.get("Tag") else [])
    return Filter(
        prefix=both.get("Prefix") or rule.get("Prefix") or "",
        tags={tag["Key"]: tag["Value"] for tag in listed},
        larger_than=both.get("ObjectSizeGreaterThan", -1),
        smaller_than=both.get("ObjectSizeLessThan", math.inf),
    )


def days_before(now: float, days: int) -> float:
    """Return the latest moment that is `days` days old: S3 rounds a time up to the next midnight, in UTC.

    What was written at 10:30 and expires after one day expires at the second midnight after that.
    """
    today = now // DAY_SECONDS * DAY_SECONDS
    return today - days * DAY_SECONDS
