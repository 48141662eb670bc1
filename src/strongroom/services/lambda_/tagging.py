"""Tags of functions. Source: AWS Lambda API Reference, TagResource, UntagResource, ListTags; recorded answers."""

from collections.abc import Callable, Mapping, Sequence

from strongroom.base.arn import parse_arn
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, Needs, operation
from strongroom.services.lambda_ import errors, tables
from strongroom.services.lambda_.access import NamedFunction, find_function, on_function
from strongroom.services.lambda_.change import change_function
from strongroom.services.lambda_.function import Function
from strongroom.services.lambda_.quotas import own_quota
from strongroom.services.lambda_.service import LAMBDA
from strongroom.services.lambda_.tag_limits import checked_tags
from strongroom.storage.connection import Connection

_KINDS = {
    "event-source-mapping": "Event source mapping",
    "code-signing-config": "Code signing config",
    "capacity-provider": "Capacity provider",
    "layer": "Layer",
}


def about_tagged(action: str) -> Needs:
    """Declare an operation on the function that `Resource` names. `call.target` is a NamedFunction, None for others."""

    async def needs(call: Call) -> Sequence[Requirement]:
        text: str = call.params["Resource"]
        arn = parse_arn(text)
        if arn is None or not arn.resource.startswith("function:"):
            account_id = arn.account_id if arn is not None else call.account_id
            refusal = errors.denied_elsewhere(call.caller.arn, action, text)
            own = account_id == call.account_id
            return (Requirement(action=action, resource=text, account_id=account_id, refusal=None if own else refusal),)
        target = call.target = await find_function(call, text)
        return (on_function(call, target.named, target.function, action),)

    return needs


def _tagged(call: Call) -> Function:
    """Return the function. Raises ResourceNotFoundException, and InvalidParameterValueException for its versions."""
    target: NamedFunction | None = call.target
    text: str = call.params["Resource"]
    if target is None:
        arn = parse_arn(text)
        kind = arn.resource.partition(":")[0] if arn is not None else ""
        raise errors.not_found(f"{_KINDS.get(kind, 'Resource')} not found: {text}")
    if target.named.qualifier:
        raise errors.invalid_parameter(
            "Tags on function aliases and versions are not supported. Please specify a function ARN."
        )
    return target.existing()


async def _change_tags(call: Call, change: Callable[[Mapping[str, str]], dict[str, str]]) -> Answer:
    def write(connection: Connection, current: Function) -> Answer:
        tables.update_function(connection, current.arn, {"tags": checked_tags(change(current.tags)) or None})
        return {}

    return await change_function(call, _tagged(call), write)


@operation(LAMBDA, "TagResource", needs=about_tagged("lambda:TagResource"), quota=own_quota("TagResource"))
async def tag_resource(call: Call) -> Answer:
    """Add tags to a function, in place of those with the same keys."""
    tags: Mapping[str, str] = call.params["Tags"]
    _tagged(call)
    if not tags:
        raise errors.invalid_parameter("An error occurred and the request cannot be processed.")
    checked_tags(tags)
    return await _change_tags(call, lambda before: {**before, **tags})


@operation(LAMBDA, "UntagResource", needs=about_tagged("lambda:UntagResource"), quota=own_quota("UntagResource"))
async def untag_resource(call: Call) -> Answer:
    """Take tags off a function; keys that it does not have are no error."""
    keys = frozenset(call.params["TagKeys"])
    return await _change_tags(call, lambda before: {key: before[key] for key in before if key not in keys})


@operation(LAMBDA, "ListTags", needs=about_tagged("lambda:ListTags"), quota=own_quota("ListTags"), reads_only=True)
async def list_tags(call: Call) -> Answer:
    """Return the tags of a function."""
    return {"Tags": dict(_tagged(call).tags)}
