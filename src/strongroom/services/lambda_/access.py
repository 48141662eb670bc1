"""What Lambda operations need: which action on which function, decided with the function's resource policy.

Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Lambda"; AWS Lambda Developer
Guide, "Resource-based IAM policies in Lambda".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from strongroom.operations.authorize import ConditionValue, Requirement
from strongroom.operations.call import Call
from strongroom.operations.conditions import tag_value
from strongroom.operations.registry import Needs
from strongroom.services.lambda_ import errors
from strongroom.services.lambda_.function import Function
from strongroom.services.lambda_.function_directory import FunctionDirectory
from strongroom.services.lambda_.function_name import FunctionName, read_function_name
from strongroom.services.lambda_.function_version import FunctionVersion

_RESOURCE_TAGS = "aws:resourcetag/"


@dataclass(frozen=True, slots=True)
class NamedFunction:
    """How a request names a function, and the function, None when there is none. The target of a call."""

    named: FunctionName
    function: Function | None

    def existing(self) -> Function:
        """Return the function. Raises ResourceNotFoundException when there is none."""
        if self.function is None:
            raise errors.no_such_function(self.named.qualified_arn)
        return self.function


def _text(member: str) -> Callable[[Call], ConditionValue]:
    return lambda call: call.params.get(member) or None


def _vpc(member: str) -> Callable[[Call], ConditionValue]:
    return lambda call: list((call.params.get("VpcConfig") or {}).get(member) or ()) or None


_OF_REQUEST: Mapping[str, Callable[[Call], ConditionValue]] = {
    "lambda:principal": _text("Principal"),
    "lambda:functionurlauthtype": _text("FunctionUrlAuthType"),
    "lambda:eventsourcetoken": _text("EventSourceToken"),
    "lambda:invokedviafunctionurl": lambda call: call.params.get("InvokedViaFunctionUrl"),
    "lambda:codesigningconfigarn": _text("CodeSigningConfigArn"),
    "lambda:layer": lambda call: list(call.params.get("Layers") or ()) or None,
    "lambda:subnetids": _vpc("SubnetIds"),
    "lambda:securitygroupids": _vpc("SecurityGroupIds"),
}


class FunctionConditions:
    """The condition values of one call about one function, worked out when a policy asks for them.

    `tags` are those of the function: the ones that it is made with, when it does not exist yet. `vpc_ids` are of the
    VPC that the request puts it in.
    """

    __slots__ = ("_arn", "_call", "_tags", "_vpc_ids")

    def __init__(self, call: Call, arn: str, tags: Mapping[str, str], vpc_ids: Sequence[str] = ()) -> None:
        self._call = call
        self._arn = arn
        self._tags = tags
        self._vpc_ids = vpc_ids

    def __call__(self, name: str) -> ConditionValue:
        """Return the value of a condition key, named in lower case, or None when the request has none."""
        of_request = _OF_REQUEST.get(name)
        if of_request is not None:
            return of_request(self._call)
        if name == "lambda:functionarn":
            return self._arn or None
        if name == "lambda:vpcids":
            return list(self._vpc_ids) or None
        if name.startswith(_RESOURCE_TAGS):
            return tag_value(self._tags, name[len(_RESOURCE_TAGS) :])
        return None


def on_function(call: Call, named: FunctionName, function: Function | None, action: str) -> Requirement:
    """Return the requirement of an action on a function, one of its versions or an alias, there or not.

    Whether another account's function exists, a refusal does not tell.
    """
    resource = named.qualified_arn
    own = named.account_id == call.account_id
    refusal = None if own else errors.denied_elsewhere(call.caller.arn, action, resource)
    if function is None:
        return Requirement(
            action=action,
            resource=resource,
            account_id=named.account_id,
            conditions=FunctionConditions(call, named.arn, {}),
            refusal=refusal,
        )
    return Requirement(
        action=action,
        resource=resource,
        account_id=function.account_id,
        policy=function.policy_of(named.qualifier),
        conditions=FunctionConditions(call, function.arn, function.tags),
        audited=function.audited(resource),
        refusal=refusal,
        remembered=function.decisions_of(named.qualifier),
    )


async def find_function(call: Call, text: str, qualifier: str | None = None) -> NamedFunction:
    """Return the function that a request names. Raises as `read_function_name` does."""
    named = read_function_name(text, qualifier, call.account_id, call.region)
    function = await call.house.part(FunctionDirectory).find(named.account_id, named.region, named.name)
    return NamedFunction(named, function)


def about_function(*actions: str) -> Needs:
    """Declare an operation about what `FunctionName` and `Qualifier` name, which needs all of some actions.

    `call.target` is a NamedFunction.
    """

    async def needs(call: Call) -> Sequence[Requirement]:
        target = call.target = await find_function(call, call.params["FunctionName"], call.params.get("Qualifier"))
        return tuple(on_function(call, target.named, target.function, action) for action in actions)

    return needs


def account_wide(*actions: str) -> Needs:
    """Declare an operation on the account as a whole."""

    async def needs(call: Call) -> Sequence[Requirement]:
        conditions = FunctionConditions(call, "", {})
        return tuple(
            Requirement(action=action, resource="*", account_id=call.account_id, conditions=conditions)
            for action in actions
        )

    return needs


def existing(call: Call) -> Function:
    """Return the function that the request names. Raises ResourceNotFoundException when there is none."""
    target: NamedFunction = call.target
    return target.existing()


async def existing_version(call: Call) -> FunctionVersion:
    """Return the version that the request names, an alias's first. Raises ResourceNotFoundException."""
    target: NamedFunction = call.target
    function, qualifier = target.existing(), target.named.qualifier
    directory = call.house.part(FunctionDirectory)
    alias = function.aliases.get(qualifier)
    if alias is not None:
        found = await directory.version(function, alias.number)
    else:
        found = await directory.behind(function, qualifier)
    if found is None:
        raise errors.no_such_function(target.named.qualified_arn)
    return found
