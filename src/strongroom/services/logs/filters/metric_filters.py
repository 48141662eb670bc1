"""Metric filters: kept, described and tried out. What they would count goes to CloudWatch, which is not served here.

Source: Amazon CloudWatch Logs API Reference, PutMetricFilter, DescribeMetricFilters, TestMetricFilter.
"""

import re
from collections.abc import Sequence
from typing import Any

from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.logs import errors, tables
from strongroom.services.logs.access import account_wide, existing_group, of_group
from strongroom.services.logs.filter_patterns import FilterPattern
from strongroom.services.logs.filters.patterns import REGEXES_PER_GROUP_MAX, accepted_pattern, regexes_in
from strongroom.services.logs.filters.tables import FILTERS, METRIC, delete_filter, list_filters, select_filters
from strongroom.services.logs.groups.directory import Group
from strongroom.services.logs.paging import Page
from strongroom.services.logs.service import LOGS
from strongroom.storage.connection import Connection
from strongroom.storage.replace import replace_row

FILTERS_PER_GROUP_MAX = 100
DIMENSIONS_MAX = 3
_VALUE = re.compile(r"\$.+|[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_KEPT = ("applyOnTransformedLogs", "fieldSelectionCriteria", "emitSystemFieldDimensions")


def _require_sensible(transformation: dict[str, Any], pattern: FilterPattern | None) -> None:
    """Raise InvalidParameterException for a transformation that AWS refuses."""
    if _VALUE.fullmatch(transformation["metricValue"]) is None:
        raise errors.invalid_parameter("Invalid metric transformation: metricValue must be a number or a field.")
    dimensions = transformation.get("dimensions") or {}
    if len(dimensions) > DIMENSIONS_MAX:
        raise errors.invalid_parameter(
            f"Invalid metric transformation: at most {DIMENSIONS_MAX} dimensions are allowed."
        )
    if dimensions and transformation.get("defaultValue") is not None:
        raise errors.invalid_parameter(
            "Invalid metric transformation: dimensions and default value are mutually exclusive."
        )
    if dimensions and pattern is None:
        raise errors.invalid_parameter("Invalid metric transformation: dimensions need a pattern that has fields.")


def _shown(row: Any) -> dict[str, Any]:
    return {
        "filterName": row.name,
        "filterPattern": row.pattern,
        "creationTime": row.created_at,
        "logGroupName": row.group_name,
        **row.details,
    }


async def put_filter(
    call: Call, group: Group, kind: str, pattern: FilterPattern | None, details: dict[str, Any], most: int
) -> Answer:
    """Write a filter in place of the one of its name; at most `most` of a kind belong to a log group."""
    name: str = call.params["filterName"]
    if "\0" in name or "\0" in call.params["filterPattern"]:
        raise errors.invalid_parameter("The null character is not allowed.")
    values = {
        "group_number": group.number,
        "kind": kind,
        "name": name,
        "pattern": call.params["filterPattern"],
        "created_at": int(call.now * 1000),
        "details": details,
    }

    def write(connection: Connection) -> Answer:
        row = tables.select_group(connection, *group.place)
        if row is None or row.number != group.number:
            raise errors.no_such_group()
        others = [each for each in select_filters(connection, group.number, kind) if each.name != name]
        if len(others) >= most:
            raise errors.limit_exceeded()
        regexes = 0 if pattern is None else pattern.regex_count
        if regexes and regexes + sum(regexes_in(each.pattern) for each in others) > REGEXES_PER_GROUP_MAX:
            raise errors.limit_exceeded()
        replace_row(connection, FILTERS, values)
        return {}

    return await call.write(write, invalidates=(group.place.cache_name,))


@operation(LOGS, "PutMetricFilter", needs=of_group("logs:PutMetricFilter"))
async def put_metric_filter(call: Call) -> Answer:
    """Make or change a metric filter. Source: API Reference, PutMetricFilter."""
    group, params = existing_group(call), call.params
    if group.group_class != "STANDARD":
        raise errors.invalid_operation(f"A log group of the class {group.group_class} does not support metric filters.")
    pattern = accepted_pattern(params["filterPattern"])
    transformations = params["metricTransformations"]
    for transformation in transformations:
        _require_sensible(transformation, pattern)
    kept = {name: params[name] for name in _KEPT if params.get(name) is not None}
    details = {"applyOnTransformedLogs": False, **kept, "metricTransformations": transformations}
    return await put_filter(call, group, METRIC, pattern, details, FILTERS_PER_GROUP_MAX)


@operation(LOGS, "DeleteMetricFilter", needs=of_group("logs:DeleteMetricFilter"))
async def delete_metric_filter(call: Call) -> Answer:
    """Delete a metric filter. Source: API Reference, DeleteMetricFilter."""
    group, name = existing_group(call), call.params["filterName"]

    def write(connection: Connection) -> Answer:
        if "\0" in name or not delete_filter(connection, group.number, METRIC, name):
            raise errors.not_found("The specified metric filter does not exist.")
        return {}

    return await call.write(write)


async def _of_group_or_account(call: Call) -> Sequence[Requirement]:
    if call.params.get("logGroupName") is None:
        return await account_wide("logs:DescribeMetricFilters")(call)
    return await of_group("logs:DescribeMetricFilters")(call)


@operation(LOGS, "DescribeMetricFilters", needs=_of_group_or_account, reads_only=True)
async def describe_metric_filters(call: Call) -> Answer:
    """List metric filters of a log group, or of a metric. Source: API Reference, DescribeMetricFilters."""
    params = call.params
    group = existing_group(call) if params.get("logGroupName") is not None else None
    metric, namespace = params.get("metricName"), params.get("metricNamespace")
    if (metric is None) != (namespace is None):
        raise errors.invalid_parameter("metricName and metricNamespace must be specified together.")

    def is_wanted(row: Any) -> bool:
        return metric is None or any(
            each["metricName"] == metric and each["metricNamespace"] == namespace
            for each in row.details["metricTransformations"]
        )

    return await describe_filters(call, "metricFilters", METRIC, group, _shown, is_wanted)


async def describe_filters(
    call: Call, member: str, kind: str, group: Group | None, show: Any, is_wanted: Any = lambda row: True
) -> Answer:
    """Return a page of filters of a kind, of one log group or of the account."""
    page, prefix = Page(call), call.params.get("filterNamePrefix")
    if prefix is not None and "\0" in prefix:
        return {member: []}
    begin = _names_after(page)

    def read(connection: Connection) -> list[Any]:
        found: list[Any] = []
        after = begin
        while True:
            rows = list_filters(
                connection,
                call.account_id,
                call.region,
                kind,
                group_number=group.number if group is not None else None,
                prefix=prefix or "",
                after=after,
                limit=page.limit + 1,
            )
            found += [row for row in rows if is_wanted(row)]
            if len(rows) <= page.limit or len(found) > page.limit:
                return found[: page.limit + 1]
            after = rows[-1].group_name, rows[-1].name

    return page.answer(member, await call.read(read), show, lambda row: [row.group_name, row.name])


def _names_after(page: Page) -> tuple[str, str] | None:
    if page.after is None:
        return None
    if (
        not isinstance(page.after, list)
        or len(page.after) != 2
        or not all(isinstance(each, str) for each in page.after)
    ):
        raise errors.invalid_token()
    if any("\0" in each for each in page.after):
        raise errors.invalid_token()
    return page.after[0], page.after[1]


@operation(LOGS, "TestMetricFilter", needs=account_wide("logs:TestMetricFilter"), reads_only=True)
async def test_metric_filter(call: Call) -> Answer:
    """Try a pattern on messages. Source: API Reference, TestMetricFilter."""
    pattern = accepted_pattern(call.params["filterPattern"])
    matches = []
    for number, message in enumerate(call.params["logEventMessages"], 1):
        extracted = {} if pattern is None else pattern.extract(message)
        if extracted is not None:
            matches.append({"eventNumber": number, "eventMessage": message, "extractedValues": extracted})
    return {"matches": matches}
