"""What a log group is told after it was made: how long to keep events, and whether it may be deleted.

Source: Amazon CloudWatch Logs API Reference, PutRetentionPolicy, PutLogGroupDeletionProtection.
"""

from collections.abc import Callable, Mapping
from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.logs import errors, tables
from strongroom.services.logs.access import existing_group, of_group
from strongroom.services.logs.groups.directory import Group
from strongroom.services.logs.service import LOGS
from strongroom.storage.connection import Connection

RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


async def change_group(call: Call, group: Group, change: Callable[[Any], Mapping[str, Any]]) -> Answer:
    """Write the columns that `change` makes of a group's row as it is now.

    Raises ResourceNotFoundException when the group is gone, and what `change` raises.
    """

    def write(connection: Connection) -> Answer:
        row = tables.select_group(connection, *group.place)
        if row is None or row.number != group.number:
            raise errors.no_such_group()
        tables.update_group(connection, group.number, change(row))
        return {}

    return await call.write(write, invalidates=(group.place.cache_name,))


@operation(LOGS, "PutRetentionPolicy", needs=of_group("logs:PutRetentionPolicy"))
async def put_retention_policy(call: Call) -> Answer:
    """Say for how many days events are kept. Source: API Reference, PutRetentionPolicy."""
    group, days = existing_group(call), call.params["retentionInDays"]
    if days not in RETENTION_DAYS:
        raise errors.invalid_parameter(
            f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: "
            f"Member must satisfy enum value set: {list(RETENTION_DAYS)}"
        )
    if group.group_class == "DELIVERY":
        raise errors.invalid_parameter("The retention of a log group of the class DELIVERY cannot be changed.")
    return await change_group(call, group, lambda row: {"retention_days": days})


@operation(LOGS, "DeleteRetentionPolicy", needs=of_group("logs:DeleteRetentionPolicy"))
async def delete_retention_policy(call: Call) -> Answer:
    """Keep events for ever. Source: API Reference, DeleteRetentionPolicy."""
    group = existing_group(call)
    if group.group_class == "DELIVERY":
        raise errors.invalid_parameter("The retention of a log group of the class DELIVERY cannot be changed.")
    return await change_group(call, group, lambda row: {"retention_days": None})


@operation(LOGS, "PutLogGroupDeletionProtection", needs=of_group("logs:PutLogGroupDeletionProtection"))
async def put_log_group_deletion_protection(call: Call) -> Answer:
    """Protect a log group from deletion, or no more. Source: API Reference, PutLogGroupDeletionProtection."""
    is_protected: bool = call.params["deletionProtectionEnabled"]
    return await change_group(call, existing_group(call), lambda row: {"is_protected": is_protected})
