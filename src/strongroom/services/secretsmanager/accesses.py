"""When secrets were last read: noted in memory, written with the next group of audit records.

Days are told, not times. Source: AWS Secrets Manager API Reference, SecretVersionsListEntry (LastAccessedDate).
"""

from collections.abc import Callable

from strongroom.operations.house import House
from strongroom.services.secretsmanager import tables
from strongroom.services.secretsmanager.schedule import DAY_SECONDS
from strongroom.services.secretsmanager.secret import Version
from strongroom.storage.connection import Connection

NOTED_MAX = 50_000


class Accesses:
    """The versions that were read today, and those of them that the database does not know of yet."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._noted: dict[tuple[str, str], float] = {}
        self._unwritten: dict[tuple[str, str], float] = {}
        house.audit.write_along(self._collect)

    def note(self, arn: str, version: Version, now: float) -> None:
        """Note that a version was read. Only the first time in a day is news."""
        day = now // DAY_SECONDS * DAY_SECONDS
        read = (arn, version.version_id)
        if self._noted.get(read) == day:
            return
        if len(self._noted) >= NOTED_MAX:
            self._noted.clear()
        self._noted[read] = self._unwritten[read] = day

    async def written(self) -> None:
        """Have the database know all that was noted here."""
        if self._unwritten:
            await self._house.audit.flush()

    def _collect(self) -> Callable[[Connection], None] | None:
        if not self._unwritten:
            return None
        noted, self._unwritten = self._unwritten, {}

        def write(connection: Connection) -> None:
            for (arn, version_id), day in noted.items():
                tables.note_access(connection, arn, version_id, day)

        return write
