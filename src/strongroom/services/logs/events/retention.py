"""Letting go of events: those past their retention, and what deleted log groups and streams leave behind.

Source: Amazon CloudWatch Logs API Reference, PutRetentionPolicy. Nobody is shown an event past its retention, whether
it has been removed yet or not.
"""

from collections.abc import AsyncGenerator
from functools import partial

from strongroom.operations.house import House
from strongroom.operations.periodic import LongWork, periodic
from strongroom.operations.trail import service_event
from strongroom.services.logs import tables
from strongroom.services.logs.events import tables as event_tables
from strongroom.services.logs.events.data_keys import OWN_SECONDS_MAX
from strongroom.services.logs.groups.directory import Group, as_group
from strongroom.services.logs.service import LOGS
from strongroom.storage.connection import Connection

EVERY_SECONDS = 600.0
BATCHES_PER_STEP = 200
GROUPS_PER_READ = 500


class Retention(LongWork):
    """The rounds of one house."""

    def __init__(self, house: House) -> None:
        super().__init__(house, _steps, EVERY_SECONDS)


@periodic("logs/retention")
async def remove_expired(house: House) -> None:
    """Remove what is past its retention."""
    await house.part(Retention).go_on()


class Removal(LongWork):
    """The removals of one house."""

    def __init__(self, house: House) -> None:
        super().__init__(house, _removal_steps, 1.0)


@periodic("logs/removed")
async def remove_what_is_gone(house: House) -> None:
    """Remove the batches of deleted log groups and streams."""
    await house.part(Removal).go_on()


async def _removal_steps(house: House) -> AsyncGenerator[None, None]:
    while True:
        removed = await house.store.read(event_tables.select_removed)
        if removed is None:
            return
        await house.store.write(
            partial(event_tables.delete_batches_of_removed, removed=removed, limit=BATCHES_PER_STEP)
        )
        yield


async def _steps(house: House) -> AsyncGenerator[None, None]:
    after = 0
    while True:
        rows = await house.store.read(partial(tables.groups_with_retention, after=after, limit=GROUPS_PER_READ))
        for row in rows:
            after = row.number
            async for _ in _expire(house, as_group(row)):
                yield
        if len(rows) < GROUPS_PER_READ:
            return


async def _expire(house: House, group: Group) -> AsyncGenerator[None, None]:
    before, removed = group.oldest_kept(house.clock.now()), 0

    def remove(connection: Connection) -> int:
        sizes = event_tables.delete_expired(connection, group.number, before, BATCHES_PER_STEP)
        for stream, size in sizes.items():
            tables.note_expired(connection, stream, size, event_tables.first_event_of(connection, stream))
        return sum(sizes.values())

    while size := await house.store.write(remove):
        removed += size
        yield
    if removed:
        await house.store.write(lambda connection: _finish(house, connection, group, removed))


def _finish(house: House, connection: Connection, group: Group, removed: int) -> None:
    now = house.clock.now()
    unused_since = int((now - 2 * OWN_SECONDS_MAX) * 1000)
    event_tables.delete_unused_data_keys(connection, group.number, unused_since)
    details = {"retentionInDays": str(group.retention_days), "bytes": str(removed)}
    event = service_event(
        LOGS.name, LOGS.event_source, "ExpireLogEvents", group.place.region, group.place.audited, now, details
    )
    house.audit.insert_event(connection, event)
