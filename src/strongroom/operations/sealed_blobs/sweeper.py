"""Blobs that no row names, deleted: what is left when a server dies between a blob and its row, or behind a row.

Every service that names blobs says so with `names_blobs`; a blob is nobody's only when none of them names it.
"""

from collections.abc import AsyncGenerator, Callable, Collection, Sequence

import structlog

from strongroom.operations.house import House
from strongroom.operations.periodic import LongWork, periodic
from strongroom.operations.sealed_blobs.check import find_orphans
from strongroom.storage.connection import Connection

EVERY_SECONDS = 86_400.0

OLD_SECONDS = 86_400.0
"""How long a blob may wait for its row: much longer than an upload of 5 GiB takes, at the slowest that is let in."""

NamedAmong = Callable[[Connection, Sequence[str]], Collection[str]]
"""Returns which of some names of blobs are in the rows of a service."""

NAMED_BY: dict[str, NamedAmong] = {}

_log = structlog.get_logger("strongroom.blobs")


def names_blobs(service: str) -> Callable[[NamedAmong], NamedAmong]:
    """Register how a service names blobs. Raises ValueError for a second registration."""

    def register(named_among: NamedAmong) -> NamedAmong:
        if service in NAMED_BY:
            raise ValueError(f"{service} is asked twice which blobs it names")
        NAMED_BY[service] = named_among
        return named_among

    return register


class OrphanSweeps(LongWork):
    """The sweeps of one house."""

    def __init__(self, house: House) -> None:
        super().__init__(house, _steps, EVERY_SECONDS)


@periodic("blobs/sweep-orphans")
async def sweep(house: House) -> None:
    """Delete the blobs that no row has named for a day."""
    await house.part(OrphanSweeps).go_on()


async def named_among(house: House, names: Sequence[str]) -> Collection[str]:
    """Return which of some blobs any row names."""

    def read(connection: Connection) -> set[str]:
        return {name for ask in NAMED_BY.values() for name in ask(connection, names)}

    return await house.store.read(read)


async def _steps(house: House) -> AsyncGenerator[None, None]:
    async def named(names: Sequence[str]) -> Collection[str]:
        return await named_among(house, names)

    count, size = 0, 0
    # Blobs tell when they were written by the real clock, whatever the house's says.
    async for orphan in find_orphans(house.blobs, named, house.clock.wall() - OLD_SECONDS):
        await house.blobs.run(house.blobs.delete, orphan.name)
        count, size = count + 1, size + orphan.stored_bytes
        yield
    if count:
        _log.info("blobs that no row names were deleted", blobs=count, bytes=size)
