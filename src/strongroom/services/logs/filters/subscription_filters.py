"""Subscription filters: events that match go on to a function. Source: API Reference, PutSubscriptionFilter.

Delivery goes through `delivery`. A function that may not be invoked for the log group is refused at once.
"""

from typing import Any

from strongroom.base.arn import parse_arn
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.logs import errors
from strongroom.services.logs.access import existing_group, of_group
from strongroom.services.logs.filters.delivery import FUNCTIONS_SERVICE, check_destination
from strongroom.services.logs.filters.metric_filters import describe_filters, put_filter
from strongroom.services.logs.filters.patterns import accepted_pattern
from strongroom.services.logs.filters.tables import SUBSCRIPTION, delete_filter
from strongroom.services.logs.service import LOGS
from strongroom.storage.connection import Connection

FILTERS_PER_GROUP_MAX = 2
_KEPT = ("roleArn", "fieldSelectionCriteria", "emitSystemFields")


def _shown(row: Any) -> dict[str, Any]:
    return {
        "filterName": row.name,
        "logGroupName": row.group_name,
        "filterPattern": row.pattern,
        "creationTime": row.created_at,
        **row.details,
    }


@operation(LOGS, "PutSubscriptionFilter", needs=of_group("logs:PutSubscriptionFilter"))
async def put_subscription_filter(call: Call) -> Answer:
    """Send events that match on to a function. Source: API Reference, PutSubscriptionFilter."""
    group, params = existing_group(call), call.params
    arn = parse_arn(params["destinationArn"])
    if arn is None:
        raise errors.invalid_parameter("PutSubscriptionFilter operation requires a valid destinationArn.")
    pattern = accepted_pattern(params["filterPattern"])
    if arn.service != FUNCTIONS_SERVICE:
        raise errors.unsupported(f"Strongroom does not serve subscription filters to {arn.service}, only to functions.")
    if arn.region != call.region or arn.account_id != call.account_id or not arn.resource.startswith("function:"):
        raise errors.invalid_parameter("The destination must be a function of the same account and Region.")
    if params.get("roleArn") is not None:
        raise errors.invalid_parameter("A subscription filter to a function takes no roleArn.")
    await check_destination(call.house, group.place, params["destinationArn"], call.origin)
    kept = {name: params[name] for name in _KEPT if params.get(name) is not None}
    details = {
        "destinationArn": params["destinationArn"],
        "distribution": params.get("distribution") or "ByLogStream",
        "applyOnTransformedLogs": bool(params.get("applyOnTransformedLogs")),
        **kept,
    }
    return await put_filter(call, group, SUBSCRIPTION, pattern, details, FILTERS_PER_GROUP_MAX)


@operation(LOGS, "DescribeSubscriptionFilters", needs=of_group("logs:DescribeSubscriptionFilters"), reads_only=True)
async def describe_subscription_filters(call: Call) -> Answer:
    """List subscription filters of a log group. Source: API Reference, DescribeSubscriptionFilters."""
    return await describe_filters(call, "subscriptionFilters", SUBSCRIPTION, existing_group(call), _shown)


@operation(LOGS, "DeleteSubscriptionFilter", needs=of_group("logs:DeleteSubscriptionFilter"))
async def delete_subscription_filter(call: Call) -> Answer:
    """Delete a subscription filter. Source: API Reference, DeleteSubscriptionFilter."""
    group, name = existing_group(call), call.params["filterName"]

    def write(connection: Connection) -> Answer:
        if "\0" in name or not delete_filter(connection, group.number, SUBSCRIPTION, name):
            raise errors.not_found("The specified subscription filter does not exist.")
        return {}

    return await call.write(write, invalidates=(group.place.cache_name,))
