"""GetParametersByPath: the parameters below a level of a hierarchy, with their values.

Source: AWS Systems Manager API Reference, GetParametersByPath.
"""

from collections.abc import Sequence
from typing import Any

from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.ssm import tables
from strongroom.services.ssm.access import on_path
from strongroom.services.ssm.filters import LABEL, Filter, parse_filters
from strongroom.services.ssm.names import checked_path
from strongroom.services.ssm.paging import ROWS_PER_PAGE_MAX, ROWS_PER_READ, next_token, page_begins_after
from strongroom.services.ssm.parameters import Parameter, Version, parameter_of, version_of, with_value
from strongroom.services.ssm.quotas import throughput
from strongroom.services.ssm.service import SSM
from strongroom.services.ssm.settings import ServiceSettings
from strongroom.services.ssm.values import value_of
from strongroom.storage.connection import Connection

PARAMETERS_PER_PAGE = 10

Chosen = list[tuple[Parameter, Version]]


async def _needs(call: Call) -> Sequence[Requirement]:
    await call.house.part(ServiceSettings).know(call.account_id, call.region)
    path = call.target = checked_path(call.params["Path"])
    recursive = "true" if call.params.get("Recursive") else "false"
    return (on_path(call, "ssm:GetParametersByPath", path, {"ssm:recursive": recursive}),)


@operation(SSM, "GetParametersByPath", needs=_needs, quota=throughput, reads_only=True)
async def get_parameters_by_path(call: Call) -> Answer:
    """Return what is below a path, a page at a time. Source: API Reference, GetParametersByPath."""
    params = call.params
    filters = parse_filters(params.get("ParameterFilters"), by_path=True)
    limit = params.get("MaxResults") or PARAMETERS_PER_PAGE
    chosen, position = await _page(call, call.target.rstrip("/") or "/", filters, limit)
    with_decryption = bool(params.get("WithDecryption"))
    shown: list[dict[str, Any]] = []
    for parameter, version in chosen:
        value = await value_of(call, parameter, version, with_decryption=with_decryption)
        shown.append(with_value(parameter, version, value))
    answer: Answer = {"Parameters": shown}
    if position:
        answer["NextToken"] = next_token(call, position)
    return answer


async def _page(call: Call, path: str, filters: Sequence[Filter], limit: int) -> tuple[Chosen, str]:
    """Return the parameters of a page, and the position that the next one begins behind: "" when there is none."""
    after, recursive, now = page_begins_after(call), bool(call.params.get("Recursive")), call.now
    labels = next((each.values for each in filters if each.key == LABEL), ())
    chosen: Chosen = []

    def read(connection: Connection) -> tuple[Chosen, str, bool]:
        found: Chosen = []
        rows = tables.list_by_path(connection, call.account_id, call.region, path, recursive, after, ROWS_PER_READ, now)
        last = after
        for row in rows:
            if len(chosen) + len(found) == limit:
                return found, last, True
            last = row.name
            parameter = parameter_of(row, call.house.sealer)
            if all(each.lets_through(parameter) for each in filters):
                version = _labelled(call, connection, parameter, labels) if labels else parameter.version
                if version is not None:
                    found.append((parameter, version))
        return found, last, len(rows) == ROWS_PER_READ

    for _ in range(ROWS_PER_PAGE_MAX // ROWS_PER_READ):
        found, after, has_more = await call.read(read)
        chosen += found
        if not has_more:
            return chosen, ""
        if len(chosen) == limit:
            break
    return chosen, after


def _labelled(call: Call, connection: Connection, parameter: Parameter, labels: Sequence[str]) -> Version | None:
    """Return the version of a parameter that has the first of some labels that is there at all."""
    known = tables.select_labels(connection, parameter.parameter_id)
    number = next((known[label] for label in labels if label in known), None)
    if number is None or number == parameter.version.number:
        return parameter.version if number is not None else None
    row = tables.select_version(connection, parameter.parameter_id, number)
    return version_of(row, call.house.sealer) if row is not None else None
