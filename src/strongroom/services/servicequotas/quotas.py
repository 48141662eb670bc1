"""Services and their quotas, as they are and as they are by default. Source: Service Quotas API Reference."""

from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.quotas.quota import QUOTAS, SERVICE_NAMES, Quota, RequestQuota, find_quota
from strongroom.operations.registry import Answer, operation
from strongroom.services.servicequotas import errors
from strongroom.services.servicequotas.access import account_wide, on_quota, quota_arn
from strongroom.services.servicequotas.paging import Page
from strongroom.services.servicequotas.service import SERVICE_QUOTAS

ACCOUNT_LEVEL = "ACCOUNT"
UNIT = "None"


def require_service(service_code: str) -> None:
    """Raise NoSuchResourceException unless a service with that code has quotas."""
    if service_code not in SERVICE_NAMES:
        raise errors.no_such_service()


def named_quota(service_code: str, code: str) -> Quota:
    """Return the quota that a request names. Raises NoSuchResourceException."""
    require_service(service_code)
    quota = find_quota(service_code, code)
    if quota is None or not quota.in_service_quotas:
        raise errors.no_such_quota()
    return quota


def quota_of(call: Call) -> Quota:
    """Return the quota that a request names by `ServiceCode` and `QuotaCode`. Raises NoSuchResourceException."""
    return named_quota(call.params["ServiceCode"], call.params["QuotaCode"])


def names_of(quota: Quota) -> dict[str, Any]:
    """Return the members that name a quota, wherever an answer is about one."""
    return {
        "ServiceCode": quota.service_code,
        "ServiceName": SERVICE_NAMES[quota.service_code],
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "GlobalQuota": False,
        "Unit": UNIT,
    }


def _shown(quota: Quota, value: float, account_id: str, region: str) -> dict[str, Any]:
    shown = names_of(quota) | {
        "QuotaArn": quota_arn(account_id, region, quota.service_code, quota.code),
        "Value": float(value),
        "Adjustable": quota.adjustable,
        "QuotaAppliedAtLevel": ACCOUNT_LEVEL,
    }
    if quota.description:
        shown["Description"] = quota.description
    if isinstance(quota, RequestQuota):
        shown["Period"] = {"PeriodValue": 1, "PeriodUnit": "SECOND"}
        if quota.metric:
            shown["UsageMetric"] = {
                "MetricNamespace": "AWS/Usage",
                "MetricName": "CallCount",
                "MetricDimensions": {
                    "Class": "None",
                    "Resource": quota.metric,
                    "Service": quota.service_code.upper(),
                    "Type": "API",
                },
                "MetricStatisticRecommendation": "Sum",
            }
    return shown


def _applied(call: Call, quota: Quota) -> dict[str, Any]:
    value = call.house.quotas.value(quota, call.account_id, call.region)
    return _shown(quota, value, call.account_id, call.region)


def _default(call: Call, quota: Quota) -> dict[str, Any]:
    return _shown(quota, quota.default_in(call.region), "", call.region)


def listed_quotas(service_code: str) -> list[Quota]:
    """Return the quotas of a service that Service Quotas shows, in the order of their codes."""
    require_service(service_code)
    shown = [quota for quota in QUOTAS.values() if quota.service_code == service_code and quota.in_service_quotas]
    return sorted(shown, key=lambda quota: quota.code)


@operation(SERVICE_QUOTAS, "ListServices", needs=account_wide("servicequotas:ListServices"), reads_only=True)
async def list_services(call: Call) -> Answer:
    """List the services that have quotas here. Source: Service Quotas API Reference, ListServices."""
    services = [(code, {"ServiceCode": code, "ServiceName": name}) for code, name in sorted(SERVICE_NAMES.items())]
    return Page(call).of_sorted("Services", services)


@operation(SERVICE_QUOTAS, "ListServiceQuotas", needs=account_wide("servicequotas:ListServiceQuotas"), reads_only=True)
async def list_service_quotas(call: Call) -> Answer:
    """List the quotas of a service with their values in force. Source: API Reference, ListServiceQuotas."""
    page, params = Page(call), call.params
    quotas = listed_quotas(params["ServiceCode"])
    if params.get("QuotaCode") is not None:
        quotas = [quota_of(call)]
    if params.get("QuotaAppliedAtLevel") == "RESOURCE":
        quotas = []
    return page.of_sorted("Quotas", [(quota.code, _applied(call, quota)) for quota in quotas])


@operation(SERVICE_QUOTAS, "GetServiceQuota", needs=on_quota("servicequotas:GetServiceQuota"), reads_only=True)
async def get_service_quota(call: Call) -> Answer:
    """Describe a quota with its value in force. Source: Service Quotas API Reference, GetServiceQuota."""
    refuse_context(call)
    return {"Quota": _applied(call, quota_of(call))}


@operation(
    SERVICE_QUOTAS,
    "ListAWSDefaultServiceQuotas",
    needs=account_wide("servicequotas:ListAWSDefaultServiceQuotas"),
    reads_only=True,
)
async def list_default_service_quotas(call: Call) -> Answer:
    """List the quotas of a service with their default values. Source: API Reference, ListAWSDefaultServiceQuotas."""
    quotas = listed_quotas(call.params["ServiceCode"])
    return Page(call).of_sorted("Quotas", [(quota.code, _default(call, quota)) for quota in quotas])


@operation(
    SERVICE_QUOTAS,
    "GetAWSDefaultServiceQuota",
    needs=account_wide("servicequotas:GetAWSDefaultServiceQuota"),
    reads_only=True,
)
async def get_default_service_quota(call: Call) -> Answer:
    """Describe a quota with its default value. Source: API Reference, GetAWSDefaultServiceQuota."""
    return {"Quota": _default(call, quota_of(call))}


def refuse_context(call: Call) -> None:
    """Raise IllegalArgumentException for a `ContextId`: no quota here is one of a single resource."""
    if call.params.get("ContextId") is not None:
        raise errors.illegal_argument("The specified quota cannot be applied at the resource level.")
