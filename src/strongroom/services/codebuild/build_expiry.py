"""Builds end after a year: what became of them is told no longer.

Source: AWS CodeBuild User Guide, "Builds in AWS CodeBuild" (the history of a build can be accessed for one year).
"""

from collections.abc import AsyncGenerator

from strongroom.operations.house import House
from strongroom.operations.periodic import LongWork, periodic
from strongroom.services.codebuild import tables
from strongroom.storage.connection import Connection

DAYS_KEPT = 365
DAY_SECONDS = 86_400
EVERY_SECONDS = 3_600.0
BUILDS_PER_STEP = 100


class BuildExpiry(LongWork):
    """The rounds of one house."""

    def __init__(self, house: House) -> None:
        super().__init__(house, _steps, EVERY_SECONDS)


@periodic("codebuild/build-expiry")
async def remove_old_builds(house: House) -> None:
    """Remove the builds that ended and were asked for more than a year ago."""
    await house.part(BuildExpiry).go_on()


async def _steps(house: House) -> AsyncGenerator[None, None]:
    while True:
        before = house.clock.now() - DAYS_KEPT * DAY_SECONDS
        if not await house.store.read(lambda connection: tables.old_builds(connection, before, 1)):  # noqa: B023
            return

        def remove(connection: Connection) -> None:
            for number in tables.old_builds(connection, before, BUILDS_PER_STEP):  # noqa: B023
                tables.delete_build(connection, number)

        await house.store.write(remove)
        yield
