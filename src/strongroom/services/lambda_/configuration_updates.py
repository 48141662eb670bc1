"""UpdateFunctionConfiguration. Source: AWS Lambda API Reference, UpdateFunctionConfiguration; recorded answers."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.lambda_ import tables
from strongroom.services.lambda_.access import FunctionConditions, NamedFunction, find_function, on_function
from strongroom.services.lambda_.change import change_function, require_latest, require_revision, require_unchanged
from strongroom.services.lambda_.code import discard
from strongroom.services.lambda_.configuration import shown_configuration
from strongroom.services.lambda_.environment import (
    checked_variables,
    configuring,
    open_as_caller,
    seal_variables,
    shown_environment,
)
from strongroom.services.lambda_.environment_grants import grant_to_role
from strongroom.services.lambda_.execution_role import assumable_role, passing
from strongroom.services.lambda_.function import Function
from strongroom.services.lambda_.function_version import FunctionVersion
from strongroom.services.lambda_.layers.tables import purge_deleted, uses_of_function
from strongroom.services.lambda_.layers.used_layers import (
    check_unzipped_size,
    named_layers,
    put_layers,
    requirements_of_layers,
)
from strongroom.services.lambda_.quotas import own_quota
from strongroom.services.lambda_.service import LAMBDA
from strongroom.services.lambda_.settings import updated_settings
from strongroom.services.lambda_.version_rows import version_values
from strongroom.services.lambda_.vpc_config import vpc_ids_of, with_vpc
from strongroom.storage.connection import Connection


async def _needs(call: Call) -> Sequence[Requirement]:
    target = call.target = await find_function(call, call.params["FunctionName"])
    update = on_function(call, target.named, target.function, "lambda:UpdateFunctionConfiguration")
    if call.params.get("VpcConfig"):
        tags = target.function.tags if target.function is not None else {}
        update.conditions = FunctionConditions(call, target.named.arn, tags, await vpc_ids_of(call, target.named))
    needed = [update]
    if call.params.get("Role") is not None:
        needed.append(passing(call, call.params["Role"], target.named.arn))
    return [*needed, *await requirements_of_layers(call)]


@operation(LAMBDA, "UpdateFunctionConfiguration", needs=_needs, quota=own_quota("UpdateFunctionConfiguration"))
async def update_function_configuration(call: Call) -> Answer:
    """Change settings of a function; what a request says nothing of stays."""
    target: NamedFunction = call.target
    function, params = target.existing(), call.params
    require_latest(target.named.qualifier)
    require_revision(params.get("RevisionId"), function.latest.revision_id)
    variables = checked_variables(params)
    settings = updated_settings(function.latest.settings, params, function.name)
    if params.get("Role") is not None:
        await assumable_role(call, params["Role"], function.arn)
    settings = await with_vpc(call, target.named, settings, params.get("Role"))
    layers = await named_layers(call)
    changed = replace(
        function.latest,
        settings=settings,
        layers=function.latest.layers if layers is None else layers,
        modified_at=call.now,
        revision_id=str(uuid.uuid4()),
    )
    check_unzipped_size(changed.code, changed.layers)
    changed = await _with_variables(call, function, changed, variables)
    grant = await _grant(call, function, changed)
    environment = {"Variables": variables} if variables is not None else await shown_environment(call, changed)
    return await _write(call, function, changed, grant, environment)


async def _with_variables(
    call: Call, function: Function, changed: FunctionVersion, variables: dict[str, str] | None
) -> FunctionVersion:
    """Return a version with the variables that a request brings, or those it has, under the key that it has now."""
    before = function.latest
    if variables is None:
        if before.variables is None or before.kms_key_arn == changed.kms_key_arn:
            return changed
        try:
            variables = await open_as_caller(call, before)
        except AwsError as error:
            raise configuring(error, "Decrypt") from None
    return replace(changed, variables=await seal_variables(call, function.arn, variables, changed.kms_key_arn))


async def _grant(call: Call, function: Function, changed: FunctionVersion) -> dict[str, Any] | None:
    """Return the row of a new grant, where the function's role needs one for variables, key or role that changed."""
    before = function.latest
    if changed.variables is None or changed.kms_key_arn is None:
        return None
    if changed.variables is before.variables and changed.role_arn == before.role_arn and "Role" not in call.params:
        return None
    role = await assumable_role(call, changed.role_arn, function.arn)
    return await grant_to_role(call, function.arn, function.name, changed.variables, role)


async def _write(
    call: Call,
    function: Function,
    changed: FunctionVersion,
    grant: dict[str, Any] | None,
    environment: dict[str, Any] | None,
) -> Answer:
    blobs: list[str] = []

    def change(connection: Connection, current: Function) -> Answer:
        blobs.clear()
        require_revision(call.params.get("RevisionId"), current.latest.revision_id)
        require_unchanged(function, current)
        uses = uses_of_function(connection, current.arn)
        values = version_values(changed, tables.LATEST_NUMBER, changed.revision_id)
        tables.update_version(connection, current.arn, tables.LATEST_NUMBER, values)
        put_layers(connection, current.arn, tables.LATEST_NUMBER, changed.layers)
        blobs.extend(purge_deleted(connection, uses))
        if grant is not None:
            tables.put_grant(connection, grant)
        return shown_configuration(changed, environment, current.arn)

    answer = await change_function(call, function, change)
    await discard(call.house, blobs)
    return answer
