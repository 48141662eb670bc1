"""Where the record of an asynchronous invocation goes when it has succeeded, or has failed for good.

A destination is another function here; the function's role must be allowed to invoke it.
Source: AWS Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations"; recorded answers.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple

import msgspec
import structlog

from strongroom.base.clock import as_datetime
from strongroom.base.errors import AwsError
from strongroom.operations.house import House
from strongroom.operations.perform import perform
from strongroom.services.lambda_.execution_role import running_as
from strongroom.services.lambda_.function_version import FunctionVersion
from strongroom.services.lambda_.invocation.results import Result
from strongroom.services.lambda_.invocation.role_session import internal_origin

SUCCESS, EXHAUSTED, TOO_OLD = "Success", "RetriesExhausted", "EventAgeExceeded"

DEPTH_MAX = 16
"""How many destinations a record may lead through. Source: Developer Guide, "Use Lambda recursive loop detection"."""

passed: ContextVar[int] = ContextVar("passed", default=0)
"""How many destinations led to the event that is being put into the queue now."""

_log = structlog.get_logger("strongroom.lambda")


class Ended(NamedTuple):
    """How the delivery of an event ended: `condition` is AWS's word for it, `tries` how often it was tried."""

    request_id: str
    qualified_arn: str
    condition: str
    tries: int
    payload: bytes
    result: Result | None = None


def destination_of(config: Mapping[str, Any], condition: str) -> str | None:
    """Return the ARN of the destination that a function's configuration names for a condition, or None."""
    kind = "OnSuccess" if condition == SUCCESS else "OnFailure"
    destination: str | None = ((config.get("DestinationConfig") or {}).get(kind) or {}).get("Destination")
    return destination or None


def record_of(ended: Ended, version: FunctionVersion, now: float) -> bytes:
    """Return the record that a destination is given."""
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": as_datetime(now).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": ended.request_id,
            "functionArn": ended.qualified_arn,
            "condition": ended.condition,
            "approximateInvokeCount": ended.tries,
        },
        "requestPayload": msgspec.Raw(ended.payload),
    }
    result = ended.result
    if result is not None:
        context = {"statusCode": 200, "executedVersion": version.version}
        record["responseContext"] = context | ({"functionError": result.error} if result.error else {})
        record["responsePayload"] = _as_json(result.payload)
    return msgspec.json.encode(record)


def _as_json(payload: bytes) -> Any:
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        return payload.decode(errors="replace")


async def send(house: House, destination: str, ended: Ended, version: FunctionVersion, depth: int) -> None:
    """Invoke a destination with the record of an event, as the function's role. What refuses it is logged."""
    if depth >= DEPTH_MAX:
        _log.warning("a destination was left out: the record went in a loop", function=version.name)
        return
    caller = await running_as(house, version.role_arn, version.name)
    if caller is None:
        return
    token = passed.set(depth + 1)
    try:
        await perform(
            house,
            "lambda",
            "Invoke",
            {
                "FunctionName": destination,
                "InvocationType": "Event",
                "Payload": record_of(ended, version, house.clock.now()),
            },
            caller=caller,
            origin=internal_origin(house.clock),
            region=version.region,
        )
    except AwsError as error:
        _log.warning("a destination refused a record", function=version.name, code=error.code)
    finally:
        passed.reset(token)
