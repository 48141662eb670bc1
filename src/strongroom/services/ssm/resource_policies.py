"""Resource policies of parameters, by which other accounts may read advanced ones.

Sources: AWS Systems Manager API Reference, PutResourcePolicy, GetResourcePolicies, DeleteResourcePolicy; User Guide,
"Working with shared parameters in Parameter Store". A parameter has one policy here; AWS's limit of one is that of
OpsItemGroup.
"""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from strongroom.base.arn import parse_arn
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, Needs, operation
from strongroom.policy.document import PolicyKind, parse
from strongroom.policy.errors import PolicySyntaxError
from strongroom.policy.statement import Effect, Statement
from strongroom.services.ssm import errors, tables
from strongroom.services.ssm.access import find_named, on_parameter
from strongroom.services.ssm.parameter_directory import parameter_cache_name
from strongroom.services.ssm.parameters import ADVANCED, SECURE_STRING, Parameter
from strongroom.services.ssm.service import SSM
from strongroom.services.ssm.values import DEFAULT_KEY
from strongroom.storage.connection import Connection

POLICY_BYTES_MAX = 1_024
POLICIES_PER_PARAMETER_MAX = 1
_RESOURCE = "ResourceArn"
_SHAREABLE = ("describeparameters", "getparameter", "getparameters", "getparameterhistory")
"""What other accounts can do with a parameter: AWS Resource Access Manager, "Managed permissions"."""


def policy_hash(text: str) -> str:
    """Return what tells one text of a policy from another."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _on_resource(action: str) -> Needs:
    async def needs(call: Call) -> Sequence[Requirement]:
        arn = parse_arn(call.params[_RESOURCE])
        if arn is None or arn.service != "ssm" or not arn.resource.startswith("parameter/"):
            raise errors.invalid_policy_parameter(
                _RESOURCE, "The resource has to be the ARN of a parameter: Strongroom keeps policies of no other."
            )
        wanted, parameter = await find_named(call, call.params[_RESOURCE])
        if wanted.selector is not None:
            raise errors.invalid_policy_parameter(_RESOURCE, "A policy is about a parameter, and not about a version.")
        call.target = parameter
        return (on_parameter(wanted, parameter, action),)

    return needs


def _shared(call: Call) -> Parameter:
    """Return the parameter that a call is about. Raises ResourceNotFoundException."""
    parameter: Parameter | None = call.target
    if parameter is None:
        raise errors.shared_resource_not_found()
    return parameter


def _check_document(text: str, arn: str) -> None:
    """Raise MalformedResourcePolicyDocumentException for what can't be a parameter's policy."""
    try:
        document = parse(text, PolicyKind.RESOURCE)
    except PolicySyntaxError as error:
        raise errors.malformed_resource_policy(str(error)) from None
    for statement in document.statements:
        if statement.not_resources or not all(fnmatchcase(arn, _literal(each)) for each in statement.resources):
            raise errors.malformed_resource_policy("the resource of a statement is not the parameter.")
        if statement.effect is Effect.ALLOW:
            _check_allowance(statement)


def _check_allowance(statement: Statement) -> None:
    principals = statement.principals
    if principals is None or principals.everyone or principals.negated:
        raise errors.malformed_resource_policy("a parameter can't be shared with everybody.")
    actions = [action.lower() for action in statement.actions]
    if statement.not_actions or any(action not in [f"ssm:{each}" for each in _SHAREABLE] for action in actions):
        raise errors.malformed_resource_policy(
            "a parameter can be shared for ssm:DescribeParameters, ssm:GetParameter, ssm:GetParameters and "
            "ssm:GetParameterHistory only."
        )


def _literal(pattern: str) -> str:
    # A bracket in a policy's pattern means itself.
    return pattern.replace("[", "[[]")


@operation(SSM, "PutResourcePolicy", needs=_on_resource("ssm:PutResourcePolicy"))
async def put_resource_policy(call: Call) -> Answer:
    """Share a parameter, or change how it is shared. Source: API Reference, PutResourcePolicy."""
    parameter, params = _shared(call), call.params
    text: str = params["Policy"]
    if len(text.encode("utf-8", "surrogatepass")) > POLICY_BYTES_MAX:
        raise errors.resource_policy_limit(
            POLICY_BYTES_MAX, "PolicySize", f"A policy can't be greater than {POLICY_BYTES_MAX} bytes in size."
        )
    _check_document(text, parameter.arn)
    given = params.get("PolicyId"), params.get("PolicyHash")

    def change(row: Any) -> tuple[Mapping[str, Any], Answer]:
        if row.tier != ADVANCED:
            raise errors.invalid_policy_parameter(_RESOURCE, "To share a parameter, it must be in the advanced tier.")
        if row.type == SECURE_STRING and row.details["key_id"].endswith(DEFAULT_KEY):
            raise errors.invalid_policy_parameter(
                _RESOURCE, "To share a SecureString parameter, it must be encrypted with a customer managed key."
            )
        if given == (None, None):
            if row.resource_policy_id is not None:
                raise errors.resource_policy_limit(
                    POLICIES_PER_PARAMETER_MAX, "PolicyCount", "The parameter has a policy already."
                )
            policy_id = str(uuid.uuid4())
        else:
            _require_current(row, *given)
            policy_id = row.resource_policy_id
        answer = {"PolicyId": policy_id, "PolicyHash": policy_hash(text)}
        return {"resource_policy_id": policy_id, "resource_policy": text}, answer

    return await _change(call, parameter, change)


def _require_current(row: Any, policy_id: str | None, given_hash: str | None) -> None:
    """Raise unless id and hash are those of the policy that is there."""
    if policy_id is None or row.resource_policy_id != policy_id:
        raise errors.resource_policy_not_found()
    if given_hash != policy_hash(row.resource_policy):
        raise errors.resource_policy_conflict()


async def _change(call: Call, parameter: Parameter, change: Any) -> Answer:
    place = (parameter.account_id, parameter.region, parameter.name)

    def write(connection: Connection) -> Answer:
        row = tables.select_parameter(connection, *place)
        if row is None or row.parameter_id != parameter.parameter_id:
            raise errors.shared_resource_not_found()
        values, answer = change(row)
        tables.update_parameter(connection, row.parameter_id, values)
        given: Answer = answer
        return given

    return await call.write(write, invalidates=(parameter_cache_name(*place),))


@operation(SSM, "GetResourcePolicies", needs=_on_resource("ssm:GetResourcePolicies"), reads_only=True)
async def get_resource_policies(call: Call) -> Answer:
    """Return the policy of a parameter, if it has one. Source: API Reference, GetResourcePolicies."""
    parameter = _shared(call)
    if call.params.get("NextToken"):
        raise errors.invalid_policy_parameter("NextToken", "The token is not valid.")
    if parameter.policy_text is None:
        return {"Policies": []}
    text = parameter.policy_text
    return {"Policies": [{"PolicyId": parameter.policy_id, "PolicyHash": policy_hash(text), "Policy": text}]}


@operation(SSM, "DeleteResourcePolicy", needs=_on_resource("ssm:DeleteResourcePolicy"))
async def delete_resource_policy(call: Call) -> Answer:
    """Share a parameter no more. Source: AWS Systems Manager API Reference, DeleteResourcePolicy."""
    parameter, params = _shared(call), call.params

    def change(row: Any) -> tuple[Mapping[str, Any], Answer]:
        _require_current(row, params["PolicyId"], params["PolicyHash"])
        return {"resource_policy_id": None, "resource_policy": None}, {}

    return await _change(call, parameter, change)
