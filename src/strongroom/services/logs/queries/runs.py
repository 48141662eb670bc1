"""Queries at work: each in a thread of its own, which is given events batch by batch as it asks for them."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, TypeVar

import structlog

from strongroom.base.errors import AwsError
from strongroom.envelope.sealed import SealBroken
from strongroom.operations.house import House
from strongroom.operations.periodic import periodic
from strongroom.services.logs.events.batches import Event, event_id
from strongroom.services.logs.events.data_keys import DataKey, DataKeys
from strongroom.services.logs.events.reading import BATCHES_PER_READ, TIME_MAX, Wanted, scan
from strongroom.services.logs.events.tables import Extent, select_batches
from strongroom.services.logs.groups.directory import Group, Place
from strongroom.services.logs.insights import Query, QueryError, QueryEvent, QueryResult
from strongroom.services.logs.queries import tables
from strongroom.services.logs.queries.results import sealed_results
from strongroom.services.logs.records import pointer_to
from strongroom.storage.connection import Connection

QUERIES_MAX = 30
"""How many queries of an account may run at a time, in each Region, on each server."""
THREADS = 4
"""How many queries are at work at a time; others wait for their turn."""
PAUSE_SECONDS = 0.0005
"""How long a query pauses after each batch, so that requests get a turn at the interpreter in between."""
SECONDS_MAX = 60 * 60
KEPT_SECONDS = 7 * 24 * 60 * 60
"""How long results are kept. Source: Amazon CloudWatch Logs User Guide, "CloudWatch Logs quotas"."""

_log = structlog.get_logger("strongroom.logs")
T = TypeVar("T")


class Stopped(Exception):  # noqa: N818 (it says what happened)
    """A query was stopped, or its time was over."""


class Job(NamedTuple):
    """A query to run: on which log groups, from when to when (milliseconds, both included), and how much to return."""

    query: Query
    groups: Sequence[Group]
    first: int
    last: int
    limit: int | None


@dataclass(slots=True)
class Progress:
    """What a running query has read so far."""

    events: int = 0
    size: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)


class QueryRuns:
    """The queries that run in one house."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._running: dict[str, tuple[asyncio.Task[None], Progress]] = {}
        self._counts: dict[tuple[str, str], int] = {}
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="logs-query")
        house.before_close(self._stop_all)

    def count(self, account_id: str, region: str) -> int:
        """Return how many queries of an account run."""
        return self._counts.get((account_id, region), 0)

    def start(self, row: dict[str, Any], job: Job) -> None:
        """Run a query whose row is written already."""
        progress, place = Progress(), (row["account_id"], row["region"])
        self._counts[place] = self.count(*place) + 1
        task = asyncio.get_running_loop().create_task(self._run(row, job, progress))
        self._running[row["query_id"]] = task, progress

        def forget(_: object) -> None:
            self._counts[place] -= 1
            del self._running[row["query_id"]]

        task.add_done_callback(forget)

    def progress(self, query_id: str) -> Progress | None:
        """Return how far a query is that runs here, or None."""
        found = self._running.get(query_id)
        return found[1] if found is not None else None

    def stop(self, query_id: str) -> None:
        """Have a query end early, if it runs here."""
        found = self._running.get(query_id)
        if found is not None:
            found[1].stopped.set()

    async def _stop_all(self) -> None:
        tasks = [task for task, _ in self._running.values()]
        for _, progress in self._running.values():
            progress.stopped.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._threads.shutdown()

    async def _run(self, row: dict[str, Any], job: Job, progress: Progress) -> None:
        began = time.monotonic()
        values: dict[str, Any] = {"status": "Failed"}
        try:
            loop = asyncio.get_running_loop()
            result = await loop.run_in_executor(self._threads, self._query, job, progress, loop)
            values = {"status": "Complete", **await sealed_results(self._house, row, result.rows)}
            matched = result.records_matched
        except Stopped:
            matched = 0
            values["status"] = "Timeout" if time.monotonic() - began >= SECONDS_MAX else "Cancelled"
        except (AwsError, QueryError, SealBroken) as error:
            matched = 0
            _log.warning("a query failed", query_id=row["query_id"], error_type=type(error).__name__)
        except Exception as error:
            matched = 0
            _log.error("a query failed", query_id=row["query_id"], error_type=type(error).__name__)
        values["statistics"] = statistics_of(progress, matched, len(job.groups))
        values["duration_ms"] = int((time.monotonic() - began) * 1000)
        await self._house.store.write(lambda connection: tables.finish_query(connection, row["query_id"], values))

    def _query(self, job: Job, progress: Progress, loop: asyncio.AbstractEventLoop) -> QueryResult:
        """Run a query in this thread; everything but its own work is done in the loop's."""

        def ask(doing: Callable[[], Coroutine[Any, Any, T]]) -> T:
            return asyncio.run_coroutine_threadsafe(doing(), loop).result()

        now = int(self._house.clock.now())
        return job.query.run(self._events(job, progress, ask), job.limit, now_s=now)

    def _events(self, job: Job, progress: Progress, ask: Callable[[Any], Any]) -> Iterator[QueryEvent]:
        ends_at = time.monotonic() + SECONDS_MAX
        for group in job.groups:
            first = max(job.first, group.oldest_kept(self._house.clock.now()), 0)
            last = min(job.last, TIME_MAX)
            wanted = Wanted(None, event_id(first, 0, 0) - 1, event_id(last + 1, 0, 0))
            extent, place = Extent(group.number, first, last), None
            as_query_event = partial(_query_event, group.place)
            while True:
                if progress.stopped.is_set() or time.monotonic() > ends_at:
                    raise Stopped
                rows, keys = ask(lambda group=group, extent=extent, place=place: self._read(group, extent, place))
                for row in rows:
                    scanned = scan((row,), keys, wanted)
                    progress.events += scanned.events
                    progress.size += scanned.size
                    yield from map(as_query_event, scanned.found)
                    time.sleep(PAUSE_SECONDS)
                if len(rows) < BATCHES_PER_READ:
                    break
                place = rows[-1].first_at, rows[-1].number

    async def _read(
        self, group: Group, extent: Extent, place: tuple[int, int] | None
    ) -> tuple[Sequence[Any], dict[str, DataKey]]:
        def read(connection: Connection) -> Sequence[Any]:
            return select_batches(connection, extent, place, BATCHES_PER_READ, descending=False)

        rows = await self._house.store.read(read)
        keys = await self._house.part(DataKeys).for_opening(group, [row.data_key_id for row in rows], None)
        return rows, dict(keys)


def _query_event(place: Place, event: Event) -> QueryEvent:
    return QueryEvent(
        event.timestamp,
        event.ingested_at,
        event.message,
        event.stream,
        place.name,
        place.account_id,
        pointer_to(place, event.id),
    )


def statistics_of(progress: Progress, matched: int, groups: int) -> dict[str, float]:
    """Return what GetQueryResults tells of the work of a query."""
    return {
        "recordsMatched": float(matched),
        "recordsScanned": float(progress.events),
        "estimatedRecordsSkipped": 0.0,
        "bytesScanned": float(progress.size),
        "estimatedBytesSkipped": 0.0,
        "logGroupsScanned": float(groups),
    }


@periodic("logs/queries")
async def let_go_of_queries(house: House) -> None:
    """Remove the results of old queries; those whose server ended while they ran are told to have timed out."""
    now = house.clock.now()

    def write(connection: Connection) -> None:
        tables.delete_old_queries(connection, int((now - KEPT_SECONDS) * 1000))
        tables.time_out_queries(connection, int((now - SECONDS_MAX) * 1000))

    def is_due(connection: Connection) -> bool:
        return tables.has_old_queries(connection, int((now - KEPT_SECONDS) * 1000), int((now - SECONDS_MAX) * 1000))

    if await house.store.read(is_due):
        await house.store.write(write)
