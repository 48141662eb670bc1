"""Events of a trail in a log group. Source: AWS CloudTrail User Guide, "Sending events to CloudWatch Logs"."""

from collections.abc import Iterator, Sequence
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.house import House
from strongroom.services.cloudtrail.destinations import log_group_name, log_stream_name
from strongroom.services.cloudtrail.log_files import Events
from strongroom.services.cloudtrail.own_calls import OwnCalls, logs_are_served
from strongroom.services.cloudtrail.trails import Trail

EVENTS_PER_CALL_MAX = 10_000
CALL_BYTES_MAX = 1_048_576
EVENT_OVERHEAD_BYTES = 26
EVENT_BYTES_MAX = 256 * 1024
CALL_SPAN_MS_MAX = 24 * 3_600_000
"""What PutLogEvents takes at once. Source: Amazon CloudWatch Logs API Reference, PutLogEvents."""


async def deliver_to_log_group(house: House, trail: Trail, by_region: Sequence[Events]) -> dict[str, Any]:
    """Send events to the trail's log group, if it has one. Returns what the trail's status is to say of it.

    What cannot be sent is in the bucket all the same: it is not kept for another try, as on AWS.
    """
    arn, role = trail.settings.get("CloudWatchLogsLogGroupArn"), trail.settings.get("CloudWatchLogsRoleArn")
    if arn is None or role is None or not by_region:
        return {}
    if not logs_are_served():
        return {"LatestCloudWatchLogsDeliveryError": "ServiceUnavailable"}
    calls = OwnCalls(house, trail.key)
    stream = {"logGroupName": log_group_name(arn), "logStreamName": log_stream_name(trail.key)}
    try:
        caller = await calls.assume(role)
        for events in portions(by_region):
            try:
                await calls.call_logs(caller, "PutLogEvents", {**stream, "logEvents": events})
            except AwsError as error:
                if error.code != "ResourceNotFoundException":
                    raise
                # Somebody deleted the log stream.
                await calls.call_logs(caller, "CreateLogStream", stream)
                await calls.call_logs(caller, "PutLogEvents", {**stream, "logEvents": events})
    except AwsError as error:
        return {"LatestCloudWatchLogsDeliveryError": error.code}
    return {"LatestCloudWatchLogsDeliveryError": None, "LatestCloudWatchLogsDeliveryTime": house.clock.now()}


def portions(by_region: Sequence[Events]) -> Iterator[list[dict[str, Any]]]:
    """Yield events in the order of their times, as many at once as PutLogEvents takes; too large ones are left out."""
    merged = sorted((at, text) for events in by_region for at, text in zip(events.times, events.encoded, strict=True))
    portion: list[dict[str, Any]] = []
    size = 0
    for at, text in merged:
        cost = len(text) + EVENT_OVERHEAD_BYTES
        if cost > EVENT_BYTES_MAX:
            continue
        is_late = portion and at - portion[0]["timestamp"] > CALL_SPAN_MS_MAX
        if len(portion) == EVENTS_PER_CALL_MAX or size + cost > CALL_BYTES_MAX or is_late:
            yield portion
            portion, size = [], 0
        portion.append({"timestamp": at, "message": text.decode()})
        size += cost
    if portion:
        yield portion
