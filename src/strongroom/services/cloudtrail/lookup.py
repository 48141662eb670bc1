"""LookupEvents: the management events of the last 90 days, newest first.

The index of the audit trail says in which spans of it something is found. They are opened from the newest on, and
merged by time, until a page is full: a page costs what it shows, however long the trail is.

Source: AWS CloudTrail API Reference, LookupEvents; AWS CloudTrail User Guide, "Viewing CloudTrail event history".
"""

import heapq
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import msgspec

from strongroom.base.clock import as_datetime
from strongroom.operations.audit_index import AuditIndex, Sought, matches, resource_name, username_of
from strongroom.operations.audit_reader import AuditReader, PackedBatch
from strongroom.operations.call import Call
from strongroom.operations.page_position import position_of, position_text
from strongroom.operations.periodic import Turn
from strongroom.operations.registry import Answer, operation
from strongroom.operations.tables import AuditSpan
from strongroom.operations.trail import AuditRecord, as_cloudtrail, time_of_event_id
from strongroom.services.cloudtrail import errors
from strongroom.services.cloudtrail.access import account_wide
from strongroom.services.cloudtrail.service import CLOUDTRAIL, LOOKUP_QUOTA

HISTORY_SECONDS = 90 * 86_400
EVENTS_PER_PAGE = 50
VALUE_CHARACTERS_MAX = 2_000
TAIL_BATCHES_PER_READ = 1_000
BATCHES_PER_READ = 50
_NUMBER_MAX = 2**53
_COUNT_TWICE = frozenset("_ ,\n")
_json = msgspec.json.Encoder().encode


class Place(NamedTuple):
    """Where an event is in the order of the trail: its time (milliseconds), its batch, its place in the batch."""

    at: int
    batch: int
    number: int


class Window(NamedTuple):
    """The times (milliseconds) between which events are wanted, both included, and the event before the page."""

    since: int
    until: int
    before: Place | None


@operation(
    CLOUDTRAIL,
    "LookupEvents",
    needs=account_wide("cloudtrail:LookupEvents"),
    quota=LOOKUP_QUOTA,
    reads_only=True,
)
async def lookup_events(call: Call) -> Answer:
    """List management events of the account in this Region. Source: AWS CloudTrail API Reference, LookupEvents."""
    params = call.params
    sought = _sought(call)
    window = _window(call, sought)
    limit: int = params.get("MaxResults") or EVENTS_PER_PAGE
    if window is None or params.get("EventCategory") == "insight":
        return {"Events": []}
    found: list[tuple[Place, AuditRecord]] = []
    turn = Turn()
    async for place, record in _newest_first(call, sought, window):
        found.append((place, record))
        await turn.let_others()
        if len(found) > limit:
            break
    answer: Answer = {"Events": []}
    for _, record in found[:limit]:
        answer["Events"].append(_shown(record, call.account_id))
        await turn.let_others()
    if len(found) > limit:
        answer["NextToken"] = _token(call, found[limit - 1][0])
    return answer


def _sought(call: Call) -> Sought:
    attributes = call.params.get("LookupAttributes") or ()
    if len(attributes) > 1:
        raise errors.invalid_lookup_attributes("You can specify only one lookup attribute in a request.")
    if not attributes:
        return Sought(call.account_id, call.region)
    key, value = attributes[0]["AttributeKey"], attributes[0]["AttributeValue"]
    if len(value) + sum(character in _COUNT_TWICE for character in value) > VALUE_CHARACTERS_MAX or not value:
        raise errors.invalid_lookup_attributes(
            f"The value of a lookup attribute must have 1 to {VALUE_CHARACTERS_MAX} characters."
        )
    if key == "ReadOnly":
        value = value.lower()
        if value not in ("true", "false"):
            raise errors.invalid_lookup_attributes("The value of the lookup attribute ReadOnly must be true or false.")
    return Sought(call.account_id, call.region, key, value)


def _window(call: Call, sought: Sought) -> Window | None:
    """Return the window that a request asks for, None for one that nothing can be in. Raises AwsError."""
    params, now = call.params, call.now
    start, end = params.get("StartTime"), params.get("EndTime")
    if start is not None and end is not None and start > end:
        raise errors.invalid_time_range()
    since = max(now - HISTORY_SECONDS, start.timestamp() if start is not None else 0.0)
    # Times are told in whole seconds: the second that a range ends with belongs to it.
    until = int(end.timestamp()) + 0.999 if end is not None else now
    before = _place(call, params["NextToken"]) if params.get("NextToken") is not None else None
    window = Window(int(since * 1000), int(until * 1000), before)
    if sought.attribute == "EventId":
        at = time_of_event_id(sought.value)
        if at is None or not window.since <= at <= window.until:
            return None
        window = Window(at, at, before)
    return window if window.since <= window.until else None


def _token(call: Call, place: Place) -> str:
    return position_text(_operation(call), ".".join(map(str, place)))


def _place(call: Call, token: str) -> Place:
    try:
        place = Place(*map(int, position_of(_operation(call), token).split(".")))
    except (ValueError, TypeError):
        raise errors.invalid_next_token() from None
    # A token is not authenticated: whoever makes one up must not reach beyond what a database holds.
    if not all(0 <= each <= _NUMBER_MAX for each in place):
        raise errors.invalid_next_token()
    return place


def _operation(call: Call) -> str:
    """Return what a token is bound to: the parameters have to be the same for all pages."""
    attributes = [(each["AttributeKey"], each["AttributeValue"]) for each in call.params.get("LookupAttributes") or ()]
    times = [call.params[name].timestamp() for name in ("StartTime", "EndTime") if call.params.get(name) is not None]
    return repr(("LookupEvents", call.account_id, call.region, attributes, times))


async def _newest_first(call: Call, sought: Sought, window: Window) -> AsyncIterator[tuple[Place, AuditRecord]]:
    """Yield the events that are sought, newest first."""
    until = min(window.until, window.before.at) if window.before is not None else window.until
    opened: list[tuple[int, int, int, PackedBatch]] = []
    async for span in _spans(call, sought, window.since, until):
        # What is newer than everything that is still closed has its place in the order.
        for found in _newer_than(opened, span.last_at, call, sought):
            yield found
        async for place, batch in _in_span(call, sought, window, span):
            heapq.heappush(opened, (-place.at, -place.batch, -place.number, batch))
    for found in _newer_than(opened, -1, call, sought):
        yield found


def _newer_than(
    opened: list[tuple[int, int, int, PackedBatch]], at: int, call: Call, sought: Sought
) -> Iterator[tuple[Place, AuditRecord]]:
    while opened and -opened[0][0] > at:
        *place, batch = heapq.heappop(opened)
        newest = Place(*(-each for each in place))
        record = batch.record(newest.number)
        if sought.attribute != "EventId" or _event_id(record, call.account_id) == sought.value.lower():
            yield newest, record


def _event_id(record: AuditRecord, account_id: str) -> str:
    found: str = as_cloudtrail(record, account_id)["eventID"]
    return found


async def _spans(call: Call, sought: Sought, since: int, until: int) -> AsyncIterator[AuditSpan]:
    """Yield the spans that may hold something, those first that end last."""
    house = call.house
    await house.audit.flush()
    index, reader = house.part(AuditIndex), house.part(AuditReader)
    await index.catch_up()
    spans = [span async for span in _tail(reader, await index.position()) if span.last_at >= since]
    spans = [span for span in spans if span.first_at <= until]
    indexed = sought._replace(attribute="", value="") if sought.attribute == "EventId" else sought
    async for older in index.spans(indexed, since, until):
        for span in sorted(spans + older, key=lambda span: span.last_at, reverse=True):
            yield span
        spans = []


async def _tail(reader: AuditReader, after: int) -> AsyncIterator[AuditSpan]:
    """Yield the batches that are not in the index yet."""
    while batches := await reader.unsettled_after(after, TAIL_BATCHES_PER_READ):
        for span, _ in batches:
            yield span
        after = batches[-1][0].last_batch


async def _in_span(
    call: Call, sought: Sought, window: Window, span: AuditSpan
) -> AsyncIterator[tuple[Place, PackedBatch]]:
    reader, turn = call.house.part(AuditReader), Turn()
    wanted = sought._replace(attribute="", value="") if sought.attribute == "EventId" else sought
    first = span.first_batch
    while first <= span.last_batch:
        batches = await reader.open(first, span.last_batch, BATCHES_PER_READ)
        for batch in batches:
            for number, outline in enumerate(batch.outlines()):
                if window.since <= outline.at <= window.until and matches(outline, wanted):
                    place = Place(outline.at, batch.number, number)
                    if window.before is None or place < window.before:
                        yield place, batch
            await turn.let_others()
        first = batches[-1].number + 1 if batches else span.last_batch + 1


def _shown(record: AuditRecord, account_id: str) -> dict[str, Any]:
    event = as_cloudtrail(record, account_id)
    shown: dict[str, Any] = {
        "EventId": event["eventID"],
        "EventName": event["eventName"],
        "ReadOnly": "true" if event["readOnly"] else "false",
        "EventTime": as_datetime(record.at // 1000),
        "EventSource": event["eventSource"],
        "Resources": [
            {"ResourceType": each.type, "ResourceName": resource_name(each)} for each in dict.fromkeys(record.resources)
        ],
        "CloudTrailEvent": _json(event).decode(),
    }
    if record.identity.access_key_id:
        shown["AccessKeyId"] = record.identity.access_key_id
    username = username_of(record.identity)
    if username is not None:
        shown["Username"] = username
    return shown
