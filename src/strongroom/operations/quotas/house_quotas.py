"""The quotas of one house: their values, and the buckets that its calls take from."""

import asyncio
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from strongroom.operations.quotas.memory import BUCKETS_MAX, Bucket, BucketMemory, BucketName
from strongroom.operations.quotas.quota import Charging, Quota, RequestQuota, ResourceQuota
from strongroom.operations.quotas.tables import select_values
from strongroom.operations.quotas.values import QUOTAS_CACHE_NAME, QuotaValues
from strongroom.storage.store import Store

if TYPE_CHECKING:
    from strongroom.operations.call import Call

COUNTED_MAX = 1_000
OTHER = "other"
"""Past `COUNTED_MAX` quotas, accounts and Regions, what comes anew is counted together under this name."""


class Counted(NamedTuple):
    """Whose requests were counted: the quota's id, account and Region."""

    quota_id: str
    account_id: str
    region: str


class Counts:
    """How many requests this server let through and refused."""

    __slots__ = ("taken", "throttled")

    def __init__(self) -> None:
        self.taken = 0
        self.throttled = 0


Place = tuple[RequestQuota, str, str, str]
"""Whose bucket: the quota, account, Region, and a scope within them."""


class HouseQuotas:
    """Takes from the buckets what calls cost, and knows the value of every quota.

    Values are read from the database once, and again when a change to them was announced: by name (`Store.subscribe`),
    or through the memory, where an operator's command tells servers that have no other way to hear of it. Unless
    `enforced`, requests are counted and never refused.
    """

    def __init__(self, store: Store, memory: BucketMemory, *, enforced: bool) -> None:
        self._store = store
        self._memory = memory
        self._enforced = enforced
        self._values = QuotaValues()
        self._values_of = -1.0
        self._refreshing = asyncio.Lock()
        self._take = memory.take
        self._buckets: dict[Place, tuple[Bucket, Counts]] = {}
        self.counts: dict[Counted, Counts] = {}
        store.subscribe(self._tell_of_change)

    @property
    def are_stale(self) -> bool:
        """Whether values have changed since they were read."""
        return self._values_of != self._memory.generation

    async def refresh(self) -> None:
        """Read the values as they are now. Raises StorageUnavailable."""
        async with self._refreshing:
            while self.are_stale:
                generation = self._memory.generation
                self._values = QuotaValues(await self._store.read(select_values))
                self._buckets.clear()
                self._values_of = generation

    def value(self, quota: Quota, account_id: str, region: str) -> float:
        """Return the value of a quota for an account in a Region."""
        return self._values.value(quota, account_id, region)

    def most(self, quota: ResourceQuota, account_id: str, region: str) -> int:
        """Return how many resources of a kind an account may have in a Region."""
        return int(self.value(quota, account_id, region))

    def changed_value(self, quota: Quota, account_id: str, region: str) -> float | None:
        """Return the value that somebody gave a quota for an account in a Region, or None when it has the default."""
        return self._values.changed_value(quota, account_id, region)

    def take(self, call: "Call", quota: RequestQuota | Charging) -> bool:
        """Take what a call costs from the buckets; False when one of them has too few tokens.

        What a call has taken before it met an empty bucket stays taken.
        """
        charges = quota.once if isinstance(quota, RequestQuota) else quota(call)
        caller_account, call_region = call.caller.identity.account_id, call.region
        for kind, requests, account_id, region, scope in charges:
            place = (kind, account_id or caller_account, region or call_region, scope)
            bucket, counts = self._buckets.get(place) or self._open(place)
            took = self._take(bucket, requests)
            while took is None:
                bucket, counts = self._open(place)
                took = self._take(bucket, requests)
            if not took:
                counts.throttled += requests
                return False
            counts.taken += requests
        return True

    def _open(self, place: Place) -> tuple[Bucket, Counts]:
        quota, account_id, region, scope = place
        if len(self._buckets) >= BUCKETS_MAX:
            self._buckets.clear()
        rate = self.value(quota, account_id, region) if self._enforced else math.inf
        bucket = self._memory.find(BucketName(quota.id, account_id, region, scope), rate)
        found = self._buckets[place] = (bucket, self._counts_of(Counted(quota.id, account_id, region)))
        return found

    def _counts_of(self, counted: Counted) -> Counts:
        if counted not in self.counts and len(self.counts) >= COUNTED_MAX:
            counted = Counted(OTHER, OTHER, OTHER)
        return self.counts.setdefault(counted, Counts())

    def _tell_of_change(self, names: Sequence[str]) -> None:
        if not names or QUOTAS_CACHE_NAME in names:
            self._memory.announce_change()
