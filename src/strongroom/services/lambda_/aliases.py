"""Aliases: names for versions, that can be moved from one to the next all at once or by and by.

Source: AWS Lambda API Reference, CreateAlias, UpdateAlias, GetAlias, ListAliases, DeleteAlias; recorded answers.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.lambda_ import errors, tables
from strongroom.services.lambda_.access import about_function, existing
from strongroom.services.lambda_.change import change_function
from strongroom.services.lambda_.function import Alias, Function
from strongroom.services.lambda_.function_name import LATEST, is_number, qualified
from strongroom.services.lambda_.paging import page_size, paged, position
from strongroom.services.lambda_.quotas import own_quota
from strongroom.services.lambda_.service import LAMBDA
from strongroom.storage.connection import Connection

NUMBER_DIGITS_MAX = 9


def _shown(function: Function, alias: Alias) -> Answer:
    shown: Answer = {
        "AliasArn": qualified(function.arn, alias.name),
        "Name": alias.name,
        "FunctionVersion": LATEST if alias.number == tables.LATEST_NUMBER else str(alias.number),
        "Description": alias.description,
        "RevisionId": alias.revision_id,
    }
    if alias.weights:
        shown["RoutingConfig"] = {"AdditionalVersionWeights": dict(alias.weights)}
    return shown


def _no_such_alias(function: Function, name: str) -> Exception:
    return errors.not_found(f"Cannot find alias arn: {qualified(function.arn, name)}")


def _existing_alias(function: Function, name: str) -> Alias:
    alias = function.aliases.get(name)
    if alias is None:
        raise _no_such_alias(function, name)
    return alias


def _number_of(connection: Connection, function: Function, text: str) -> int:
    """Return the number of a version that is there. Raises ResourceNotFoundException for one that is not."""
    if text == LATEST:
        return tables.LATEST_NUMBER
    number = int(text) if is_number(text) and len(text) <= NUMBER_DIGITS_MAX else 0
    if number == 0 or tables.select_version(connection, function.arn, number) is None:
        raise errors.no_such_function(qualified(function.arn, text))
    return number


def _weights_of(
    connection: Connection, function: Function, number: int, routing: Mapping[str, Any] | None
) -> dict[str, float]:
    """Return the weights of a RoutingConfig for an alias of a version.

    Raises InvalidParameterValueException and ResourceNotFoundException.
    """
    weights: Mapping[str, float] = (routing or {}).get("AdditionalVersionWeights") or {}
    if len(weights) > 1:
        raise errors.invalid_parameter("Number of items in AdditionalVersionWeights cannot be greater than 1")
    if weights and number == tables.LATEST_NUMBER:
        raise errors.invalid_parameter("$LATEST is not supported for an alias pointing to more than 1 version")
    for text in weights:
        if _number_of(connection, function, text) == number:
            raise errors.invalid_parameter(
                f"Invalid function version {text}. Function version {text} is already included in routing "
                "configuration."
            )
    return {str(int(text)): float(weight) for text, weight in weights.items()}


def _values(function: Function, alias: Alias) -> dict[str, Any]:
    return {"arn": function.arn, **alias._asdict(), "weights": dict(alias.weights) or None}


def _checked_description(text: str) -> str:
    if "\0" in text:
        raise errors.invalid_parameter("Description must not contain the null character.")
    return text


@operation(LAMBDA, "CreateAlias", needs=about_function("lambda:CreateAlias"), quota=own_quota("CreateAlias"))
async def create_alias(call: Call) -> Answer:
    """Give a version a name."""
    params = call.params
    name, description = params["Name"], _checked_description(params.get("Description") or "")
    function = _named_function(call, params["FunctionVersion"])

    def change(connection: Connection, current: Function) -> Answer:
        number = _number_of(connection, current, params["FunctionVersion"])
        if name in current.aliases:
            raise errors.conflict(f"Alias already exists: {qualified(current.arn, name)}")
        weights = _weights_of(connection, current, number, params.get("RoutingConfig"))
        alias = Alias(name, number, description, weights, str(uuid.uuid4()))
        tables.put_alias(connection, _values(current, alias))
        return _shown(current, alias)

    return await change_function(call, function, change)


def _named_function(call: Call, version: str) -> Function:
    """Return the function. A refusal names the version that the alias was to be of, as AWS does."""
    if call.target.function is None:
        raise errors.no_such_function(qualified(call.target.named.arn, version))
    return existing(call)


@operation(LAMBDA, "UpdateAlias", needs=about_function("lambda:UpdateAlias"), quota=own_quota("UpdateAlias"))
async def update_alias(call: Call) -> Answer:
    """Move an alias to another version, or change its weights or description; what is not told stays."""
    params, function = call.params, existing(call)

    def change(connection: Connection, current: Function) -> Answer:
        alias = _existing_alias(current, params["Name"])
        if params.get("RevisionId") is not None and params["RevisionId"] != alias.revision_id:
            raise errors.revision_changed("GetFunction/GetAlias")
        number = alias.number
        if params.get("FunctionVersion") is not None:
            number = _number_of(connection, current, params["FunctionVersion"])
        routing = params.get("RoutingConfig")
        if routing is None:
            routing = {"AdditionalVersionWeights": dict(alias.weights)}
        changed = alias._replace(
            number=number,
            weights=_weights_of(connection, current, number, routing),
            description=_checked_description(params.get("Description", alias.description)),
            revision_id=str(uuid.uuid4()),
        )
        tables.put_alias(connection, _values(current, changed))
        return _shown(current, changed)

    return await change_function(call, function, change)


@operation(LAMBDA, "GetAlias", needs=about_function("lambda:GetAlias"), quota=own_quota("GetAlias"), reads_only=True)
async def get_alias(call: Call) -> Answer:
    """Return what an alias leads to."""
    function = existing(call)
    return _shown(function, _existing_alias(function, call.params["Name"]))


@operation(
    LAMBDA, "ListAliases", needs=about_function("lambda:ListAliases"), quota=own_quota("ListAliases"), reads_only=True
)
async def list_aliases(call: Call) -> Answer:
    """List the aliases of a function, or of one of its versions, by name."""
    function, begin = existing(call), position(call) or ""
    version = call.params.get("FunctionVersion")
    number = None
    if version is not None:
        number = tables.LATEST_NUMBER if version == LATEST else int(version)
    found = [
        alias
        for name, alias in sorted(function.aliases.items())
        if name > begin and (number is None or number == alias.number or str(number) in alias.weights)
    ]
    aliases, next_page = paged(call, found[: page_size(call) + 1], lambda alias: alias.name)
    return {"Aliases": [_shown(function, alias) for alias in aliases], **next_page}


@operation(LAMBDA, "DeleteAlias", needs=about_function("lambda:DeleteAlias"), quota=own_quota("DeleteAlias"))
async def delete_alias(call: Call) -> Answer:
    """Take a name away, with its policy and configuration; no change when there is none."""
    function, name = existing(call), call.params["Name"]

    def change(connection: Connection, current: Function) -> Answer:
        tables.delete_alias(connection, current.arn, name)
        return {}

    return await change_function(call, function, change)
