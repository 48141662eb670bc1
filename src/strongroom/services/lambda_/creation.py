"""CreateFunction. Source: AWS Lambda API Reference, CreateFunction."""

import uuid
from collections.abc import Sequence
from typing import Any

from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.operations.trail import Resource
from strongroom.services.lambda_ import errors, tables
from strongroom.services.lambda_.access import FunctionConditions, NamedFunction, find_function, on_function
from strongroom.services.lambda_.code import StoredCode, insert_code, store_code, unless_committed
from strongroom.services.lambda_.code_keys import CodeOwner
from strongroom.services.lambda_.configuration import shown_configuration
from strongroom.services.lambda_.environment import checked_variables, seal_variables
from strongroom.services.lambda_.environment_grants import grant_to_role
from strongroom.services.lambda_.execution_role import assumable_role, passing
from strongroom.services.lambda_.function_directory import cache_name
from strongroom.services.lambda_.function_name import NAME_CHARACTERS_MAX
from strongroom.services.lambda_.function_version import RESOURCE_TYPE, FunctionVersion, SealedVariables, UsedLayer
from strongroom.services.lambda_.layers.used_layers import (
    check_unzipped_size,
    named_layers,
    put_layers,
    requirements_of_layers,
)
from strongroom.services.lambda_.quotas import GIGABYTE, STORAGE_QUOTA, own_quota
from strongroom.services.lambda_.service import LAMBDA
from strongroom.services.lambda_.settings import created_settings
from strongroom.services.lambda_.tag_limits import checked_tags
from strongroom.services.lambda_.uploaded_code import REQUEST_BYTES_MAX, uploaded
from strongroom.services.lambda_.version_rows import fingerprint, version_values
from strongroom.services.lambda_.vpc_config import vpc_ids_of, with_vpc
from strongroom.storage.connection import Connection


async def _needs(call: Call) -> Sequence[Requirement]:
    """To create is a permission on the function to be, which has the tags that it is made with, and passes the role."""
    target = call.target = await find_function(call, call.params["FunctionName"])
    named = target.named._replace(qualifier="")
    call.target = NamedFunction(named, target.function)
    create = on_function(call, named, None, "lambda:CreateFunction")
    create.conditions = FunctionConditions(
        call, named.arn, call.params.get("Tags") or {}, await vpc_ids_of(call, named)
    )
    needed = [create, passing(call, call.params["Role"], named.arn)]
    if call.params.get("Tags"):
        needed.append(on_function(call, named, None, "lambda:TagResource"))
    return [*needed, *await requirements_of_layers(call)]


@operation(LAMBDA, "CreateFunction", needs=_needs, quota=own_quota("CreateFunction"), body_bytes_max=REQUEST_BYTES_MAX)
async def create_function(call: Call) -> Answer:
    """Make a function from an archive, and publish its first version if asked to. It can be invoked at once."""
    target: NamedFunction = call.target
    named, params = target.named, call.params
    if len(named.name) > NAME_CHARACTERS_MAX:
        raise errors.invalid_parameter(
            f"1 validation error detected: Value '{named.name}' at 'functionName' failed to satisfy constraint: Member "
            f"must have length less than or equal to {NAME_CHARACTERS_MAX}"
        )
    if target.function is not None:
        raise errors.function_exists(named.name)
    settings = created_settings(params, named.name)
    tags, variables = checked_tags(params.get("Tags") or {}), checked_variables(params)
    role = await assumable_role(call, params["Role"], named.arn)
    settings = await with_vpc(call, named, settings, params["Role"])
    layers = await named_layers(call) or ()
    data = await uploaded(call, params["Code"])
    owner = CodeOwner(named.account_id, named.region, named.arn, params["Code"].get("SourceKMSKeyArn") or None)
    stored = await store_code(call.house, owner, data)
    async with unless_committed(call.house, stored):
        check_unzipped_size(stored.code, layers)
        sealed = await seal_variables(call, named.arn, variables or {}, settings.get("KMSKeyArn"))
        grant = None
        if sealed is not None and settings.get("KMSKeyArn"):
            grant = await grant_to_role(call, named.arn, named.name, sealed, role)
        version = _version(call, target, settings, stored, layers, sealed)
        return await _write(call, version, stored, tags, variables, grant)


def _version(
    call: Call,
    target: NamedFunction,
    settings: dict[str, Any],
    stored: StoredCode,
    layers: tuple[UsedLayer, ...],
    sealed: SealedVariables | None,
) -> FunctionVersion:
    named = target.named
    return FunctionVersion(
        account_id=named.account_id,
        region=named.region,
        name=named.name,
        function_arn=named.arn,
        number=1 if call.params.get("Publish") else tables.LATEST_NUMBER,
        revision_id=str(uuid.uuid4()),
        modified_at=call.now,
        settings=settings,
        code=stored.code,
        layers=layers,
        variables=sealed,
    )


async def _write(
    call: Call,
    version: FunctionVersion,
    stored: StoredCode,
    tags: dict[str, str],
    variables: dict[str, str] | None,
    grant: dict[str, Any] | None,
) -> Answer:
    storage_max = call.house.quotas.most(STORAGE_QUOTA, version.account_id, version.region) * GIGABYTE
    arn = version.function_arn
    call.made = (Resource(arn, version.account_id, RESOURCE_TYPE),)
    numbers = (tables.LATEST_NUMBER, version.number) if version.number else (tables.LATEST_NUMBER,)
    environment = {"Variables": variables} if variables is not None else None

    def write(connection: Connection) -> Answer:
        if tables.select_function(connection, version.account_id, version.region, version.name) is not None:
            raise errors.function_exists(version.name)
        insert_code(connection, stored, storage_max)
        tables.insert_function(
            connection,
            {
                "arn": arn,
                "account_id": version.account_id,
                "region": version.region,
                "name": version.name,
                "created_at": call.now,
                "last_number": version.number,
                "tags": tags or None,
            },
        )
        for number in numbers:
            revision_id = version.revision_id if number == version.number else str(uuid.uuid4())
            frozen = {"PublishedFrom": fingerprint(version)} if number else {}
            tables.insert_version(connection, version_values(version, number, revision_id, frozen))
            put_layers(connection, arn, number, version.layers)
        if grant is not None:
            tables.put_grant(connection, grant)
        return shown_configuration(version, environment, arn)

    return await call.write(write, invalidates=(cache_name(version.account_id, version.region, version.name),))
