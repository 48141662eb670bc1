"""What the audit trail tells of a resource: counts of calls, as LookupEvents answers."""

from typing import Any

from strongroom.tour.callers import Way
from strongroom.tour.visit import Visit

_SECONDS_MAX = 30.0


def count_calls(visit: Visit, operation: str, resource: str, least: int, *, way: Way = Way()) -> int:
    """Return how many calls of an operation on a resource the trail has, once they are `least`, and show the look.

    The trail is written a moment after reads are answered, in order. Raises Unproved when there are never as many.
    """
    names: list[str] = []

    def found() -> bool:
        names[:] = event_names(visit, resource, way)
        return names.count(operation) >= least

    claim = f"the audit trail has {least} {operation} of {resource}"
    if least:
        visit.until(claim, _SECONDS_MAX, found)
    else:
        found()
    prefix = f"{way.caller.name} " if way.caller is not None else ""
    count = names.count(operation)
    visit.note(
        f"{prefix}aws cloudtrail lookup-events \\\n"
        f"    --lookup-attributes AttributeKey=ResourceName,AttributeValue={resource} \\\n"
        f"    --query \"length(Events[?EventName=='{operation}'])\"",
        str(count),
    )
    return count


def event_names(visit: Visit, resource: str, way: Way = Way()) -> list[str]:
    """Return the names of all calls that the trail has of a resource, the newest first."""
    return [each["EventName"] for each in events(visit, "ResourceName", resource, way)]


def events(visit: Visit, attribute: str, value: str, way: Way = Way()) -> list[dict[str, Any]]:
    """Return all events with an attribute, the newest first. LookupEvents has a rate of its own: it is waited for."""
    patient = Way(way.caller, way.is_plain_http, attempts=12)
    pages = visit.clients.client("cloudtrail", patient).get_paginator("lookup_events").paginate(
        LookupAttributes=[{"AttributeKey": attribute, "AttributeValue": value}]
    )
    return [event for page in pages for event in page["Events"]]
