"""What CloudWatch Logs does by itself in other services, as its own service principal, for something of an account.

Source: Amazon CloudWatch Logs User Guide, the policies for KMS keys and buckets: the principal is
`logs.REGION.amazonaws.com`, and `aws:SourceArn` and `aws:SourceAccount` tell what it acts for.
"""

from typing import Any

from strongroom.base.context import Origin, new_request_id
from strongroom.operations.call import SourceResource
from strongroom.operations.callers import Caller
from strongroom.operations.house import House
from strongroom.operations.perform import perform
from strongroom.operations.registry import Answer

INTERNAL = "AWS Internal"


def service_principal(region: str) -> str:
    """Return the name of the service principal in a Region."""
    return f"logs.{region}.amazonaws.com"


async def as_service(
    house: House,
    service: str,
    operation: str,
    params: dict[str, Any],
    *,
    region: str,
    account_id: str,
    source_arn: str,
    origin: Origin | None = None,
    principal: str | None = None,
) -> Answer:
    """Perform an operation of another service for `source_arn`, which `account_id` owns. Raises AwsError as it does.

    `origin` is that of the request that this is done for; None for what nobody called for. `principal` is the service
    principal, the Region's unless another one is given.
    """
    if origin is None:
        now = house.clock.now()
        origin = Origin(new_request_id(now), now, INTERNAL, True, user_agent=INTERNAL)
    return await perform(
        house,
        service,
        operation,
        params,
        caller=Caller.service(principal or service_principal(region), account_id),
        origin=origin,
        region=region,
        source=SourceResource(source_arn, account_id),
    )
