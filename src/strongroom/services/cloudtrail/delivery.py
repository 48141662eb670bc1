"""Delivery: every five minutes, what trails have logged since goes to their buckets and log groups.

A trail's position in the audit trail moves when its files are stored, in one transaction with what their digest will
tell of them. So nothing is lost by a failure or a restart; what was stored just before one may be stored once more, in
another file, as on AWS.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncGenerator
from functools import partial
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.audit_reader import AuditReader
from strongroom.operations.house import House
from strongroom.operations.periodic import LongWork, Turn, periodic
from strongroom.operations.tables import AuditSpan
from strongroom.operations.trail import AuditRecord, recipients_of
from strongroom.services.cloudtrail import tables
from strongroom.services.cloudtrail.digests import begin_chains, deliver_and_note
from strongroom.services.cloudtrail.log_events import deliver_to_log_group
from strongroom.services.cloudtrail.log_files import Events, LogFile
from strongroom.services.cloudtrail.own_calls import OwnCalls
from strongroom.services.cloudtrail.selectors import selector_of
from strongroom.services.cloudtrail.service import PRINCIPAL
from strongroom.services.cloudtrail.trails import Trail, TrailName, as_trail
from strongroom.storage.connection import Connection
from strongroom.storage.errors import StorageUnavailable

DELIVERY_SECONDS = 300.0
"""How often log files are delivered, by the clock of the house."""

FINISH_SECONDS = 5.0
"""For how long a caller of StopLogging, or the end of the server, waits for deliveries."""

RECORDS_PER_CHUNK = 5_000
BATCHES_PER_CHUNK = 2_000
BATCHES_PER_READ = 50
_GLOBAL_SERVICES = frozenset({"iam"})


class Deliveries(LongWork):
    """The deliveries of one house."""

    def __init__(self, house: House) -> None:
        super().__init__(house, self._rounds, DELIVERY_SECONDS)
        self._of = house
        self._busy = asyncio.Lock()
        house.before_close(self._deliver_all)

    async def _rounds(self, house: House) -> AsyncGenerator[None, None]:
        await house.audit.flush()
        for row in await house.store.read(tables.trails_to_deliver):
            delivering = True
            while delivering:
                async with self._busy:
                    delivering = await deliver_chunk(house, as_trail(row).key)
                yield
            async with self._busy:
                await _deliver_digests(house, as_trail(row).key)
            yield

    async def finish(self, key: TrailName) -> None:
        """Deliver what a trail has logged; what cannot be delivered now, or not so soon, is left to the next round."""
        ends_at = time.monotonic() + FINISH_SECONDS
        async with self._busy:
            while await deliver_chunk(self._of, key):
                if time.monotonic() > ends_at:
                    return
            await _deliver_digests(self._of, key)

    async def _deliver_all(self) -> None:
        """Deliver what is there when the server ends, for some seconds at most."""
        ends_at = time.monotonic() + FINISH_SECONDS
        try:
            async for _ in self._rounds(self._of):
                if time.monotonic() > ends_at:
                    return
        except StorageUnavailable:
            # Nothing is lost: the next server goes on from the positions.
            return


@periodic("cloudtrail/delivery")
async def deliver(house: House) -> None:
    """Deliver what trails have logged, if it is time."""
    await house.part(Deliveries).go_on()


async def _find(house: House, key: TrailName) -> Trail | None:
    row = await house.store.read(lambda connection: tables.select_trail(connection, key))
    return as_trail(row) if row is not None else None


async def _deliver_digests(house: House, key: TrailName) -> None:
    trail = await _find(house, key)
    if trail is None or not trail.settings["LogFileValidationEnabled"]:
        return
    if trail.is_logging:
        await _begin_chains(house, trail, (key.region,))
    is_last = not trail.is_logging and trail.stop_batch is None
    await deliver_and_note(house, trail, is_last=is_last)


async def _begin_chains(house: House, trail: Trail, regions: tuple[str, ...]) -> None:
    now = house.clock.now()
    await house.store.write(lambda connection: begin_chains(connection, trail.key, regions, now))


async def deliver_chunk(house: House, key: TrailName) -> bool:
    """Deliver the next events of a trail, up to some thousands. Returns whether there may be more to deliver now."""
    trail = await _find(house, key)
    if trail is None or not (trail.is_logging or trail.stop_batch is not None):
        return False
    spans = await house.part(AuditReader).settled_after(trail.batch, BATCHES_PER_CHUNK)
    if trail.stop_batch is not None:
        stop = trail.stop_batch
        spans = [each for each in spans if each[0].last_batch <= stop]
    count = records = 0
    while count < len(spans) and records < RECORDS_PER_CHUNK:
        records += spans[count][1]
        count += 1
    if not count:
        await _move(house, trail, trail.batch, {}, [])
        return False
    chunk = _Chunk(house, trail, spans[0][0], spans[count - 1][0])
    await chunk.gather()
    is_over = trail.stop_batch is not None and chunk.last >= trail.stop_batch
    if chunk.is_own_doing and not is_over:
        # To deliver what delivering caused would never end. It waits for something else to be delivered with.
        return False
    return await chunk.deliver() and not is_over


class _Chunk:
    """A run of batches of the audit trail, and what a trail wants of it."""

    def __init__(self, house: House, trail: Trail, first: AuditSpan, last: AuditSpan) -> None:
        self._house = house
        self._trail = trail
        self._first = first.first_batch
        self.last = last.last_batch
        self._by_region: dict[str, Events] = defaultdict(Events)
        self._selects = selector_of(trail.selectors)
        self._gaps = [tuple(gap) for gap in trail.status.get("gaps", ())]
        self.is_own_doing = True

    async def gather(self) -> None:
        """Find the events that the trail wants, a few milliseconds at a time."""
        reader, account_id = self._house.part(AuditReader), self._trail.key.account_id
        first, turn = self._first, Turn()
        self.is_own_doing = False
        others = False
        while first <= self.last:
            batches = await reader.open(first, self.last, BATCHES_PER_READ)
            for batch in batches:
                if any(begin < batch.number <= end for begin, end in self._gaps):
                    continue
                for record in batch.records():
                    if self._wants(record):
                        self._by_region[record.region].add(record, account_id)
                        others = others or record.identity.username != PRINCIPAL
                    await turn.let_others()
            first = batches[-1].number + 1 if batches else self.last + 1
        self.is_own_doing = bool(self._by_region) and not others

    def _wants(self, record: AuditRecord) -> bool:
        trail = self._trail
        if record.region != trail.key.region and not trail.is_multi_region:
            return False
        if record.service in _GLOBAL_SERVICES and not trail.settings["IncludeGlobalServiceEvents"]:
            return False
        return trail.key.account_id in recipients_of(record) and self._selects(record)

    async def deliver(self) -> bool:
        """Store the log files and move the trail's position. Returns whether that could be done."""
        house, trail, now = self._house, self._trail, self._house.clock.now()
        calls = OwnCalls(house, trail.key)
        files: list[tuple[str, dict[str, Any]]] = []
        noted: dict[str, Any] = {"attempted_at": now}
        try:
            for region, events in sorted(self._by_region.items()):
                file = await asyncio.to_thread(partial(LogFile, trail, region, events, now))
                await calls.put_object(
                    trail.settings["S3BucketName"], file.key, file.body, trail.settings.get("KmsKeyId")
                )
                files.append((region, file.told))
        except AwsError as error:
            await _note(house, trail, noted | {"LatestDeliveryError": error.code})
            return False
        if files:
            noted |= {"LatestDeliveryTime": now, "LatestDeliveryError": None}
        noted |= await deliver_to_log_group(house, trail, list(self._by_region.values()))
        if trail.settings["LogFileValidationEnabled"] and files:
            await _begin_chains(house, trail, tuple(region for region, _ in files))
        return await _move(house, trail, self.last, noted, files)


async def _note(house: House, trail: Trail, noted: dict[str, Any]) -> None:
    def write(connection: Connection) -> None:
        row = tables.select_trail(connection, trail.key)
        if row is not None:
            tables.update_trail(connection, trail.key, {"status": dict(row.status) | noted})

    await house.store.write(write)


async def _move(
    house: House, trail: Trail, batch: int, noted: dict[str, Any], files: list[tuple[str, dict[str, Any]]]
) -> bool:
    """Move a trail's position, unless something else moved it meanwhile. Returns whether it was moved."""

    def write(connection: Connection) -> bool:
        row = tables.select_trail(connection, trail.key)
        if row is None or row.batch != trail.batch:
            return False
        status = dict(row.status) | noted
        gaps = [gap for gap in status.get("gaps", ()) if gap[1] > batch]
        values: dict[str, Any] = {"batch": batch, "status": status | {"gaps": gaps}}
        if row.stop_batch is not None and batch >= row.stop_batch:
            values["stop_batch"] = None
        tables.update_trail(connection, trail.key, values)
        if row.settings["LogFileValidationEnabled"]:
            for region, told in files:
                tables.insert_log_file(connection, trail.key, region, told)
        return True

    return await house.store.write(write)
