"""Exports at work: stream by stream, in parts of a bounded size, in steps between which other work gets its turn."""

from collections.abc import AsyncGenerator
from functools import partial
from typing import Any

import structlog

from strongroom.base.errors import AwsError
from strongroom.envelope.sealed import SealBroken
from strongroom.operations.house import House
from strongroom.operations.periodic import LongWork, periodic
from strongroom.services.logs.events.batches import Event
from strongroom.services.logs.events.reading import PAGE_EVENTS_MAX, Search, search_page
from strongroom.services.logs.exports import tables
from strongroom.services.logs.exports.bucket import write_part
from strongroom.services.logs.groups.directory import Group, GroupDirectory, Place
from strongroom.services.logs.tables import list_streams
from strongroom.storage.connection import Connection

EVENTS_PER_PART = 100_000
BYTES_PER_PART = 16 * 1024 * 1024
STREAMS_PER_READ = 200

_log = structlog.get_logger("strongroom.logs")


class Exports(LongWork):
    """The exports of one house."""

    def __init__(self, house: House) -> None:
        super().__init__(house, _steps, 0.0)


@periodic("logs/exports")
async def export(house: House) -> None:
    """Go on with exports that were asked for. What was begun before a restart is begun again: parts are overwritten."""
    await house.part(Exports).go_on()


class _Cancelled(Exception):  # noqa: N818 (it says what happened)
    pass


async def _steps(house: House) -> AsyncGenerator[None, None]:
    for row in await house.store.read(tables.active_exports):
        async for _ in _export(house, row):
            yield


async def _export(house: House, row: Any) -> AsyncGenerator[None, None]:
    status, message = "COMPLETED", "Completed successfully"
    if row.status == "PENDING_CANCEL" or not await _write(house, row, ("PENDING", "RUNNING"), {"status": "RUNNING"}):
        status, message = "CANCELLED", ""
    else:
        try:
            async for _ in _write_streams(house, row):
                yield
        except _Cancelled:
            status, message = "CANCELLED", ""
        except (AwsError, SealBroken) as error:
            status, message = "FAILED", error.message if isinstance(error, AwsError) else "The events cannot be read."
            _log.warning("an export failed", task_id=row.task_id, error_type=type(error).__name__)
    values = {"status": status, "message": message, "completed_at": int(house.clock.now() * 1000)}
    await _write(house, row, tables.ACTIVE, values)


async def _write(house: House, row: Any, statuses: tuple[str, ...], values: dict[str, Any]) -> bool:
    return await house.store.write(partial(tables.update_export, task_id=row.task_id, statuses=statuses, values=values))


async def _write_streams(house: House, row: Any) -> AsyncGenerator[None, None]:
    place = Place(row.account_id, row.region, row.group_name)
    group = await house.part(GroupDirectory).find(place)
    if group is None:
        raise AwsError("ResourceNotFoundException", "The specified log group does not exist.")
    after: str | None = None
    while True:
        read = partial(list_streams, group_number=group.number, limit=STREAMS_PER_READ)
        streams = await house.store.read(partial(read, prefix=row.details["streamPrefix"], after=after))
        for stream in streams:
            after = stream.name
            async for _ in _write_stream(house, row, group, stream):
                yield
        if len(streams) < STREAMS_PER_READ:
            return


async def _write_stream(house: House, row: Any, group: Group, stream: Any) -> AsyncGenerator[None, None]:
    details = row.details
    search = Search(group, details["from"], details["to"], streams=(stream.number,))
    folder = f"{details['destinationPrefix']}/{row.task_id}"
    position: int | None = None
    number, events, size = 0, [], 0
    while True:
        page = await search_page(house, search, None, position=position, limit=min(PAGE_EVENTS_MAX, EVENTS_PER_PART))
        events += page.events
        size += sum(len(event.message) for event in page.events)
        is_last = page.reached is None
        if events and (is_last or size >= BYTES_PER_PART or len(events) >= EVENTS_PER_PART):
            await _require_wanted(house, row)
            await write_part(house, group.place, details["destination"], folder, stream.name, number, events)
            number, events, size = number + 1, _none(), 0
        yield
        if is_last:
            return
        position = page.reached


def _none() -> list[Event]:
    return []


async def _require_wanted(house: House, row: Any) -> None:
    def read(connection: Connection) -> Any:
        return tables.select_export(connection, row.account_id, row.region, row.task_id)

    current = await house.store.read(read)
    if current is None or current.status != "RUNNING":
        raise _Cancelled
