"""Quota request templates: what an organization's management account asks for, for every account that is made later.

Source: Service Quotas User Guide, "Using Service Quotas request templates"; Service Quotas API Reference. Templates are
managed in one Region. The organization's oldest account is its management account.
"""

from collections.abc import Sequence
from typing import Any

from strongroom.identities.tables import select_account, select_accounts
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.quotas.quota import QUOTAS, Quota
from strongroom.operations.registry import Answer, Needs, operation
from strongroom.services.servicequotas import errors, tables
from strongroom.services.servicequotas.access import account_wide, on_quota
from strongroom.services.servicequotas.paging import Page
from strongroom.services.servicequotas.quotas import names_of, quota_of, require_service
from strongroom.services.servicequotas.requests import new_request
from strongroom.services.servicequotas.service import SERVICE_QUOTAS
from strongroom.storage.connection import Connection

TEMPLATE_REGION = "us-east-1"
ENTRIES_MAX = 10
"""How many requests a template may hold. Source: Service Quotas User Guide."""


def _organization_of(connection: Connection, account_id: str) -> str:
    """Return the organization that an account manages.

    Raises NoAvailableOrganizationException when it is in none, AccessDeniedException when another account manages it.
    """
    account = select_account(connection, account_id)
    organization_id: str | None = account.organization_id if account is not None else None
    if organization_id is None:
        raise errors.no_organization()
    members = [row for row in select_accounts(connection) if row.organization_id == organization_id]
    oldest = min(members, key=lambda row: (row.created_at, row.account_id))
    if oldest.account_id != account_id:
        raise errors.denied("Only the management account of an organization can use its quota request template.")
    return organization_id


def _in_template(needs: Needs) -> Needs:
    """Declare an operation on the template, which there is in one Region only, beside what it needs."""

    async def needs_and_region(call: Call) -> Sequence[Requirement]:
        requirements = await needs(call)
        if call.region != TEMPLATE_REGION:
            raise errors.not_in_this_region()
        return requirements

    return needs_and_region


async def _organization(call: Call) -> str:
    return await call.read(lambda connection: _organization_of(connection, call.account_id))


def _shown(quota: Quota, region: str, desired_value: float) -> dict[str, Any]:
    return names_of(quota) | {"AwsRegion": region, "DesiredValue": desired_value}


@operation(
    SERVICE_QUOTAS,
    "AssociateServiceQuotaTemplate",
    needs=_in_template(account_wide("servicequotas:AssociateServiceQuotaTemplate")),
)
async def associate_service_quota_template(call: Call) -> Answer:
    """Put the template to use for accounts made from now on. Source: API Reference, AssociateServiceQuotaTemplate."""
    organization_id = await _organization(call)

    def write(connection: Connection) -> Answer:
        tables.set_template_associated(connection, organization_id, True)
        return {}

    return await call.write(write)


@operation(
    SERVICE_QUOTAS,
    "DisassociateServiceQuotaTemplate",
    needs=_in_template(account_wide("servicequotas:DisassociateServiceQuotaTemplate")),
)
async def disassociate_service_quota_template(call: Call) -> Answer:
    """Use the template no more; it stays as it is. Source: API Reference, DisassociateServiceQuotaTemplate."""
    organization_id = await _organization(call)

    def write(connection: Connection) -> Answer:
        if not tables.is_template_associated(connection, organization_id):
            raise errors.template_not_in_use()
        tables.set_template_associated(connection, organization_id, False)
        return {}

    return await call.write(write)


@operation(
    SERVICE_QUOTAS,
    "GetAssociationForServiceQuotaTemplate",
    needs=_in_template(account_wide("servicequotas:GetAssociationForServiceQuotaTemplate")),
    reads_only=True,
)
async def get_association_for_service_quota_template(call: Call) -> Answer:
    """Tell whether the template is in use. Source: API Reference, GetAssociationForServiceQuotaTemplate."""
    organization_id = await _organization(call)
    is_associated = await call.read(lambda connection: tables.is_template_associated(connection, organization_id))
    if is_associated is None:
        raise errors.template_not_in_use()
    return {"ServiceQuotaTemplateAssociationStatus": "ASSOCIATED" if is_associated else "DISASSOCIATED"}


@operation(
    SERVICE_QUOTAS,
    "PutServiceQuotaIncreaseRequestIntoTemplate",
    needs=_in_template(on_quota("servicequotas:PutServiceQuotaIncreaseRequestIntoTemplate")),
)
async def put_service_quota_increase_request_into_template(call: Call) -> Answer:
    """Have new accounts ask for a greater value. Source: API Reference, PutServiceQuotaIncreaseRequestIntoTemplate."""
    quota, params = quota_of(call), call.params
    region, desired_value = params["AwsRegion"], float(params["DesiredValue"])
    if not quota.adjustable:
        raise errors.not_adjustable()
    if desired_value <= quota.default_in(region):
        raise errors.value_too_low(f"default quota value of {float(quota.default_in(region))}")
    organization_id = await _organization(call)
    values = {
        "organization_id": organization_id,
        "region": region,
        "quota_id": quota.id,
        "desired_value": desired_value,
    }

    def write(connection: Connection) -> Answer:
        is_new = tables.select_template_entry(connection, organization_id, region, quota.id) is None
        if is_new and len(tables.list_template_entries(connection, organization_id)) >= ENTRIES_MAX:
            raise errors.quota_exceeded()
        tables.put_template_entry(connection, values)
        return {"ServiceQuotaIncreaseRequestInTemplate": _shown(quota, region, desired_value)}

    return await call.write(write)


@operation(
    SERVICE_QUOTAS,
    "GetServiceQuotaIncreaseRequestFromTemplate",
    needs=_in_template(on_quota("servicequotas:GetServiceQuotaIncreaseRequestFromTemplate")),
    reads_only=True,
)
async def get_service_quota_increase_request_from_template(call: Call) -> Answer:
    """Tell what new accounts ask for. Source: API Reference, GetServiceQuotaIncreaseRequestFromTemplate."""
    quota, region = quota_of(call), call.params["AwsRegion"]
    organization_id = await _organization(call)
    row = await call.read(
        lambda connection: tables.select_template_entry(connection, organization_id, region, quota.id)
    )
    if row is None:
        raise errors.no_such_request()
    return {"ServiceQuotaIncreaseRequestInTemplate": _shown(quota, region, row.desired_value)}


@operation(
    SERVICE_QUOTAS,
    "DeleteServiceQuotaIncreaseRequestFromTemplate",
    needs=_in_template(account_wide("servicequotas:DeleteServiceQuotaIncreaseRequestFromTemplate")),
)
async def delete_service_quota_increase_request_from_template(call: Call) -> Answer:
    """Ask for no greater value any more. Source: API Reference, DeleteServiceQuotaIncreaseRequestFromTemplate."""
    quota, region = quota_of(call), call.params["AwsRegion"]
    organization_id = await _organization(call)

    def write(connection: Connection) -> Answer:
        if not tables.delete_template_entry(connection, organization_id, region, quota.id):
            raise errors.no_such_request()
        return {}

    return await call.write(write)


@operation(
    SERVICE_QUOTAS,
    "ListServiceQuotaIncreaseRequestsInTemplate",
    needs=_in_template(account_wide("servicequotas:ListServiceQuotaIncreaseRequestsInTemplate")),
    reads_only=True,
)
async def list_service_quota_increase_requests_in_template(call: Call) -> Answer:
    """List what new accounts ask for. Source: API Reference, ListServiceQuotaIncreaseRequestsInTemplate."""
    page, params = Page(call), call.params
    service_code, region = params.get("ServiceCode"), params.get("AwsRegion")
    if service_code is not None:
        require_service(service_code)
    organization_id = await _organization(call)
    rows = await call.read(lambda connection: tables.list_template_entries(connection, organization_id))
    listed = [
        (f"{row.region} {row.quota_id}", _shown(QUOTAS[row.quota_id], row.region, row.desired_value))
        for row in rows
        if row.quota_id in QUOTAS
        and service_code in (None, QUOTAS[row.quota_id].service_code)
        and region in (None, row.region)
    ]
    return page.of_sorted("ServiceQuotaIncreaseRequestInTemplateList", listed)


def request_for_new_account(connection: Connection, account_id: str, organization_id: str | None, now: float) -> int:
    """Make the requests that an organization's template has for an account just made; return how many.

    A template that is not in use makes none. `now` is in seconds.
    """
    if organization_id is None or not tables.is_template_associated(connection, organization_id):
        return 0
    entries = tables.list_template_entries(connection, organization_id)
    requester = {"accountId": account_id, "callerArn": "servicequotas.amazonaws.com"}
    for row in entries:
        values = new_request(account_id, row.region, row.quota_id, row.desired_value, requester, now)
        tables.insert_request(connection, values)
    return len(entries)
