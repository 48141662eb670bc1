"""What Service Quotas operations need: which action on which quota, or on the account as a whole.

Source: Service Authorization Reference, "Actions, resources, and condition keys for Service Quotas".
"""

from collections.abc import Sequence

from strongroom.base.arn import partition_of
from strongroom.operations.authorize import ConditionValue, Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Needs


def quota_arn(account_id: str, region: str, service_code: str, code: str) -> str:
    """Return the ARN of a quota; a default's has no account."""
    return f"arn:{partition_of(region)}:servicequotas:{region}:{account_id}:{service_code}/{code}"


def account_wide(action: str) -> Needs:
    """Declare an operation on the account as a whole."""

    async def needs(call: Call) -> Sequence[Requirement]:
        return (Requirement(action=action, resource="*", account_id=call.account_id),)

    return needs


def on_quota(action: str) -> Needs:
    """Declare an operation on the quota that the request names by `ServiceCode` and `QuotaCode`, there or not."""

    async def needs(call: Call) -> Sequence[Requirement]:
        service_code, code = call.params["ServiceCode"], call.params["QuotaCode"]

        def condition(name: str) -> ConditionValue:
            return service_code if name == "servicequotas:service" else None

        return (
            Requirement(
                action=action,
                resource=quota_arn(call.account_id, call.region, service_code, code),
                account_id=call.account_id,
                conditions=condition,
            ),
        )

    return needs
