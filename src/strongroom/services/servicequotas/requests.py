"""Requests to increase a quota, and what became of them. Source: Service Quotas API Reference."""

import json
import math
import secrets
from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.operations.call import Call
from strongroom.operations.quotas.quota import QUOTAS, Quota
from strongroom.operations.quotas.values import QUOTAS_CACHE_NAME
from strongroom.operations.registry import Answer, operation
from strongroom.services.servicequotas import errors, tables
from strongroom.services.servicequotas.access import account_wide, on_quota, quota_arn
from strongroom.services.servicequotas.approval import (
    APPROVED,
    CASE_OPENED,
    NOT_APPROVED,
    OPEN,
    PENDING,
    grant,
    is_approved_by_rule,
)
from strongroom.services.servicequotas.paging import Page
from strongroom.services.servicequotas.quotas import (
    ACCOUNT_LEVEL,
    UNIT,
    names_of,
    quota_of,
    refuse_context,
    require_service,
)
from strongroom.services.servicequotas.service import SERVICE_QUOTAS
from strongroom.storage.connection import Connection

OPEN_REQUESTS_MAX = 20
"""How many open requests an account may have in a Region."""


def new_request(
    account_id: str, region: str, quota_id: str, desired_value: float, requester: dict[str, str], now: float
) -> dict[str, Any]:
    """Return the column values of a new request, which waits for a decision."""
    return {
        "request_id": secrets.token_hex(20),
        "account_id": account_id,
        "region": region,
        "quota_id": quota_id,
        "desired_value": desired_value,
        "status": PENDING,
        "case_id": None,
        "requester": json.dumps(requester, separators=(",", ":")),
        "created_at": now,
        "updated_at": now,
    }


def shown_request(row: Any) -> dict[str, Any]:
    """Return a request as answers show it. `row` is one of `tables.REQUESTS`."""
    service_code, _, code = row.quota_id.partition("/")
    quota = QUOTAS.get(row.quota_id)
    # A quota may have gone with an upgrade; its history stays.
    names = names_of(quota) if quota is not None else {"ServiceCode": service_code, "QuotaCode": code, "Unit": UNIT}
    shown = names | {
        "Id": row.request_id,
        "DesiredValue": row.desired_value,
        "Status": row.status,
        "Created": as_datetime(row.created_at),
        "LastUpdated": as_datetime(row.updated_at),
        "Requester": row.requester,
        "QuotaArn": quota_arn(row.account_id, row.region, service_code, code),
        "QuotaRequestedAtLevel": ACCOUNT_LEVEL,
    }
    if row.case_id is not None:
        shown["CaseId"] = row.case_id
    return shown


def _require_increase(call: Call, quota: Quota, desired_value: float) -> None:
    """Raise IllegalArgumentException unless the desired value is above the one in force."""
    changed = call.house.quotas.changed_value(quota, call.account_id, call.region)
    if changed is None:
        default = quota.default_in(call.region)
        if desired_value <= default:
            raise errors.value_too_low(f"default quota value of {float(default)}")
    elif desired_value <= changed:
        raise errors.value_too_low(f"current quota value of {float(changed)}")


@operation(SERVICE_QUOTAS, "RequestServiceQuotaIncrease", needs=on_quota("servicequotas:RequestServiceQuotaIncrease"))
async def request_service_quota_increase(call: Call) -> Answer:
    """Ask for a greater value of a quota: a rule approves it, or it waits for the operator.

    Without `SupportCaseAllowed` nobody is asked: what no rule approves is not approved. Source: API Reference,
    RequestServiceQuotaIncrease.
    """
    params, now = call.params, call.now
    refuse_context(call)
    quota = quota_of(call)
    if not quota.adjustable:
        raise errors.not_adjustable()
    desired_value = float(params["DesiredValue"])
    _require_increase(call, quota, desired_value)
    requester = {"accountId": call.account_id, "callerArn": call.caller.arn}
    values = new_request(call.account_id, call.region, quota.id, desired_value, requester, now)
    if is_approved_by_rule(call.house, quota, call.region, desired_value):
        values["status"] = APPROVED
    elif params.get("SupportCaseAllowed") is False:
        values["status"] = NOT_APPROVED

    def write(connection: Connection) -> Answer:
        if tables.count_requests(connection, call.account_id, call.region, OPEN, quota.id):
            raise errors.already_requested()
        if tables.count_requests(connection, call.account_id, call.region, OPEN) >= OPEN_REQUESTS_MAX:
            raise errors.quota_exceeded()
        tables.insert_request(connection, values)
        if values["status"] == APPROVED:
            grant(connection, quota, call.account_id, call.region, desired_value, now)
        return {"RequestedQuota": shown_request(tables.select_request(connection, values["request_id"]))}

    stale = (QUOTAS_CACHE_NAME,) if values["status"] == APPROVED else ()
    return await call.write(write, invalidates=stale)


def _own_request(connection: Connection, call: Call) -> Any:
    """Return the row of the request that the call names. Raises NoSuchResourceException."""
    row = tables.select_request(connection, call.params["RequestId"])
    if row is None or (row.account_id, row.region) != (call.account_id, call.region):
        raise errors.no_such_request()
    return row


@operation(
    SERVICE_QUOTAS,
    "GetRequestedServiceQuotaChange",
    needs=account_wide("servicequotas:GetRequestedServiceQuotaChange"),
    reads_only=True,
)
async def get_requested_service_quota_change(call: Call) -> Answer:
    """Describe one request. Source: Service Quotas API Reference, GetRequestedServiceQuotaChange."""
    row = await call.read(lambda connection: _own_request(connection, call))
    return {"RequestedQuota": shown_request(row)}


@operation(SERVICE_QUOTAS, "CreateSupportCase", needs=account_wide("servicequotas:CreateSupportCase"))
async def create_support_case(call: Call) -> Answer:
    """Open a Support case for a pending request. Source: Service Quotas API Reference, CreateSupportCase.

    The operator decides on it as on any other; the case is a mark that somebody asked again.
    """
    now = call.now
    case_id = str(10**14 + secrets.randbelow(9 * 10**14))

    def write(connection: Connection) -> Answer:
        row = _own_request(connection, call)
        if row.status == CASE_OPENED:
            raise errors.already_has_case()
        if row.status != PENDING:
            raise errors.not_pending(row.status)
        values = {"status": CASE_OPENED, "case_id": case_id, "updated_at": now}
        tables.update_request(connection, row.request_id, values)
        return {}

    return await call.write(write)


async def _history(call: Call, service_code: str | None, quota_id: str | None) -> Answer:
    page, params = Page(call), call.params
    if params.get("QuotaRequestedAtLevel") == "RESOURCE":
        return page.answer("RequestedQuotas", [])
    before = _position(page.after)
    rows = await call.read(
        lambda connection: tables.list_requests(
            connection,
            call.account_id,
            call.region,
            before,
            page.limit + 1,
            service_code=service_code,
            quota_id=quota_id,
            status=params.get("Status"),
        )
    )
    return page.answer(
        "RequestedQuotas", [(f"{row.created_at!r} {row.request_id}", shown_request(row)) for row in rows]
    )


def _position(after: str) -> tuple[float, str] | None:
    """Return the time and id of the last request of the page before, or None for the first page."""
    if not after:
        return None
    created_at, _, request_id = after.partition(" ")
    try:
        position = float(created_at), request_id
    except ValueError:
        raise errors.invalid_token() from None
    if not math.isfinite(position[0]):
        raise errors.invalid_token()
    return position


@operation(
    SERVICE_QUOTAS,
    "ListRequestedServiceQuotaChangeHistory",
    needs=account_wide("servicequotas:ListRequestedServiceQuotaChangeHistory"),
    reads_only=True,
)
async def list_requested_service_quota_change_history(call: Call) -> Answer:
    """List requests, newest first. Source: API Reference, ListRequestedServiceQuotaChangeHistory."""
    service_code = call.params.get("ServiceCode")
    if service_code is not None:
        require_service(service_code)
    return await _history(call, service_code, None)


@operation(
    SERVICE_QUOTAS,
    "ListRequestedServiceQuotaChangeHistoryByQuota",
    needs=on_quota("servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota"),
    reads_only=True,
)
async def list_requested_service_quota_change_history_by_quota(call: Call) -> Answer:
    """List the requests about one quota, newest first.

    Source: API Reference, ListRequestedServiceQuotaChangeHistoryByQuota.
    """
    return await _history(call, None, quota_of(call).id)
