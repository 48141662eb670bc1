"""What the audit trail tells of a KMS key, or of a user: as LookupEvents answers, which two looks a second may ask."""

import json
from typing import Any, NamedTuple

from strongroom.tour.callers import AS_ROOT, Way
from strongroom.tour.visit import Visit

_SECONDS_MAX = 30.0
_LOOK_SECONDS = 0.6
_PATIENT_ATTEMPTS = 12


class KeyTrail(NamedTuple):
    """All calls that the trail has of a key, the newest first: each as CloudTrail tells it."""

    calls: list[dict[str, Any]]

    def of(self, operation: str) -> list[dict[str, Any]]:
        """Return the calls of one operation."""
        return [call for call in self.calls if call["eventName"] == operation]


def trail_of_key(visit: Visit, key_arn: str, *, way: Way = AS_ROOT) -> KeyTrail:
    """Return what the trail has of a key, once all that was asked of it before is in it. Raises Unproved.

    Calls that change nothing are written a moment after they are answered, in order: behind them a last one is made,
    and waited for.
    """
    visit.clients.client("kms", way).describe_key(KeyId=key_arn)
    client = visit.clients.client("cloudtrail", _patient(way))
    attributes = [{"AttributeKey": "ResourceName", "AttributeValue": key_arn}]

    def is_written() -> bool:
        newest = client.lookup_events(LookupAttributes=attributes, MaxResults=1)["Events"]
        return bool(newest) and newest[0]["EventName"] == "DescribeKey"

    visit.until(f"the audit trail tells of {key_arn}", _SECONDS_MAX, is_written, every=_LOOK_SECONDS)
    return KeyTrail(_events(client, attributes))


def count_calls(visit: Visit, operation: str, key_arn: str, *, way: Way = AS_ROOT) -> KeyTrail:
    """Return what the trail has of a key, and show the command that counts the calls of an operation."""
    found = trail_of_key(visit, key_arn, way=way)
    prefix = f"{way.caller.name} " if way.caller is not None else ""
    visit.note(
        f"{prefix}aws cloudtrail lookup-events \\\n"
        f"    --lookup-attributes AttributeKey=ResourceName,AttributeValue={key_arn} \\\n"
        f"    --query \"length(Events[?EventName=='{operation}'])\"",
        str(len(found.of(operation))),
    )
    return found


def calls_of_user(visit: Visit, user: str, operation: str) -> list[dict[str, Any]]:
    """Return the calls of an operation by a user, the newest first, once the trail has one. Raises Unproved."""
    client = visit.clients.client("cloudtrail", _patient(AS_ROOT))
    attributes = [{"AttributeKey": "Username", "AttributeValue": user}]

    def found() -> list[dict[str, Any]]:
        return [call for call in _events(client, attributes) if call["eventName"] == operation]

    claim = f"the audit trail has {operation} by {user}"
    calls: list[dict[str, Any]] = visit.until(claim, _SECONDS_MAX, found, every=_LOOK_SECONDS)
    return calls


def _patient(way: Way) -> Way:
    return Way(way.caller, way.is_plain_http, attempts=_PATIENT_ATTEMPTS)


def _events(client: Any, attributes: list[dict[str, str]]) -> list[dict[str, Any]]:
    pages = client.get_paginator("lookup_events").paginate(LookupAttributes=attributes)
    return [json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"]]
