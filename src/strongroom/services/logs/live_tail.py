"""StartLiveTail: events as they come in, until the client has heard enough.

New batches are looked for once a second, in the database, so that it does not matter which server took them in.

Source: Amazon CloudWatch Logs API Reference, StartLiveTail.
"""

import asyncio
import contextlib
import random
import uuid
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from typing import Any

from strongroom.base.context import Origin
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.house import House
from strongroom.operations.registry import Answer, operation
from strongroom.services.logs import errors
from strongroom.services.logs.access import on_group
from strongroom.services.logs.events import tables
from strongroom.services.logs.events.data_keys import DataKeys
from strongroom.services.logs.events.reading import Wanted, scan
from strongroom.services.logs.filter_patterns import FilterPattern
from strongroom.services.logs.filters.patterns import accepted_pattern
from strongroom.services.logs.groups.directory import Group, GroupDirectory, place_of
from strongroom.services.logs.service import LOGS
from strongroom.storage.connection import Connection

SESSIONS_MAX = 15
"""How many sessions an account may have at a time, in each Region, on each server."""
SESSION_SECONDS_MAX = 3 * 60 * 60
UPDATE_SECONDS = 1.0
EVENTS_PER_UPDATE = 500
BATCHES_PER_READ = 64
OVERLAP = 256
"""How many numbers back a batch may still turn up that another server was slower to commit."""
_EVERY_ID = 1 << 200


async def _needs(call: Call) -> Sequence[Requirement]:
    directory = call.house.part(GroupDirectory)
    requirements, groups = [], []
    for identifier in call.params["logGroupIdentifiers"]:
        if not identifier.startswith("arn:") or identifier.endswith("*"):
            raise errors.invalid_parameter("logGroupIdentifiers must be ARNs of log groups that do not end with '*'.")
        place = place_of(call.account_id, call.region, identifier)
        group = await directory.find(place)
        groups.append(group)
        requirements.append(await on_group(call, place, "logs:StartLiveTail", group=group))
    call.target = groups
    return requirements


class Sessions:
    """How many sessions each account has, in each Region, on this server."""

    def __init__(self, house: House) -> None:
        self._counts: dict[tuple[str, str], int] = {}

    def begin(self, account_id: str, region: str) -> None:
        """Count one more. Raises LimitExceededException when there are too many."""
        count = self._counts.get((account_id, region), 0)
        if count >= SESSIONS_MAX:
            raise errors.limit_exceeded(f"An account has at most {SESSIONS_MAX} Live Tail sessions at a time.")
        self._counts[account_id, region] = count + 1

    def end(self, account_id: str, region: str) -> None:
        """Count one less."""
        self._counts[account_id, region] -= 1


@operation(LOGS, "StartLiveTail", needs=_needs, reads_only=True)
async def start_live_tail(call: Call) -> Answer:
    """Stream the events that come in from now on. Source: API Reference, StartLiveTail."""
    groups: list[Group | None] = call.target
    params = call.params
    names, prefixes = params.get("logStreamNames"), params.get("logStreamNamePrefixes")
    if names is not None and prefixes is not None:
        raise errors.invalid_parameter("logStreamNames and logStreamNamePrefixes exclude each other.")
    if (names is not None or prefixes is not None) and len(groups) != 1:
        raise errors.invalid_parameter("Log streams can be chosen in a single log group only.")
    existing = [group for group in groups if group is not None]
    if len(existing) < len(groups):
        raise errors.no_such_group()
    if any(group.group_class != "STANDARD" for group in existing):
        raise errors.invalid_operation("Live Tail is supported for log groups of the class STANDARD only.")
    pattern = accepted_pattern(params.get("logEventFilterPattern") or "")
    tail = _Tail(call.house, existing, pattern, names, tuple(prefixes or ()), call.origin)
    await tail.begin()
    start = {
        "requestId": call.origin.request_id,
        "sessionId": str(uuid.uuid4()),
        "logGroupIdentifiers": params["logGroupIdentifiers"],
        "logStreamNames": names or [],
        "logStreamNamePrefixes": prefixes or [],
        "logEventFilterPattern": params.get("logEventFilterPattern") or "",
    }
    return {"responseStream": _events(call, tail, start)}


async def _events(call: Call, tail: "_Tail", start: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
    house, sessions = call.house, call.house.part(Sessions)
    sessions.begin(call.account_id, call.region)
    try:
        yield {"sessionStart": start}
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + SESSION_SECONDS_MAX
        while loop.time() < ends_at:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(house.stopping.wait(), UPDATE_SECONDS)
                return
            yield {"sessionUpdate": await tail.update()}
        yield {"SessionTimeoutException": {"message": "The session has been open for three hours."}}
    finally:
        sessions.end(call.account_id, call.region)


class _Tail:
    """What a session has seen already, and what it is shown next."""

    def __init__(
        self,
        house: House,
        groups: Sequence[Group],
        pattern: FilterPattern | None,
        names: Collection[str] | None,
        prefixes: tuple[str, ...],
        origin: Origin,
    ) -> None:
        self._house = house
        self._groups = {group.number: group for group in groups}
        self._wanted = Wanted(pattern, -1, _EVERY_ID)
        self._names = names
        self._prefixes = prefixes
        self._origin = origin
        self._newest = 0
        self._seen: set[int] = set()

    async def begin(self) -> None:
        """Take note of what is there already, which is not shown."""
        self._newest = await self._house.store.read(tables.newest_batch)
        self._seen = set(await self._house.store.read(self._numbers))

    def _numbers(self, connection: Connection) -> Sequence[int]:
        after = self._newest - OVERLAP
        return tables.numbers_behind(connection, list(self._groups), after, OVERLAP + BATCHES_PER_READ)

    async def update(self) -> dict[str, Any]:
        """Return the events that have come in since the last time; of too many, some. Raises as reading does."""
        found: list[dict[str, Any]] = []
        while True:
            numbers = await self._house.store.read(self._numbers)
            new = [number for number in numbers if number not in self._seen][:BATCHES_PER_READ]
            if not new:
                break
            self._seen.update(new)
            self._newest = max(self._newest, *new)
            found += await self._of(new)
            if len(found) > 10 * EVENTS_PER_UPDATE:
                found = _sample(found)
        self._seen = {number for number in self._seen if number > self._newest - OVERLAP}
        is_sampled = len(found) > EVENTS_PER_UPDATE
        return {"sessionMetadata": {"sampled": is_sampled}, "sessionResults": _sample(found) if is_sampled else found}

    async def _of(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        rows = await self._house.store.read(lambda connection: tables.batches_numbered(connection, numbers))
        found: list[dict[str, Any]] = []
        for number, group in self._groups.items():
            chosen = [row for row in rows if row.group_number == number and self._is_wanted(row.name)]
            if not chosen:
                continue
            ids = [row.data_key_id for row in chosen]
            keys = await self._house.part(DataKeys).for_opening(group, ids, self._origin)
            scanned = await asyncio.to_thread(scan, chosen, keys, self._wanted)
            found += [
                {
                    "logStreamName": event.stream,
                    "logGroupIdentifier": group.arn,
                    "message": event.message,
                    "timestamp": event.timestamp,
                    "ingestionTime": event.ingested_at,
                }
                for event in scanned.found
            ]
        return found

    def _is_wanted(self, stream: str) -> bool:
        if self._names is not None:
            return stream in self._names
        return not self._prefixes or stream.startswith(self._prefixes)


def _sample(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return as many events as an update may hold, chosen by chance, in their order."""
    chosen = sorted(random.sample(range(len(events)), min(len(events), EVENTS_PER_UPDATE)))
    return [events[index] for index in chosen]
