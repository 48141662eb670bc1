"""Subscription filters at work: batches that have come in are looked through, and what matches goes to functions.

PutLogEvents notes in its own transaction which filters have a batch to look through, so nothing is lost. The note stays
until the function's queue has what matched: a function gets every event at least once.

Source: AWS Lambda Developer Guide, "Using Lambda with CloudWatch Logs"; CloudWatch Logs User Guide, "Real-time
processing of log data with subscriptions".
"""

import asyncio
import base64
import gzip
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import msgspec
import structlog

from strongroom.base.context import Origin
from strongroom.base.errors import AwsError
from strongroom.envelope.sealed import SealBroken
from strongroom.operations.house import House
from strongroom.operations.periodic import STEP_SECONDS, periodic
from strongroom.services.logs import errors
from strongroom.services.logs.events.batches import Event
from strongroom.services.logs.events.data_keys import DataKeys
from strongroom.services.logs.events.reading import Wanted, scan
from strongroom.services.logs.events.tables import batches_numbered
from strongroom.services.logs.filters import tables
from strongroom.services.logs.filters.patterns import accepted_pattern
from strongroom.services.logs.groups.directory import GroupDirectory, Place
from strongroom.services.logs.service_calls import as_service, service_principal
from strongroom.storage.connection import Connection

FUNCTIONS_SERVICE = "lambda"

PAYLOAD_BYTES_MAX = 1024 * 1024
"""Of an asynchronous event. Source: AWS Lambda Developer Guide, "Lambda quotas"."""
DELIVERIES_PER_READ = 64
GLOBAL_PRINCIPAL = "logs.amazonaws.com"
PREFERRED_MAX = 10_000
POSTPONED_SECONDS_MAX = 300.0
_EVERY_ID = 1 << 200

_log = structlog.get_logger("strongroom.logs")


async def check_destination(house: House, place: Place, function_arn: str, origin: Origin) -> None:
    """Raise InvalidParameterException for a function that this log group must not, or may not, send events to."""
    function_name = function_arn.split(":")[6]
    if place.name == f"/aws/lambda/{function_name}":
        raise errors.invalid_parameter(
            "The log group provided is reserved for the function log of the destination function."
        )
    try:
        await _invoke(house, place, function_arn, "DryRun", b"", origin)
    except AwsError:
        raise errors.invalid_parameter(
            "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute "
            "your function."
        ) from None


class _Principals:
    """By which service principal functions may be invoked: policies name the Region's, or the one of none."""

    def __init__(self, house: House) -> None:
        self._preferred: dict[str, str] = {}

    def of(self, function_arn: str, region: str) -> tuple[str, ...]:
        """Return the principals in the order in which to try them."""
        names = (service_principal(region), GLOBAL_PRINCIPAL)
        return tuple(sorted(names, key=lambda name: name != self._preferred.get(function_arn)))

    def prefer(self, function_arn: str, name: str) -> None:
        """Remember which one was allowed."""
        if len(self._preferred) >= PREFERRED_MAX:
            self._preferred.clear()
        self._preferred[function_arn] = name


async def _invoke(
    house: House, place: Place, function_arn: str, kind: str, payload: bytes, origin: Origin | None = None
) -> None:
    principals = house.part(_Principals)
    first, second = principals.of(function_arn, place.region)
    invoke = partial(
        as_service,
        house,
        FUNCTIONS_SERVICE,
        "Invoke",
        {"FunctionName": function_arn, "InvocationType": kind, "Payload": payload},
        region=place.region,
        account_id=place.account_id,
        source_arn=f"{place.arn}:*",
        origin=origin,
    )
    try:
        await invoke(principal=first)
    except AwsError as error:
        if error.code != "AccessDeniedException":
            raise
        await invoke(principal=second)
        principals.prefer(function_arn, second)


def envelope(place: Place, stream: str, filter_name: str, events: Sequence[Event]) -> dict[str, dict[str, str]]:
    """Return what a function is invoked with: events of one stream, as JSON, compressed, in Base64."""
    data = {
        "messageType": "DATA_MESSAGE",
        "owner": place.account_id,
        "logGroup": place.name,
        "logStream": stream,
        "subscriptionFilters": [filter_name],
        "logEvents": [
            {"id": event.id_text, "timestamp": event.timestamp, "message": event.message} for event in events
        ],
    }
    packed = gzip.compress(msgspec.json.encode(data), mtime=0)
    return {"awslogs": {"data": base64.b64encode(packed).decode("ascii")}}


def payloads(place: Place, stream: str, filter_name: str, events: Sequence[Event]) -> Iterator[bytes]:
    """Return what a function is invoked with for some events: as often as it takes for each to be short enough."""
    payload = msgspec.json.encode(envelope(place, stream, filter_name, events))
    if len(payload) <= PAYLOAD_BYTES_MAX or len(events) == 1:
        yield payload
        return
    half = len(events) // 2
    yield from payloads(place, stream, filter_name, events[:half])
    yield from payloads(place, stream, filter_name, events[half:])


@periodic("logs/deliver-to-subscriptions")
async def deliver_due(house: House) -> None:
    """Look through the batches that subscription filters have not seen yet, and hand on what matches."""
    ends_at = time.monotonic() + STEP_SECONDS
    while True:
        now = house.clock.now()
        due = partial(tables.select_due_deliveries, now=now, limit=DELIVERIES_PER_READ)
        rows = await house.store.read(due)
        for row in rows:
            await _see_to(house, row)
        if len(rows) < DELIVERIES_PER_READ or time.monotonic() > ends_at:
            return


async def _see_to(house: House, row: Any) -> None:
    """Deliver what one filter finds in one batch; what cannot be delivered now waits, longer each time, for a day."""
    try:
        if row.pattern is not None and house.clock.now() < row.expires_at:
            await _deliver(house, row)
    except SealBroken as broken:
        _log.error("a batch of log events does not open", group=row.name, reason=str(broken))
    except AwsError as error:
        _log.info("a subscription filter waits", group=row.name, filter=row.filter_name, code=error.code)
        wait = min(POSTPONED_SECONDS_MAX, 2.0 ** min(row.postponements, 16))
        due_at = house.clock.now() + wait
        later = partial(tables.postpone_delivery, number=row.number, due_at=due_at, postponements=row.postponements + 1)
        await house.store.write(later)
        return
    await house.store.write(partial(tables.delete_delivery, number=row.number))


async def _deliver(house: House, row: Any) -> None:
    place = Place(row.account_id, row.region, row.name)
    group = await house.part(GroupDirectory).find(place)

    def read(connection: Connection) -> Sequence[Any]:
        return batches_numbered(connection, [row.batch_number])

    batches = await house.store.read(read)
    if group is None or not batches:
        return
    keys = await house.part(DataKeys).for_opening(group, [batches[0].data_key_id], None)
    wanted = Wanted(accepted_pattern(row.pattern), -1, _EVERY_ID)
    events = (await asyncio.to_thread(scan, batches, keys, wanted)).found
    if not events:
        return
    for payload in payloads(place, batches[0].name, row.filter_name, events):
        await _invoke(house, place, row.details["destinationArn"], "Event", payload)
