"""How much of the quotas of a store is used, as seen from outside of its servers."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from strongroom.base.configuration import Configuration
from strongroom.operations import tables as house_tables
from strongroom.operations.quotas.memory import BucketMemory, BucketName, BucketUse
from strongroom.operations.quotas.memory_file import look_at_memory, memory_path
from strongroom.operations.quotas.quota import QUOTAS, Quota, RequestQuota, ResourceQuota
from strongroom.operations.quotas.tables import select_values
from strongroom.operations.quotas.values import QuotaValues
from strongroom.server import house
from strongroom.server.operator_store import open_existing_store
from strongroom.storage.connection import Connection
from strongroom.storage.store import Store

ROOMS_WITH_QUOTAS = (house,)
"""Importing them imports every service, and a service declares its quotas when it is imported."""


class QuotaUse(NamedTuple):
    """One quota of an account in a Region, and its use.

    For requests `used` is a rate, in requests a second since the last look, and `taken` and `throttled` are requests
    since the servers started; for resources `used` is a number, and the two are None. `scope` is what has a bucket of
    its own (a custom key store), empty as a rule. Where a value was set for every account or every Region and nothing
    is used, those are empty.
    """

    quota: Quota
    account_id: str
    region: str
    scope: str
    value: float
    used: float
    taken: int | None = None
    throttled: int | None = None

    @property
    def is_rate(self) -> bool:
        """Whether it is a quota of requests a second."""
        return isinstance(self.quota, RequestQuota)


class QuotaUsage:
    """Looks at the use of all quotas, again and again. No server waits for it."""

    def __init__(self, store: Store, memory: BucketMemory | None) -> None:
        self._store = store
        self._memory = memory
        self._before: dict[BucketName, BucketUse] | None = None
        self._looked_at = 0.0

    async def look(self) -> list[QuotaUse]:
        """Return the use of every quota that is used or was set, in the order of quotas, accounts and Regions.

        Rates are those since the look before; the first look has none.
        """
        now = time.monotonic()
        buckets = {use.name: use for use in self._memory.uses()} if self._memory is not None else {}
        before, seconds = self._before, now - self._looked_at
        self._before, self._looked_at = buckets, now
        if before is None:
            before = buckets

        def read(connection: Connection) -> list[QuotaUse]:
            rows = select_values(connection)
            values = QuotaValues(rows)
            found = [_of_bucket(values, before.get(name), use, seconds) for name, use in buckets.items()]
            found += _of_resources(connection, values)
            seen = {(use.quota.id, use.account_id, use.region) for use in found if use is not None}
            set_only = [row for row in rows if (row.quota_id, row.account_id, row.region) not in seen]
            found += [
                QuotaUse(QUOTAS[row.quota_id], row.account_id, row.region, "", row.value, 0)
                for row in set_only
                if row.quota_id in QUOTAS
            ]
            return [use for use in found if use is not None]

        uses = await self._store.read(read)
        return sorted(uses, key=lambda use: (_place(use.quota), use.account_id, use.region, use.scope))


def _place(quota: Quota) -> tuple[bool, str]:
    return isinstance(quota, ResourceQuota), quota.id


def _of_bucket(values: QuotaValues, before: BucketUse | None, use: BucketUse, seconds: float) -> QuotaUse | None:
    quota = QUOTAS.get(use.name.quota_id)
    if not isinstance(quota, RequestQuota):
        return None
    _, account_id, region, scope = use.name
    # Counts begin anew with the servers, so they may be less than they were.
    taken = max(0, use.taken - (before.taken if before is not None else 0))
    value = values.value(quota, account_id, region)
    return QuotaUse(quota, account_id, region, scope, value, taken / seconds, use.taken, use.throttled)


def _of_resources(connection: Connection, values: QuotaValues) -> list[QuotaUse | None]:
    return [
        QuotaUse(quota, each.account_id, each.region, "", values.value(quota, each.account_id, each.region), each.used)
        for quota in QUOTAS.values()
        if isinstance(quota, ResourceQuota) and quota.measure is not None
        for each in quota.measure(connection)
    ]


@asynccontextmanager
async def quota_usage(configuration: Configuration) -> AsyncIterator[QuotaUsage]:
    """Open the store and the buckets' memory of the servers on it. Raises OperatorError when there is no store."""
    store = await open_existing_store(configuration)
    try:
        storage_keys = await store.read(house_tables.select_storage_keys)
        memory = look_at_memory(memory_path(configuration, storage_keys))
        try:
            yield QuotaUsage(store, memory)
        finally:
            if memory is not None:
                memory.close()
    finally:
        await store.close()
