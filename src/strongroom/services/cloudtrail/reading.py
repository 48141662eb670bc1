"""Trails as they are. Source: AWS CloudTrail API Reference, GetTrail, DescribeTrails, ListTrails, GetTrailStatus."""

from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.cloudtrail import errors, tables
from strongroom.services.cloudtrail.access import account_wide, on_trail
from strongroom.services.cloudtrail.service import CLOUDTRAIL
from strongroom.services.cloudtrail.trails import Trail, as_trail, target_trail, trail_named

_TIMES = (
    "LatestDeliveryTime",
    "LatestCloudWatchLogsDeliveryTime",
    "LatestDigestDeliveryTime",
)
_ERRORS = ("LatestDeliveryError", "LatestCloudWatchLogsDeliveryError", "LatestDigestDeliveryError")


async def _trails_of(call: Call) -> list[Trail]:
    rows = await call.read(lambda connection: tables.list_trails(connection, call.account_id))
    return [as_trail(row) for row in rows]


@operation(CLOUDTRAIL, "GetTrail", needs=on_trail("cloudtrail:GetTrail"), reads_only=True)
async def get_trail(call: Call) -> Answer:
    """Describe one trail. Source: AWS CloudTrail API Reference, GetTrail."""
    return {"Trail": target_trail(call).described()}


@operation(CLOUDTRAIL, "DescribeTrails", needs=account_wide("cloudtrail:DescribeTrails"), reads_only=True)
async def describe_trails(call: Call) -> Answer:
    """Describe trails: those named, or all that log this Region. Source: AWS CloudTrail API Reference, DescribeTrails.

    A trail of another Region is a shadow here. One that is named and is not there is left out.
    """
    named = {trail_named(call, given) for given in call.params.get("trailNameList") or ()}
    with_shadows = call.params.get("includeShadowTrails", True)
    found = [
        trail
        for trail in await _trails_of(call)
        if (trail.key.region == call.region or (with_shadows and trail.is_multi_region))
        and (not named or trail.key in named)
    ]
    return {"trailList": [trail.described() for trail in found]}


@operation(CLOUDTRAIL, "ListTrails", needs=account_wide("cloudtrail:ListTrails"), reads_only=True)
async def list_trails(call: Call) -> Answer:
    """List the trails of all Regions; they fit one page. Source: AWS CloudTrail API Reference, ListTrails."""
    if call.params.get("NextToken") is not None:
        raise errors.invalid_parameter("The NextToken is not valid.")
    trails = [
        {"TrailARN": each.arn, "Name": each.key.name, "HomeRegion": each.key.region} for each in await _trails_of(call)
    ]
    return {"Trails": trails}


@operation(CLOUDTRAIL, "GetTrailStatus", needs=on_trail("cloudtrail:GetTrailStatus"), reads_only=True)
async def get_trail_status(call: Call) -> Answer:
    """Tell whether a trail logs, and how its deliveries went. Source: API Reference, GetTrailStatus."""
    trail = target_trail(call)
    status = trail.status
    started, stopped = status.get("started_at"), status.get("stopped_at")
    answer: dict[str, Any] = {
        "IsLogging": trail.is_logging,
        "LatestDeliveryAttemptTime": _text(status.get("attempted_at")),
        "LatestNotificationAttemptTime": "",
        "LatestNotificationAttemptSucceeded": "",
        "LatestDeliveryAttemptSucceeded": _text(status.get("LatestDeliveryTime")),
        "TimeLoggingStarted": _text(started),
        "TimeLoggingStopped": _text(stopped),
    }
    times = {"StartLoggingTime": started, "StopLoggingTime": stopped} | {name: status.get(name) for name in _TIMES}
    answer |= {name: as_datetime(at) for name, at in times.items() if at is not None}
    return answer | {name: status[name] for name in _ERRORS if status.get(name)}


def _text(at: float | None) -> str:
    return as_datetime(at).strftime("%Y-%m-%dT%H:%M:%SZ") if at is not None else ""
