"""Reports end after 30 days. Nobody is shown one past that, whether it has been removed yet or not.

Source: AWS CodeBuild API Reference, Report (`expired`).
"""

from collections.abc import AsyncGenerator

from strongroom.operations.house import House
from strongroom.operations.periodic import LongWork, periodic
from strongroom.services.codebuild.reports import tables
from strongroom.storage.connection import Connection

EVERY_SECONDS = 600.0
REPORTS_PER_STEP = 100


class ReportExpiry(LongWork):
    """The rounds of one house."""

    def __init__(self, house: House) -> None:
        super().__init__(house, _steps, EVERY_SECONDS)


@periodic("codebuild/report-expiry")
async def remove_expired_reports(house: House) -> None:
    """Remove the reports that have expired."""
    await house.part(ReportExpiry).go_on()


async def _steps(house: House) -> AsyncGenerator[None, None]:
    while True:
        now = house.clock.now()
        # Most rounds find none, and need not write.
        if not await house.store.read(lambda connection: tables.expired_reports(connection, now, 1)):  # noqa: B023
            return

        def remove(connection: Connection) -> None:
            numbers = tables.expired_reports(connection, now, REPORTS_PER_STEP)  # noqa: B023
            tables.delete_numbered(connection, numbers)

        await house.store.write(remove)
        yield
