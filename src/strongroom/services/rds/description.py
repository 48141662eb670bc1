"""DescribeDBInstances: pages, and filters. Source: Amazon RDS API Reference, DescribeDBInstances."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.page_position import position_of, position_text
from strongroom.operations.registry import Answer, operation
from strongroom.services.rds import errors, tables
from strongroom.services.rds.access import about_instances, existing
from strongroom.services.rds.instance import Instance, described, instance_of, named_identifier
from strongroom.services.rds.service import RDS

RECORDS_MIN, RECORDS_MAX = 20, 100

_FILTERS: Mapping[str, Callable[[Instance, str], bool]] = {
    "db-instance-id": lambda instance, value: named_identifier(value) == instance.identifier,
    "dbi-resource-id": lambda instance, value: value == instance.resource_id,
    "engine": lambda instance, value: value == instance.engine,
    "db-cluster-id": lambda instance, value: False,
    "domain": lambda instance, value: False,
}


@operation(RDS, "DescribeDBInstances", needs=about_instances("rds:DescribeDBInstances"), reads_only=True)
async def describe_db_instances(call: Call) -> Answer:
    """Describe one instance, or all that the filters let through. Raises DBInstanceNotFound, InvalidParameterValue."""
    filters = call.params.get("Filters") or ()
    for each in filters:
        if each["Name"] not in _FILTERS:
            raise errors.invalid_value(f"Unrecognized filter name: {each['Name']}")
    if call.params.get("DBInstanceIdentifier"):
        found: Sequence[Instance] = [existing(call)]
    else:
        rows = await call.read(lambda connection: tables.list_instances(connection, call.account_id, call.region))
        found = [instance_of(row) for row in rows]
    chosen = [instance for instance in found if all(_lets_through(each, instance) for each in filters)]
    wall = call.house.clock.wall()
    return page(call, "DBInstances", [(instance.identifier, described(instance, wall)) for instance in chosen])


def _lets_through(filter_: Mapping[str, Any], instance: Instance) -> bool:
    return any(_FILTERS[filter_["Name"]](instance, value) for value in filter_["Values"])


def page(call: Call, member: str, items: Sequence[tuple[str, Any]]) -> Answer:
    """Return the page that a request asks for, of items and their positions, in order. Raises InvalidParameterValue."""
    limit = call.params.get("MaxRecords")
    limit = RECORDS_MAX if limit is None else limit
    if not RECORDS_MIN <= limit <= RECORDS_MAX:
        raise errors.invalid_value(
            f"Invalid value {limit} for MaxRecords. Must be between {RECORDS_MIN} and {RECORDS_MAX}"
        )
    after = ""
    if call.params.get("Marker"):
        try:
            after = position_of(call.operation.name, call.params["Marker"])
        except ValueError:
            raise errors.invalid_value("The parameter Marker is not valid.") from None
    rest = [item for item in items if item[0] > after]
    answer: Answer = {member: [value for _, value in rest[:limit]]}
    if len(rest) > limit:
        answer["Marker"] = position_text(call.operation.name, rest[limit - 1][0])
    return answer
