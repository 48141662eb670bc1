"""FilterLogEvents: the events of a log group that match a pattern. Source: API Reference, FilterLogEvents."""

from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.logs import errors
from strongroom.services.logs.access import existing_group, of_group
from strongroom.services.logs.events.batches import Event
from strongroom.services.logs.events.reading import PAGE_EVENTS_MAX, TIME_MAX, Search, search_page
from strongroom.services.logs.filters.patterns import accepted_pattern
from strongroom.services.logs.groups.directory import Group
from strongroom.services.logs.paging import Page
from strongroom.services.logs.service import LOGS
from strongroom.services.logs.tables import streams_named
from strongroom.storage.connection import Connection


async def streams_of(call: Call, group: Group, names: list[str] | None) -> tuple[int, ...] | None:
    """Return the numbers of the streams that a request names, None when it names none.

    Raises ResourceNotFoundException for one that is not there.
    """
    if names is None:
        return None
    if any("\0" in name for name in names):
        raise errors.no_such_stream()

    def read(connection: Connection) -> tuple[int, ...]:
        return tuple(row.number for row in streams_named(connection, group.number, names))

    found = await call.read(read)
    if len(found) < len(set(names)):
        raise errors.no_such_stream()
    return found


@operation(LOGS, "FilterLogEvents", needs=of_group("logs:FilterLogEvents"), reads_only=True)
async def filter_log_events(call: Call) -> Answer:
    """List the events that match. Source: API Reference, FilterLogEvents.

    Events of all streams come interleaved, in the order of time, whatever `interleaved` says, as AWS does since 2019.
    """
    group, params, page = existing_group(call), call.params, Page(call, PAGE_EVENTS_MAX)
    names, prefix = params.get("logStreamNames"), params.get("logStreamNamePrefix")
    if names is not None and prefix is not None:
        raise errors.invalid_parameter("Cannot specify both logStreamNames and logStreamNamePrefix.")
    if prefix is not None and "\0" in prefix:
        return {"events": [], "searchedLogStreams": []}
    start, end = params.get("startTime") or 0, params.get("endTime")
    if end is not None and end < start:
        raise errors.invalid_parameter("The specified endTime must not be before startTime.")
    descending, position = _direction_and_position(page, params.get("startFromHead") is False)
    pattern = accepted_pattern(params.get("filterPattern") or "")
    search = Search(
        group,
        start,
        TIME_MAX if end is None else end,
        streams=await streams_of(call, group, names),
        prefix=prefix or "",
        pattern=pattern,
        descending=descending,
    )
    found = await search_page(call.house, search, call.origin, position=position, limit=page.limit)
    answer: dict[str, Any] = {"events": [_shown(event) for event in found.events], "searchedLogStreams": []}
    if found.reached is not None:
        answer["nextToken"] = page.token([descending, str(found.reached)])
    return answer


def _direction_and_position(page: Page, descending: bool) -> tuple[bool, int | None]:
    """Return which way to go, which the first page decides for all, and the id that the page begins behind."""
    if page.after is None:
        return descending, None
    if not isinstance(page.after, list) or len(page.after) != 2:
        raise errors.invalid_token()
    was_descending, position = page.after
    if type(was_descending) is not bool or not isinstance(position, str) or not position.isdecimal():
        raise errors.invalid_token()
    if len(position) > 60:
        raise errors.invalid_token()
    return was_descending, int(position)


def _shown(event: Event) -> dict[str, Any]:
    return {
        "logStreamName": event.stream,
        "timestamp": event.timestamp,
        "message": event.message,
        "ingestionTime": event.ingested_at,
        "eventId": event.id_text,
    }
