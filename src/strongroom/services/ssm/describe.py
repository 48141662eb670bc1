"""DescribeParameters: what parameters there are, without their values; own ones, or those that others share.

Source: AWS Systems Manager API Reference, DescribeParameters.
"""

from collections.abc import Callable, Sequence
from typing import Any

from strongroom.operations.authorize import Requirement, is_allowed
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.ssm import errors, tables
from strongroom.services.ssm.access import account_wide
from strongroom.services.ssm.filters import Filter, parse_filters, parse_old_filters
from strongroom.services.ssm.paging import ROWS_PER_PAGE_MAX, ROWS_PER_READ, next_token, page_begins_after
from strongroom.services.ssm.parameters import Parameter, parameter_of, without_value
from strongroom.services.ssm.service import SSM
from strongroom.storage.connection import Connection

PARAMETERS_PER_PAGE = 50
_ACTION = "ssm:DescribeParameters"

Rows = Sequence[Any]


@operation(SSM, "DescribeParameters", needs=account_wide(_ACTION), reads_only=True)
async def describe_parameters(call: Call) -> Answer:
    """List parameters, a page at a time. Source: AWS Systems Manager API Reference, DescribeParameters.

    `Shared` lists those parameters of other accounts whose resource policy lets the caller describe them.
    """
    params = call.params
    if params.get("Filters") and params.get("ParameterFilters"):
        raise errors.validation("You can use either Filters or ParameterFilters in a single request.")
    filters = parse_filters(params.get("ParameterFilters"), by_path=False) + parse_old_filters(params.get("Filters"))
    after, now = page_begins_after(call), call.now
    list_rows = tables.list_shared if params.get("Shared") else tables.list_parameters

    def read(connection: Connection, after: str) -> Rows:
        return list_rows(connection, call.account_id, call.region, after, ROWS_PER_READ, now)

    position_of_row = (lambda row: row.parameter_id) if params.get("Shared") else (lambda row: row.name)
    chosen, position = await _page(call, filters, after, read, position_of_row)
    answer: Answer = {
        "Parameters": [without_value(each, each.version) | {"ARN": each.arn} for each in chosen],
    }
    if position:
        answer["NextToken"] = next_token(call, position)
    return answer


async def _page(
    call: Call,
    filters: Sequence[Filter],
    after: str,
    read: Callable[[Connection, str], Rows],
    position_of_row: Callable[[Any], str],
) -> tuple[list[Parameter], str]:
    """Return the parameters of a page, and the position that the next one begins behind: "" when there is none."""
    limit = call.params.get("MaxResults") or PARAMETERS_PER_PAGE
    chosen: list[Parameter] = []
    for _ in range(ROWS_PER_PAGE_MAX // ROWS_PER_READ):
        rows = await call.read(lambda connection: read(connection, after))  # noqa: B023
        for row in rows:
            if len(chosen) == limit:
                return chosen, after
            after = position_of_row(row)
            parameter = parameter_of(row, None)
            if all(each.lets_through(parameter) for each in filters) and _may_see(call, parameter):
                chosen.append(parameter)
        if len(rows) < ROWS_PER_READ:
            return chosen, ""
    return chosen, after


def _may_see(call: Call, parameter: Parameter) -> bool:
    """Whether a parameter is the caller's account's own, or is shared with the caller."""
    if parameter.account_id == call.account_id:
        return True
    return is_allowed(
        call,
        Requirement(action=_ACTION, resource=parameter.arn, account_id=parameter.account_id, policy=parameter.policy),
    )
