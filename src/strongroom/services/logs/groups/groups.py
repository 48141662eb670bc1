"""Making and deleting log groups. Source: Amazon CloudWatch Logs API Reference."""

from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.logs import errors, tables
from strongroom.services.logs.access import creation, existing_group, named_place, of_group
from strongroom.services.logs.events.tables import insert_removed
from strongroom.services.logs.groups.encryption import require_usable_key
from strongroom.services.logs.service import LOGS
from strongroom.storage.connection import Connection

GROUPS_PER_ACCOUNT_MAX = 1_000_000
STANDARD = "STANDARD"
DELIVERY = "DELIVERY"
DELIVERY_RETENTION_DAYS = 1
"""How long the class DELIVERY keeps events, whatever a retention policy says. Source: API Reference, CreateLogGroup."""


@operation(LOGS, "CreateLogGroup", needs=creation)
async def create_log_group(call: Call) -> Answer:
    """Make a log group. Source: Amazon CloudWatch Logs API Reference, CreateLogGroup."""
    params, place = call.params, named_place(call)
    if place.name.startswith("aws/"):
        raise errors.invalid_parameter("Log groups starting with AWS/ are reserved for AWS.")
    key_arn = params.get("kmsKeyId")
    if key_arn is not None:
        key_arn = await require_usable_key(call, key_arn, place.arn)
    group_class = params.get("logGroupClass") or STANDARD
    values: dict[str, Any] = {
        **place._asdict(),
        "created_at": int(call.now * 1000),
        "group_class": group_class,
        "retention_days": DELIVERY_RETENTION_DAYS if group_class == DELIVERY else None,
        "key_arn": key_arn,
        "is_protected": bool(params.get("deletionProtectionEnabled")),
        "tags": dict(params.get("tags") or {}),
        "policy": None,
    }

    def write(connection: Connection) -> Answer:
        if tables.count_groups(connection, place.account_id, place.region) >= GROUPS_PER_ACCOUNT_MAX:
            raise errors.limit_exceeded()
        if tables.insert_ignoring(connection, tables.GROUPS, values) is None:
            raise errors.group_exists()
        return {}

    return await call.write(write)


@operation(LOGS, "DeleteLogGroup", needs=of_group("logs:DeleteLogGroup"))
async def delete_log_group(call: Call) -> Answer:
    """Delete a log group with all that is in it. Source: API Reference, DeleteLogGroup.

    Its data keys go with it, so that nothing can read its events from then on; the events themselves are swept later.
    """
    group = existing_group(call)

    def write(connection: Connection) -> Answer:
        row = tables.select_group(connection, *group.place)
        if row is None:
            raise errors.no_such_group()
        if row.is_protected:
            raise errors.validation("The specified log group cannot be deleted because deletion protection is enabled.")
        insert_removed(connection, group_number=row.number)
        tables.delete_group(connection, row.number)
        return {}

    return await call.write(write, invalidates=(group.place.cache_name,))
