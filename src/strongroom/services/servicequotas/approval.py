"""Whether a requested increase is granted: by the operator, or by a rule in the configuration.

An increase that is granted is the quota's value from then on, unless the value is greater already.
"""

from collections.abc import Sequence
from typing import Any

from strongroom.base.configuration import QuotaCeiling, parse_quota_ceilings
from strongroom.base.errors import OperatorError
from strongroom.operations.house import House
from strongroom.operations.periodic import periodic
from strongroom.operations.quotas.quota import QUOTAS, Quota
from strongroom.operations.quotas.tables import select_values
from strongroom.operations.quotas.values import QUOTAS_CACHE_NAME, QuotaValues, set_value
from strongroom.operations.trail import AuditRecord, Resource, service_event
from strongroom.services.servicequotas import tables
from strongroom.services.servicequotas.access import quota_arn
from strongroom.storage.connection import Connection

PENDING = "PENDING"
CASE_OPENED = "CASE_OPENED"
APPROVED = "APPROVED"
DENIED = "DENIED"
NOT_APPROVED = "NOT_APPROVED"
OPEN = (PENDING, CASE_OPENED)
"""A request has one of these until it is decided."""


def ceiling_of(ceilings: Sequence[QuotaCeiling], quota: Quota, region: str) -> float:
    """Return up to which value a rule approves an increase of a quota in a Region: 0 when none does."""
    general = 0.0
    for ceiling in ceilings:
        value = ceiling.amount * quota.default_in(region) if ceiling.is_factor else ceiling.amount
        if ceiling.code == quota.code.upper():
            return value
        if not ceiling.code:
            general = value
    return general


def is_approved_by_rule(house: House, quota: Quota, region: str, desired_value: float) -> bool:
    """Return whether the configuration of this server approves an increase by itself."""
    ceilings = parse_quota_ceilings(house.configuration.quota_ceilings)
    return desired_value <= ceiling_of(ceilings, quota, region)


def grant(connection: Connection, quota: Quota, account_id: str, region: str, desired_value: float, now: float) -> None:
    """Raise the value of a quota to what was requested. The transaction announces `QUOTAS_CACHE_NAME`."""
    present = QuotaValues(select_values(connection)).value(quota, account_id, region)
    if desired_value > present:
        set_value(connection, quota, desired_value, now, account_id, region)


def decide(connection: Connection, request_id: str, status: str, now: float) -> Any:
    """Approve or deny an open request (`status` is APPROVED or DENIED), and return its row as it is then.

    Raises OperatorError for a request that is not there, or is decided already, and for a quota that is not known.
    """
    row = tables.select_request(connection, request_id)
    if row is None:
        raise OperatorError(f"there is no quota request {request_id}")
    if row.status not in OPEN:
        raise OperatorError(f"the quota request {request_id} is {row.status} already")
    if status == APPROVED:
        quota = QUOTAS.get(row.quota_id)
        if quota is None:
            raise OperatorError(f"this server knows no quota {row.quota_id}")
        grant(connection, quota, row.account_id, row.region, row.desired_value, now)
    tables.update_request(connection, request_id, {"status": status, "updated_at": now})
    return tables.select_request(connection, request_id)


def decision_event(row: Any, now: float) -> AuditRecord:
    """Return the audit record of a decision that nobody called for by an API."""
    service_code, _, code = row.quota_id.partition("/")
    arn = quota_arn(row.account_id, row.region, service_code, code)
    return service_event(
        "service-quotas",
        "servicequotas.amazonaws.com",
        "QuotaIncreaseApproved" if row.status == APPROVED else "QuotaIncreaseDenied",
        row.region,
        Resource(arn, row.account_id, "AWS::ServiceQuotas::Quota"),
        now,
        {"requestId": row.request_id, "desiredValue": str(row.desired_value)},
    )


@periodic("service-quotas/approve-by-rule")
async def approve_by_rule(house: House) -> None:
    """Approve what waits and is within the ceilings: requests of templates, or made before a rule was there."""
    if not house.configuration.quota_ceilings:
        return
    for row in await house.store.read(lambda connection: tables.requests_with_status(connection, OPEN)):
        quota = QUOTAS.get(row.quota_id)
        if quota is not None and is_approved_by_rule(house, quota, row.region, row.desired_value):
            await _approve(house, row.request_id)


async def _approve(house: House, request_id: str) -> None:
    now = house.clock.now()

    def change(connection: Connection) -> None:
        row = tables.select_request(connection, request_id)
        if row is not None and row.status in OPEN:
            house.audit.insert_event(connection, decision_event(decide(connection, request_id, APPROVED, now), now))

    await house.store.write(change, invalidates=(QUOTAS_CACHE_NAME,))
