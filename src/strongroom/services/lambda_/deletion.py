"""DeleteFunction: a function with all that belongs to it, or one of its versions.

Source: AWS Lambda API Reference, DeleteFunction; recorded answers.
"""

from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.lambda_ import errors, tables
from strongroom.services.lambda_.access import NamedFunction, about_function
from strongroom.services.lambda_.code import discard
from strongroom.services.lambda_.environment_grants import retire_grants
from strongroom.services.lambda_.function import Function
from strongroom.services.lambda_.function_directory import cache_name
from strongroom.services.lambda_.function_name import LATEST, is_number
from strongroom.services.lambda_.layers.tables import purge_deleted, uses_of_function
from strongroom.services.lambda_.quotas import own_quota
from strongroom.services.lambda_.service import LAMBDA
from strongroom.storage.connection import Connection


@operation(LAMBDA, "DeleteFunction", needs=about_function("lambda:DeleteFunction"), quota=own_quota("DeleteFunction"))
async def delete_function(call: Call) -> Answer:
    """Delete a function with its versions, aliases, policies and configurations; or a version that no alias names."""
    target: NamedFunction = call.target
    qualifier = target.named.qualifier
    if qualifier == LATEST:
        raise errors.invalid_parameter("$LATEST version cannot be deleted without deleting the function.")
    if qualifier and not is_number(qualifier):
        raise errors.invalid_parameter("Deletion of aliases is not currently supported.")
    if target.function is None:
        raise errors.no_such_function(target.named.arn)
    function = target.function
    blobs: list[str] = []
    grants: list[Any] = []

    def write(connection: Connection) -> Answer:
        blobs.clear()
        grants[:] = () if qualifier else tables.grants_of(connection, function.arn)
        uses = uses_of_function(connection, function.arn)
        code_ids = tables.codes_of_function(connection, function.arn)
        if qualifier:
            _delete_version(connection, function, qualifier)
        else:
            tables.delete_function(connection, function.arn)
        blobs.extend(tables.delete_unused_codes(connection, code_ids))
        blobs.extend(purge_deleted(connection, uses))
        return {"StatusCode": 204}

    name = cache_name(function.account_id, function.region, function.name)
    answer = await call.write(write, invalidates=(name,))
    await discard(call.house, blobs)
    await retire_grants(call.house, function.latest, grants)
    return answer


def _delete_version(connection: Connection, function: Function, qualifier: str) -> None:
    """Delete a version, if there is one. Raises ResourceConflictException for one that an alias leads to."""
    for alias in tables.aliases_of(connection, function.arn):
        if qualifier in (str(alias.number), *(alias.weights or {})):
            raise errors.conflict(f"Version {qualifier} is referenced by the alias {alias.name}.")
    if len(qualifier) < 10:
        tables.delete_version(connection, function.arn, int(qualifier))
