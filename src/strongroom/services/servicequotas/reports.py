"""Reports of how much of their resource quotas an account uses. Source: Service Quotas API Reference.

The report is made when it is asked for; the newest one of each account and Region is kept.
"""

import secrets
from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.operations.call import Call
from strongroom.operations.quotas.quota import QUOTAS, SERVICE_NAMES, ResourceQuota
from strongroom.operations.registry import Answer, operation
from strongroom.services.servicequotas import errors, tables
from strongroom.services.servicequotas.access import account_wide
from strongroom.services.servicequotas.paging import Page
from strongroom.services.servicequotas.service import SERVICE_QUOTAS
from strongroom.storage.connection import Connection

COMPLETED = "COMPLETED"


def _measured(connection: Connection, call: Call) -> list[dict[str, Any]]:
    """Return use and value of every resource quota that can be measured, the most used one first."""
    found = []
    for quota in QUOTAS.values():
        if not isinstance(quota, ResourceQuota) or quota.measure is None or not quota.in_service_quotas:
            continue
        uses = {(use.account_id, use.region): use.used for use in quota.measure(connection)}
        value = call.house.quotas.value(quota, call.account_id, call.region)
        used = uses.get((call.account_id, call.region), 0)
        found.append(
            {
                "QuotaCode": quota.code,
                "ServiceCode": quota.service_code,
                "ServiceName": SERVICE_NAMES[quota.service_code],
                "QuotaName": quota.name,
                "Namespace": "AWS/Usage",
                "Utilization": 100.0 * used / value if value else 100.0,
                "DefaultValue": float(quota.default_in(call.region)),
                "AppliedValue": float(value),
                "Adjustable": quota.adjustable,
            }
        )
    return sorted(found, key=lambda each: (-each["Utilization"], each["ServiceCode"], each["QuotaCode"]))


@operation(
    SERVICE_QUOTAS, "StartQuotaUtilizationReport", needs=account_wide("servicequotas:StartQuotaUtilizationReport")
)
async def start_quota_utilization_report(call: Call) -> Answer:
    """Make a report. Source: Service Quotas API Reference, StartQuotaUtilizationReport."""
    report_id, now = secrets.token_hex(16), call.now

    def write(connection: Connection) -> Answer:
        values = {
            "account_id": call.account_id,
            "region": call.region,
            "report_id": report_id,
            "generated_at": now,
            "quotas": _measured(connection, call),
        }
        tables.replace_report(connection, values)
        return {"ReportId": report_id, "Status": COMPLETED, "Message": "The report is ready."}

    return await call.write(write)


@operation(
    SERVICE_QUOTAS,
    "GetQuotaUtilizationReport",
    needs=account_wide("servicequotas:GetQuotaUtilizationReport"),
    reads_only=True,
)
async def get_quota_utilization_report(call: Call) -> Answer:
    """Return a report. Source: Service Quotas API Reference, GetQuotaUtilizationReport."""
    page = Page(call)
    row = await call.read(lambda connection: tables.select_report(connection, call.account_id, call.region))
    if row is None or row.report_id != call.params["ReportId"]:
        raise errors.no_such_resource("The specified report does not exist.")
    listed = [(f"{number:06}", quota) for number, quota in enumerate(row.quotas)]
    return page.of_sorted("Quotas", listed) | {
        "ReportId": row.report_id,
        "Status": COMPLETED,
        "GeneratedAt": as_datetime(row.generated_at),
        "TotalCount": len(listed),
    }
