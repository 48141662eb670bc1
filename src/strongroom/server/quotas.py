"""The quotas of a store, for an operator's commands: set, reset, and decide on requested increases."""

import math
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar

from strongroom.base.configuration import Configuration
from strongroom.base.errors import OperatorError
from strongroom.identities.tables import select_account
from strongroom.operations import tables as house_tables
from strongroom.operations.audit import Audit
from strongroom.operations.quotas.memory_file import look_at_memory, memory_path
from strongroom.operations.quotas.quota import VALUE_MAX, Quota, quotas_named
from strongroom.operations.quotas.tables import EVERY, delete_values
from strongroom.operations.quotas.values import QUOTAS_CACHE_NAME, set_value
from strongroom.operations.trail import AuditRecord, Resource, service_event
from strongroom.server import house
from strongroom.server.clock import clock_of
from strongroom.server.operator_store import OperatorStore, operator_store
from strongroom.services.servicequotas import tables
from strongroom.services.servicequotas.approval import APPROVED, DENIED, OPEN, decide, decision_event
from strongroom.storage.connection import Connection

T = TypeVar("T")

ROOMS_WITH_QUOTAS = (house,)
"""Importing them imports every service, and a service declares its quotas when it is imported."""

_REGION = re.compile(r"(?=.{1,32}$)[a-z0-9]+(-[a-z0-9]+)*")


class QuotaPlace(NamedTuple):
    """Where a value holds: for an account or every one, in a Region or every one (`EVERY`)."""

    account_id: str = EVERY
    region: str = EVERY


def quota_named(text: str) -> Quota:
    """Return the quota that an operator means by its code or name. Raises OperatorError for none, or several."""
    found = quotas_named(text)
    if len(found) == 1:
        return found[0]
    if found:
        raise OperatorError(f"{text!r} may be {' or '.join(quota.id for quota in found)}: give one of these")
    raise OperatorError(f"there is no quota {text!r}; aws service-quotas list-service-quotas shows the codes")


async def set_quota(configuration: Configuration, quota: Quota, value: float, place: QuotaPlace) -> int:
    """Set the value of a quota in a place, at once, and return how many narrower values it took the place of.

    Raises OperatorError for a value that no quota can have, and for an account that does not exist.
    """
    if not (math.isfinite(value) and 0 <= value <= VALUE_MAX):
        raise OperatorError(f"the value of a quota is a number from 0 to {VALUE_MAX:.0f}")
    now = clock_of(configuration).now()

    def change(connection: Connection) -> int:
        _check_place(connection, place)
        return set_value(connection, quota, value, now, *place)

    return await _change(configuration, change, _event("QuotaSet", configuration, quota, place, now, value))


async def reset_quota(configuration: Configuration, quota: Quota | None, place: QuotaPlace) -> int:
    """Take back what was set of a quota, or of all, in a place, and return how many values that were."""
    now = clock_of(configuration).now()

    def change(connection: Connection) -> int:
        _check_place(connection, place)
        return delete_values(connection, quota.id if quota is not None else None, *place)

    return await _change(configuration, change, _event("QuotaReset", configuration, quota, place, now))


async def decide_on_request(configuration: Configuration, request_id: str, *, is_approved: bool) -> Any:
    """Approve or deny a requested increase, at once, and return its row. Raises OperatorError unless it is open."""
    now = clock_of(configuration).now()
    status = APPROVED if is_approved else DENIED
    async with _telling_servers(configuration) as (store, sealer):
        audit = Audit(store, sealer, clock_of(configuration))

        def change(connection: Connection) -> Any:
            row = decide(connection, request_id, status, now)
            audit.insert_event(connection, decision_event(row, now))
            return row

        return await store.write(change, invalidates=(QUOTAS_CACHE_NAME,))


async def read_open_requests(configuration: Configuration) -> Sequence[Any]:
    """Return the rows of the requests that wait for a decision, oldest first. Raises OperatorError."""
    async with operator_store(configuration, time.time()) as (store, _):
        return await store.read(lambda connection: tables.requests_with_status(connection, OPEN))


async def _change(configuration: Configuration, change: Callable[[Connection], T], event: AuditRecord) -> T:
    async with _telling_servers(configuration) as (store, sealer):
        audit = Audit(store, sealer, clock_of(configuration))

        def change_and_record(connection: Connection) -> T:
            audit.insert_event(connection, event)
            return change(connection)

        return await store.write(change_and_record, invalidates=(QUOTAS_CACHE_NAME,))


@asynccontextmanager
async def _telling_servers(configuration: Configuration) -> AsyncIterator[OperatorStore]:
    """Open the store for a change to quotas; servers of this machine that run on it know of the change afterwards.

    Those of other machines, which share the database, hear of it from the database.
    """
    async with operator_store(configuration, time.time()) as opened:
        yield opened
        storage_keys = await opened.store.read(house_tables.select_storage_keys)
        memory = look_at_memory(memory_path(configuration, storage_keys))
        if memory is not None:
            memory.announce_change()
            memory.close()


def _check_place(connection: Connection, place: QuotaPlace) -> None:
    if place.account_id != EVERY and select_account(connection, place.account_id) is None:
        raise OperatorError(f"there is no account {place.account_id}")
    if place.region != EVERY and not _REGION.fullmatch(place.region):
        raise OperatorError(f"{place.region!r} does not look like a Region (us-east-1)")


def _event(
    name: str,
    configuration: Configuration,
    quota: Quota | None,
    place: QuotaPlace,
    now: float,
    value: float | None = None,
) -> AuditRecord:
    account_id = place.account_id or configuration.account_id
    region = place.region or configuration.region
    details = {
        "quota": quota.id if quota is not None else "every quota",
        "accountId": place.account_id or "every account",
        "region": place.region or "every Region",
    }
    if value is not None:
        details["value"] = str(value)
    arn = f"arn:aws:servicequotas:{region}:{account_id}:{quota.id if quota is not None else '*'}"
    resource = Resource(arn, account_id, "AWS::ServiceQuotas::Quota")
    return service_event("service-quotas", "servicequotas.amazonaws.com", name, region, resource, now, details)
