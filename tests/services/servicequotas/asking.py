"""Ways to ask Service Quotas, of a house without a server."""

from typing import Any

from tests.opened_house import OpenedHouse

SYMMETRIC = {"ServiceCode": "kms", "QuotaCode": "L-6E3AF000"}
RSA = {"ServiceCode": "kms", "QuotaCode": "L-2AC98190"}
CREATE_KEY = {"ServiceCode": "kms", "QuotaCode": "L-32B67F4A"}
FIXED = {"ServiceCode": "kms", "QuotaCode": "L-0E66C9C0"}


async def ask(house: OpenedHouse, operation: str, **params: Any) -> dict[str, Any]:
    """Perform one operation of Service Quotas."""
    return await house.call("service-quotas", operation, **params)


async def requested(house: OpenedHouse, value: float, **params: Any) -> dict[str, Any]:
    """Request an increase, of the symmetric quota unless told otherwise, and return the request."""
    answer = await ask(house, "RequestServiceQuotaIncrease", **(SYMMETRIC | {"DesiredValue": value} | params))
    request: dict[str, Any] = answer["RequestedQuota"]
    return request


async def value_of(house: OpenedHouse, quota: dict[str, str] = SYMMETRIC, **params: Any) -> float:
    """Return the value of a quota as GetServiceQuota shows it."""
    value: float = (await ask(house, "GetServiceQuota", **quota, **params))["Quota"]["Value"]
    return value
