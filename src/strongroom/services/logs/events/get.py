"""GetLogEvents: the events of one stream, forwards and backwards. Source: API Reference, GetLogEvents.

A token is the id of an event: `f/` goes on behind it, `b/` before it. At an end of the stream a client gets the very
token back that it sent, which is how it knows.
"""

import re
from typing import NamedTuple

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.logs import errors
from strongroom.services.logs.access import existing_group, of_stream
from strongroom.services.logs.events.batches import ID_DIGITS, Event, event_id
from strongroom.services.logs.events.reading import PAGE_EVENTS_MAX, TIME_MAX, Search, search_page
from strongroom.services.logs.groups.directory import GroupDirectory
from strongroom.services.logs.service import LOGS

_TOKEN = re.compile(r"([fb])/([0-9]{56,58})/s")


class _Token(NamedTuple):
    is_forward: bool
    position: int

    def __str__(self) -> str:
        return f"{'f' if self.is_forward else 'b'}/{self.position:0{ID_DIGITS}d}/s"


def _token_of(text: str | None) -> _Token | None:
    if text is None:
        return None
    found = _TOKEN.fullmatch(text)
    if found is None:
        raise errors.invalid_token()
    return _Token(found[1] == "f", int(found[2]))


@operation(LOGS, "GetLogEvents", needs=of_stream("logs:GetLogEvents"), reads_only=True)
async def get_log_events(call: Call) -> Answer:
    """List the events of a log stream. Source: API Reference, GetLogEvents."""
    group, params = existing_group(call), call.params
    stream = await call.house.part(GroupDirectory).find_stream(group, params["logStreamName"])
    if stream is None:
        raise errors.no_such_stream()
    token = _token_of(params.get("nextToken"))
    start, end = params.get("startTime") or 0, params.get("endTime")
    # The end is not included. Source: API Reference, GetLogEvents, endTime.
    last = TIME_MAX if end is None else end - 1
    is_forward = token.is_forward if token is not None else bool(params.get("startFromHead"))
    search = Search(group, start, last, streams=(stream,), descending=not is_forward)
    limit = params.get("limit") or PAGE_EVENTS_MAX
    position = token.position if token is not None else None
    page = await search_page(call.house, search, call.origin, position=position, limit=limit)
    events = page.events if is_forward else page.events[::-1]
    reached = page.reached
    if events:
        forward, backward = _Token(True, events[-1].id), _Token(False, events[0].id)
    elif reached is not None:
        # Nothing was found so far, and there is more to look at.
        forward, backward = _Token(True, reached), _Token(False, reached)
    elif token is not None:
        forward, backward = _Token(True, token.position), _Token(False, token.position)
        if token.is_forward:
            # Going back from the end begins with the event that was the last.
            backward = _Token(False, token.position + 1)
        elif token.position:
            forward = _Token(True, token.position - 1)
    else:
        at = event_id(min(start, TIME_MAX), 0, 0)
        forward, backward = _Token(True, max(0, at - 1)), _Token(False, at)
    return {
        "events": [_shown(event) for event in events],
        "nextForwardToken": str(forward),
        "nextBackwardToken": str(backward),
    }


def _shown(event: Event) -> dict[str, object]:
    return {"timestamp": event.timestamp, "message": event.message, "ingestionTime": event.ingested_at}
