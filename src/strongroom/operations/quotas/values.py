"""The values that quotas have: the default, or what an operator or an approved request set instead.

A value holds for one account or all, in one Region or all; the narrowest one counts, and that of an account before that
of a Region. To set a value puts it in place of all those that lie within its own place: what was set last holds there.
"""

from collections.abc import Iterable
from typing import Any

from strongroom.operations.quotas.quota import Quota
from strongroom.operations.quotas.tables import EVERY, delete_values, insert_value
from strongroom.storage.connection import Connection

QUOTAS_CACHE_NAME = "quotas"
"""The name under which changes to values are announced to the caches."""


class QuotaValues:
    """Values as they were when they were read, from rows of `tables.QUOTA_VALUES`."""

    __slots__ = ("_values",)

    def __init__(self, rows: Iterable[Any] = ()) -> None:
        self._values: dict[tuple[str, str, str], float] = {
            (row.quota_id, row.account_id, row.region): row.value for row in rows
        }

    def value(self, quota: Quota, account_id: str, region: str) -> float:
        """Return the value of a quota for an account in a Region."""
        changed = self.changed_value(quota, account_id, region)
        return quota.default_in(region) if changed is None else changed

    def changed_value(self, quota: Quota, account_id: str, region: str) -> float | None:
        """Return the value that somebody gave a quota for an account in a Region, or None when it has the default."""
        if not self._values:
            return None
        for place in ((account_id, region), (account_id, EVERY), (EVERY, region), (EVERY, EVERY)):
            found = self._values.get((quota.id, *place))
            if found is not None:
                return found
        return None


def set_value(
    connection: Connection, quota: Quota, value: float, now: float, account_id: str = EVERY, region: str = EVERY
) -> int:
    """Set the value of a quota, and return how many values it took the place of. `now` is in seconds.

    The transaction announces `QUOTAS_CACHE_NAME`, so that every server knows.
    """
    replaced = delete_values(connection, quota.id, account_id, region)
    insert_value(connection, quota.id, account_id, region, value, now)
    return replaced
