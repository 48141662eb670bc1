"""The queue of builds: which one begins when, what runs on this server, and what becomes of it when a server ends.

The queue is in the database. A build is claimed by the server that runs it; one whose server is no more ends as FAULT.
Builds begin in the order in which they were asked for, as far as their account's limits let them.
"""

import asyncio
import contextlib
import os
import secrets
from collections import Counter
from typing import Any

import structlog

from strongroom.operations.house import House
from strongroom.operations.periodic import periodic
from strongroom.services.codebuild import tables
from strongroom.services.codebuild.auto_retry import retry_what_is_due
from strongroom.services.codebuild.build_record import (
    COMPLETED,
    FAULT,
    PROVISIONING,
    STOPPED,
    SUCCEEDED,
    TIMED_OUT,
    begin_phase,
    completed_progress,
    end_phase,
    name_of,
    state_event,
)
from strongroom.services.codebuild.phases import Ending
from strongroom.services.codebuild.quotas import CONCURRENT
from strongroom.services.codebuild.reports.tables import abandon_reports
from strongroom.services.codebuild.running.build_run import BuildRun
from strongroom.services.codebuild.running.failures import INTERNAL_SERVICE_ERROR
from strongroom.storage.connection import Connection
from strongroom.storage.errors import StorageUnavailable

AT_ONCE_MAX = max(2, os.cpu_count() or 1)
"""How many builds run on one server at the same time, whatever the accounts' limits are."""

ALIVE_SECONDS, RENEWAL_SECONDS = 60.0, 15.0
"""For how long a server's word is good that it runs a build, and how often it is renewed."""

_log = structlog.get_logger("strongroom.codebuild")


class BuildQueue:
    """The queue as one house sees it, and the builds that this house runs."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._server = secrets.token_hex(8)
        self._runs: dict[int, BuildRun] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None
        self._look_again = False
        self._claiming = asyncio.Lock()
        """Held from a claim until the build is among those that run here: it must not be taken for nobody's between."""
        self._is_closing = False
        self._renew_at = 0.0
        house.before_close(self._close)

    def wake(self) -> None:
        """Have the queue looked at now: a build came, or there is room for one."""
        if self._is_closing:
            return
        if self._looking is not None:
            self._look_again = True
            return
        self._looking = asyncio.get_running_loop().create_task(self._look())

    async def settled(self) -> None:
        """Wait until nothing runs and nothing is about to begin."""
        while self._tasks or self._looking is not None:
            looking = {self._looking} if self._looking is not None else set()
            await asyncio.wait(self._tasks | looking, return_when=asyncio.FIRST_COMPLETED)

    def stop_build(self, number: int) -> None:
        """Stop a build if it runs here; where it runs on another server, that one sees it in the database."""
        run = self._runs.get(number)
        if run is not None:
            self._end(run, Ending(STOPPED, ""))

    def _end(self, run: BuildRun, ending: Ending) -> None:
        task = asyncio.get_running_loop().create_task(run.end(ending))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look(self) -> None:
        try:
            self._look_again = True
            while self._look_again and not self._is_closing:
                self._look_again = False
                while len(self._runs) < AT_ONCE_MAX and await self._begin_one():
                    pass
        except StorageUnavailable as error:
            _log.warning("the queue of builds waits for the database", reason=str(error))
        except Exception as error:
            _log.error("the queue of builds met an error", error_type=type(error).__name__)
        finally:
            self._looking = None

    async def _begin_one(self) -> bool:
        """Begin the next build that may, and return whether there was one."""
        if not await self._house.store.read(tables.waiting_builds):
            return False
        async with self._claiming:
            row = None if self._is_closing else await self._claim()
            if row is None:
                return False
            run = self._runs[row.number] = BuildRun(self._house, row)
        task = asyncio.get_running_loop().create_task(self._run(run))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _claim(self) -> Any:
        """Take the next build that may begin, or None."""
        house = self._house
        if house.quotas.are_stale:
            await house.quotas.refresh()

        def claim(connection: Connection) -> Any:
            now = house.clock.now()
            running = Counter(tables.count_builds(connection, tables.RUNNING))
            for waiting in tables.waiting_builds(connection):
                key = (waiting.account_id, waiting.region, waiting.kind)
                most = house.quotas.most(CONCURRENT[waiting.kind], waiting.account_id, waiting.region)
                if waiting.queued_until <= now or running[key] >= most:
                    continue
                row = tables.build_numbered(connection, waiting.number)
                progress = row.progress if row is not None else None
                if progress is None:
                    continue
                end_phase(progress, SUCCEEDED, now, told=False)
                begin_phase(progress, PROVISIONING, now)
                values = {
                    "state": tables.RUNNING,
                    "progress": progress,
                    "server": self._server,
                    "alive_until": house.clock.wall() + ALIVE_SECONDS,
                }
                if tables.update_build(connection, waiting.number, (tables.QUEUED,), values):
                    return tables.build_numbered(connection, waiting.number)
            return None

        return await house.store.write(claim)

    async def _run(self, run: BuildRun) -> None:
        try:
            await run.run()
            await retry_what_is_due(self._house)
        except StorageUnavailable as error:
            # It is found, and ends as FAULT, when the database is there again.
            _log.warning("the end of a build could not be written", reason=str(error))
        finally:
            del self._runs[run.number]
            self.wake()

    async def work(self) -> None:
        """Do what is due: timeouts, what other servers want to stop, what servers left that are no more."""
        now = self._house.clock.now()
        for run in tuple(self._runs.values()):
            if run.times_out_at <= now:
                self._end(run, Ending(TIMED_OUT, "Build has timed out. "))
        await self._heed_other_servers()
        await self._expire()
        await self._end_orphans()
        await retry_what_is_due(self._house)
        self.wake()

    async def _heed_other_servers(self) -> None:
        numbers = tuple(self._runs)
        if not numbers or self._house.store.kind == "sqlite":
            return
        for number in await self._house.store.read(lambda connection: tables.to_stop(connection, numbers)):
            self.stop_build(number)
        wall = self._house.clock.wall()
        if wall >= self._renew_at:
            self._renew_at = wall + RENEWAL_SECONDS
            until = wall + ALIVE_SECONDS
            await self._house.store.write(
                lambda connection: tables.note_alive(connection, numbers, self._server, until)
            )

    async def _expire(self) -> None:
        """End the builds that have waited too long."""
        now = self._house.clock.now()

        def expire(connection: Connection) -> None:
            for waiting in tables.waiting_builds(connection):
                if waiting.queued_until <= now:
                    row = tables.build_numbered(connection, waiting.number)
                    if row is not None:
                        self._write_end(connection, row, tables.QUEUED, TIMED_OUT, "BUILD_TIMED_OUT", _QUEUED_TOO_LONG)

        waiting = await self._house.store.read(tables.waiting_builds)
        if any(each.queued_until <= now for each in waiting):
            await self._house.store.write(expire)

    async def _end_orphans(self) -> None:
        """End the builds whose server is no more."""

        def is_orphan(row: Any) -> bool:
            if row.server == self._server:
                return row.number not in self._runs
            # One server at a time has a database of SQLite's: what it did not claim itself, nobody runs.
            return self._house.store.kind == "sqlite" or row.alive_until < self._house.clock.wall()

        def end(connection: Connection) -> None:
            for row in filter(is_orphan, tables.running_builds(connection)):
                self._write_end(connection, row, tables.RUNNING, FAULT, INTERNAL_SERVICE_ERROR, _SERVER_ENDED)

        async with self._claiming:
            running = await self._house.store.read(tables.running_builds)
            if any(map(is_orphan, running)):
                await self._house.store.write(end)

    def _write_end(self, connection: Connection, row: Any, state: str, status: str, code: str, message: str) -> None:
        now = self._house.clock.now()
        progress = row.progress
        end_phase(progress, status, now, code, message)
        values = {
            "state": tables.ENDED,
            "status": status,
            "progress": completed_progress(progress, now),
            "server": None,
        }
        if tables.update_build(connection, row.number, (state,), values):
            abandon_reports(connection, name_of(row).arn)
            self._house.audit.insert_event(connection, state_event(name_of(row), status, COMPLETED, now))

    async def _close(self) -> None:
        """End what runs: the server stops."""
        self._is_closing = True
        if self._looking is not None:
            await self._looking
        for run in tuple(self._runs.values()):
            self._end(run, Ending(FAULT, _SERVER_ENDED, INTERNAL_SERVICE_ERROR))
        while self._tasks:
            with contextlib.suppress(Exception):
                await asyncio.gather(*self._tasks, return_exceptions=True)


_SERVER_ENDED = "The server ended while the build ran. RetryBuild starts it again."
_QUEUED_TOO_LONG = "Build has timed out in the queue. "


@periodic("codebuild/queue", on_every_server=True)
async def look_after_builds(house: House) -> None:
    """Begin builds that wait, and end those that cannot go on. Each server does it for those that it runs."""
    await house.part(BuildQueue).work()
