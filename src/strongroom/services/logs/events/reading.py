"""Events of a log group in the order of their ids, a page at a time, read from as few batches as can be.

Batches overlap in time. They are read in the order of their first events (backwards: of their last ones), and what is
found waits until no batch that is still unread can hold anything before it. Where a page ends before that, or after
enough was read without finding much, the next one begins at a position that is as far as is certain.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

from strongroom.base.context import Origin
from strongroom.operations.house import House
from strongroom.services.logs.events.batches import BYTES_PER_EVENT, Event, decoded, event_id, opened_batch, place_of_id
from strongroom.services.logs.events.data_keys import DataKey, DataKeys
from strongroom.services.logs.events.tables import Extent, select_batches
from strongroom.services.logs.filter_patterns import FilterPattern
from strongroom.services.logs.groups.directory import Group
from strongroom.storage.connection import Connection

BATCHES_PER_READ = 32
FIRST_BATCHES = 4
"""How many batches are read at a time: at first few, which may be a page already, then twice as many each time."""
PAGE_EVENTS_MAX = 10_000
PAGE_BYTES_MAX = 1_048_576
SCANNED_BYTES_MAX = 256 * 1024 * 1024
"""How much one page reads, compressed or not, before it ends with what was found."""
TIME_MAX = (1 << 41) - 1
"""The latest time that is looked for, in milliseconds: in the year 2039."""


_id_of = attrgetter("id")


class Wanted(NamedTuple):
    """Which events are wanted: those that a pattern matches (None wants all), between two ids that are not."""

    pattern: FilterPattern | None
    after: int
    before: int


@dataclass(slots=True)
class Page:
    """What was found, in order. `reached` is the id up to which everything was looked at; None at the end of all.

    `events_scanned` and `bytes_scanned` tell what that took.
    """

    events: list[Event]
    reached: int | None
    events_scanned: int = 0
    bytes_scanned: int = 0


class Search(NamedTuple):
    """A search in one log group: in which streams and times (milliseconds, both included), for what, which way.

    `streams` are numbers, None for all; `prefix` is what the names of streams begin with.
    """

    group: Group
    first: int
    last: int
    streams: tuple[int, ...] | None = None
    prefix: str = ""
    pattern: FilterPattern | None = None
    descending: bool = False


class Scanned(NamedTuple):
    """What was found in some batches, in their order, and what that took."""

    found: list[Event]
    events: int
    size: int


def scan(rows: Sequence[Any], keys: Mapping[str, DataKey], wanted: Wanted) -> Scanned:
    """Open batches and return what is wanted of them. It may run in a thread of its own."""
    found: list[Event] = []
    events = size = 0
    pattern = wanted.pattern
    matches = None if pattern is None else pattern.matches
    for row in rows:
        values = row._mapping
        content = opened_batch(keys[row.data_key_id], values)
        events += row.events
        size += len(content)
        if pattern is not None and not _may_match(pattern, content):
            continue
        timestamps, messages = decoded(content)
        number, ingested_at, stream = row.number, row.ingested_at, row.name
        for index, (timestamp, message) in enumerate(zip(timestamps, messages, strict=True)):
            if matches is None or matches(message):
                identifier = event_id(timestamp, number, index)
                if wanted.after < identifier < wanted.before:
                    found.append(Event(identifier, timestamp, ingested_at, stream, message))
    return Scanned(found, events, size)


def _may_match(pattern: FilterPattern, content: bytes) -> bool:
    """Return whether any message in an opened batch may match: all that every match must hold is there."""
    if not all(needle in content for needle in pattern.required_bytes):
        return False
    return b"\\" in content or all(needle in content for needle in pattern.required_unless_escaped)


async def search_page(
    house: House,
    search: Search,
    origin: Origin | None,
    *,
    position: int | None = None,
    limit: int = PAGE_EVENTS_MAX,
    bytes_max: int = PAGE_BYTES_MAX,
) -> Page:
    """Return the next page of a search, behind the id `position` (None: the first page).

    Raises AccessDeniedException when a KMS key cannot be used, SealBroken for what was changed behind our back.
    """
    first = max(search.first, search.group.oldest_kept(house.clock.now()), 0)
    last = min(search.last, TIME_MAX)
    after, before = event_id(first, 0, 0) - 1, event_id(last + 1, 0, 0)
    if position is not None:
        after, before = (after, min(before, position)) if search.descending else (max(after, position), before)
    if after + 1 >= before:
        return Page([], None)
    return await _Sweep(house, search, origin, after, before).page(limit, bytes_max)


class _Sweep:
    """One page in the making."""

    def __init__(self, house: House, search: Search, origin: Origin | None, after: int, before: int) -> None:
        self._house = house
        self._search = search
        self._origin = origin
        self._wanted = Wanted(search.pattern, after, before)
        first, last = max(0, place_of_id(after + 1).timestamp), place_of_id(before - 1).timestamp
        self._extent = Extent(search.group.number, first, last, search.streams, search.prefix)
        self._sign = -1 if search.descending else 1
        self._waiting: list[Event] = []
        self._page = Page([], None)
        self._bytes = 0

    async def page(self, limit: int, bytes_max: int) -> Page:
        """Read batches until the page is full, enough was read, or nothing is left."""
        place: tuple[int, int] | None = None
        count = min(FIRST_BATCHES, BATCHES_PER_READ)
        start = self._wanted.before if self._search.descending else self._wanted.after
        while True:
            rows = await self._read(place, count)
            if rows:
                await self._look_at(rows, limit)
                last = rows[-1]
                place = (last.last_at if self._search.descending else last.first_at), last.number
            is_all = len(rows) < count
            count = min(2 * count, BATCHES_PER_READ)
            # Behind this id nothing is certain yet: the next batch may begin in the very millisecond of this one.
            frontier = None if is_all or place is None else self._id_at(place[0])
            if self._release(frontier, limit, bytes_max):
                self._page.reached = self._page.events[-1].id
                return self._page
            if frontier is None:
                return self._page
            has_moved = self._sign * frontier > self._sign * start
            if self._page.bytes_scanned >= SCANNED_BYTES_MAX and has_moved:
                self._page.reached = frontier
                return self._page

    def _id_at(self, time: int) -> int:
        """Return the last id that is certain once batches are read up to one that begins (ends) at `time`."""
        return event_id(time + 1, 0, 0) if self._search.descending else event_id(time, 0, 0) - 1

    async def _read(self, place: tuple[int, int] | None, count: int) -> Sequence[Any]:
        extent, descending = self._extent, self._search.descending

        def read(connection: Connection) -> Sequence[Any]:
            return select_batches(connection, extent, place, count, descending=descending)

        return await self._house.store.read(read)

    async def _look_at(self, rows: Sequence[Any], limit: int) -> None:
        keys = await self._house.part(DataKeys).for_opening(
            self._search.group, [row.data_key_id for row in rows], self._origin
        )
        scanned = await asyncio.to_thread(scan, rows, keys, self._wanted)
        self._page.events_scanned += scanned.events
        self._page.bytes_scanned += scanned.size
        waiting = self._waiting
        waiting += scanned.found
        # Both parts are in order nearly, which is when sorting costs next to nothing.
        waiting.sort(key=_id_of, reverse=self._search.descending)
        if len(waiting) > 4 * limit:
            # The page ends before what is left out here, and the next one reads it again.
            del waiting[limit + 1 :]

    def _release(self, frontier: int | None, limit: int, bytes_max: int) -> bool:
        """Put what is certain on the page, in order; return whether it is full and more follows."""
        events, sign = self._page.events, self._sign
        bound = None if frontier is None else sign * frontier
        released = 0
        is_full = False
        for event in self._waiting:
            if bound is not None and sign * event.id > bound:
                break
            size = len(event.message) + BYTES_PER_EVENT
            if len(events) >= limit or (events and self._bytes + size > bytes_max):
                is_full = True
                break
            events.append(event)
            self._bytes += size
            released += 1
        del self._waiting[:released]
        return is_full
