"""GetParameterHistory: every version of a parameter that is kept. Source: API Reference, GetParameterHistory."""

from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.ssm import errors, tables
from strongroom.services.ssm.access import read_of_parameter
from strongroom.services.ssm.paging import next_token, page_begins_after
from strongroom.services.ssm.parameter_directory import existing
from strongroom.services.ssm.parameters import Version, version_of, without_value
from strongroom.services.ssm.service import SSM
from strongroom.services.ssm.values import value_of
from strongroom.storage.connection import Connection

VERSIONS_PER_PAGE = 50


@operation(SSM, "GetParameterHistory", needs=read_of_parameter("ssm:GetParameterHistory"), reads_only=True)
async def get_parameter_history(call: Call) -> Answer:
    """Return the versions of a parameter, oldest first. Source: API Reference, GetParameterHistory."""
    wanted, found = call.target
    if wanted.selector is not None:
        raise errors.invalid_name()
    parameter, params = existing(found), call.params
    limit = params.get("MaxResults") or VERSIONS_PER_PAGE
    position = page_begins_after(call)
    if position and not (position.isascii() and position.isdigit() and len(position) < 19):
        raise errors.invalid_next_token()
    after = int(position or 0)

    def read(connection: Connection) -> tuple[list[Version], dict[str, int]]:
        rows = tables.list_versions(connection, parameter.parameter_id, after, limit + 1)
        versions = [version_of(row, call.house.sealer) for row in rows]
        return versions, tables.select_labels(connection, parameter.parameter_id)

    versions, labels = await call.read(read)
    shown: list[dict[str, Any]] = []
    for version in versions[:limit]:
        value = await value_of(call, parameter, version, with_decryption=bool(params.get("WithDecryption")))
        of_version = [label for label, number in labels.items() if number == version.number]
        shown.append(without_value(parameter, version) | {"Value": value, "Labels": of_version})
    answer: Answer = {"Parameters": shown}
    if len(versions) > limit:
        answer["NextToken"] = next_token(call, str(versions[limit - 1].number))
    return answer
