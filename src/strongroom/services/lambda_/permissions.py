"""Permissions: who but the account may use a function, a version or an alias, kept as its resource policy.

Source: AWS Lambda API Reference, AddPermission, RemovePermission, GetPolicy; Developer Guide, "Resource-based IAM
policies in Lambda"; recorded answers.
"""

import uuid
from typing import Any

from strongroom.base.arn import partition_of
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.lambda_ import errors, tables
from strongroom.services.lambda_.access import NamedFunction, about_function
from strongroom.services.lambda_.change import change_function
from strongroom.services.lambda_.function import Function
from strongroom.services.lambda_.function_directory import load_version
from strongroom.services.lambda_.function_name import LATEST, is_number, qualified
from strongroom.services.lambda_.policy_statements import (
    as_json,
    pinned,
    principal_element,
    shown,
    with_statement,
    without_statement,
)
from strongroom.services.lambda_.quotas import POLICY_BYTES_QUOTA, own_quota
from strongroom.services.lambda_.service import LAMBDA
from strongroom.storage.connection import Connection

NUMBER_DIGITS_MAX = 9


def _checked_qualifier(target: NamedFunction) -> str:
    if target.named.qualifier.startswith(LATEST):
        raise errors.invalid_parameter("We currently do not support adding policies for $LATEST.")
    return target.named.qualifier


def _revision_of(connection: Connection, function: Function, qualifier: str) -> str:
    """Return the revision of what a policy belongs to. Raises ResourceNotFoundException when it is not there."""
    if not qualifier:
        return function.latest.revision_id
    if is_number(qualifier):
        number = int(qualifier) if len(qualifier) <= NUMBER_DIGITS_MAX else 0
        version = load_version(connection, function, number) if number else None
        if version is None:
            raise errors.no_such_function(qualified(function.arn, qualifier))
        return version.revision_id
    alias = function.aliases.get(qualifier)
    if alias is None:
        if "$" in qualifier:
            raise errors.no_such_function(qualified(function.arn, qualifier))
        raise errors.not_found(f"Cannot find alias arn: {qualified(function.arn, qualifier)}")
    return alias.revision_id


def _set_revision(connection: Connection, function: Function, qualifier: str) -> None:
    """Give what a policy belongs to another revision, since the policy changed."""
    values = {"revision_id": str(uuid.uuid4())}
    if not qualifier or is_number(qualifier):
        tables.update_version(connection, function.arn, int(qualifier or tables.LATEST_NUMBER), values)
    else:
        tables.update_alias(connection, function.arn, qualifier, values)


def _require_revision(call: Call, qualifier: str, current: str) -> None:
    wanted = call.params.get("RevisionId")
    if wanted is not None and wanted != current:
        of_alias = bool(qualifier) and not is_number(qualifier)
        raise errors.revision_changed("GetPolicy" if of_alias else "GetFunction/GetAlias")


def _statement(call: Call, resource: str) -> dict[str, Any]:
    params = call.params
    equals = {
        "AWS:SourceAccount": params.get("SourceAccount"),
        "aws:PrincipalOrgID": params.get("PrincipalOrgID"),
        "lambda:EventSourceToken": params.get("EventSourceToken"),
        "lambda:FunctionUrlAuthType": params.get("FunctionUrlAuthType"),
    }
    conditions: dict[str, Any] = {}
    if any(value is not None for value in equals.values()):
        conditions["StringEquals"] = {key: value for key, value in equals.items() if value is not None}
    if params.get("SourceArn") is not None:
        conditions["ArnLike"] = {"AWS:SourceArn": params["SourceArn"]}
    if params.get("InvokedViaFunctionUrl") is not None:
        conditions["Bool"] = {"lambda:InvokedViaFunctionUrl": str(bool(params["InvokedViaFunctionUrl"])).lower()}
    statement = {
        "Sid": params["StatementId"],
        "Effect": "Allow",
        "Principal": principal_element(params["Principal"], partition_of(call.region)),
        "Action": params["Action"],
        "Resource": resource,
    }
    return {**statement, "Condition": conditions} if conditions else statement


@operation(LAMBDA, "AddPermission", needs=about_function("lambda:AddPermission"), quota=own_quota("AddPermission"))
async def add_permission(call: Call) -> Answer:
    """Let somebody use a function, a version or an alias: a service, an account, an identity, or everybody."""
    target: NamedFunction = call.target
    qualifier = _checked_qualifier(target)
    if target.function is None:
        raise errors.no_such_function(target.named.arn)
    statement = _statement(call, target.named.qualified_arn)
    stored = await pinned(call, statement)
    function = target.function
    most = call.house.quotas.most(POLICY_BYTES_QUOTA, function.account_id, function.region)

    def change(connection: Connection, current: Function) -> Answer:
        revision_id = _revision_of(connection, current, qualifier)
        _require_revision(call, qualifier, revision_id)
        before = current.policies.get(qualifier)
        text = with_statement(before.text if before is not None else None, stored, most)
        tables.put_policy(connection, {"arn": current.arn, "qualifier": qualifier, "policy": text})
        _set_revision(connection, current, qualifier)
        return {"Statement": as_json(statement)}

    return await change_function(call, function, change)


@operation(
    LAMBDA,
    "RemovePermission",
    needs=about_function("lambda:RemovePermission"),
    quota=own_quota("RemovePermission"),
)
async def remove_permission(call: Call) -> Answer:
    """Take a permission away, by its statement id."""
    target: NamedFunction = call.target
    qualifier = target.named.qualifier
    if target.function is None:
        raise errors.not_found(f"No policy found for: {target.named.arn}")
    statement_id = call.params["StatementId"]

    def change(connection: Connection, current: Function) -> Answer:
        if qualifier.startswith(LATEST):
            raise errors.no_policy()
        revision_id = _revision_of(connection, current, qualifier)
        before = current.policies.get(qualifier)
        text = without_statement(before.text if before is not None else None, statement_id)
        _require_revision(call, qualifier, revision_id)
        if text is None:
            tables.delete_policy(connection, current.arn, qualifier)
        else:
            tables.put_policy(connection, {"arn": current.arn, "qualifier": qualifier, "policy": text})
        _set_revision(connection, current, qualifier)
        return {}

    return await change_function(call, target.function, change)


@operation(LAMBDA, "GetPolicy", needs=about_function("lambda:GetPolicy"), quota=own_quota("GetPolicy"), reads_only=True)
async def get_policy(call: Call) -> Answer:
    """Return the resource policy of a function, a version or an alias, and the revision of what it belongs to."""
    target: NamedFunction = call.target
    function, qualifier = target.function, target.named.qualifier
    found = function.policies.get(qualifier) if function is not None else None
    if function is None or found is None:
        raise errors.not_found("The resource you requested does not exist.")
    revision_id = await call.read(lambda connection: _revision_of(connection, function, qualifier))
    return {"Policy": await shown(call, found.text), "RevisionId": revision_id}
