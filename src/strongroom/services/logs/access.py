"""What CloudWatch Logs operations need: which action on which log group or stream.

A log group is asked for as `log-group:NAME:log-stream:`, which is what AWS names in its refusals, so that policies for
`log-group:NAME:*` speak of it; tags are an exception, they belong to `log-group:NAME`. Actions of the account as a
whole are asked for on the log group without a name, for the policies that say `arn:aws:logs:*:*:*`. Resource policies
speak for AWS services alone.

Sources: Service Authorization Reference, "Actions, resources, and condition keys for Amazon CloudWatch Logs"; Amazon
CloudWatch Logs User Guide, "CloudWatch Logs resources and operations"; API Reference, PutResourcePolicy.
"""

from collections.abc import Callable, Mapping, Sequence

from strongroom.operations.authorize import ConditionValue, Requirement, is_allowed
from strongroom.operations.call import Call
from strongroom.operations.conditions import tag_value
from strongroom.operations.registry import Needs
from strongroom.policy.principal import PrincipalKind
from strongroom.services.logs import errors
from strongroom.services.logs.groups.directory import Group, GroupDirectory, Place, place_of

_RESOURCE_TAG = "aws:resourcetag/"


def _conditions(tags: Mapping[str, str]) -> Callable[[str], ConditionValue]:
    def condition(name: str) -> ConditionValue:
        return tag_value(tags, name[len(_RESOURCE_TAG) :]) if name.startswith(_RESOURCE_TAG) else None

    return condition


async def on_group(
    call: Call, place: Place, action: str, *, stream: str | None = "", group: Group | None = None
) -> Requirement:
    """Return the requirement of an action on a log group, or on a stream of it; None as stream names the bare group."""
    group = group or await call.house.part(GroupDirectory).find(place)
    policy = None
    if call.caller.principal.kind is PrincipalKind.SERVICE:
        policy = await call.house.part(GroupDirectory).policy_for_services(place, group)
    return Requirement(
        action=action,
        resource=place.arn if stream is None else f"{place.arn}:log-stream:{stream}",
        account_id=place.account_id,
        policy=policy,
        conditions=_conditions(group.tags) if group is not None else None,
        audited=place.audited,
    )


def named_place(call: Call) -> Place:
    """Return the place of the log group that a request names, by `logGroupName` or by `logGroupIdentifier`.

    Raises ValidationException when it names one in both ways, or in none.
    """
    name, identifier = call.params.get("logGroupName"), call.params.get("logGroupIdentifier")
    if name is not None and identifier is not None:
        raise errors.name_and_identifier()
    if name is None and identifier is None:
        raise errors.no_group_named()
    return place_of(call.account_id, call.region, name if name is not None else identifier or "")


def of_group(action: str) -> Needs:
    """Declare an operation on the log group that the request names; `call.target` becomes the group, or None."""

    async def needs(call: Call) -> Sequence[Requirement]:
        place = named_place(call)
        call.target = await call.house.part(GroupDirectory).find(place)
        return [await on_group(call, place, each, group=call.target) for each in with_unmask(call, action)]

    return needs


def with_unmask(call: Call, action: str) -> Sequence[str]:
    """Return an action, and logs:Unmask beside it where the request wants to see what data protection would mask."""
    return (action, "logs:Unmask") if call.params.get("unmask") else (action,)


def of_stream(action: str) -> Needs:
    """Declare an operation on the log stream that the request names; `call.target` becomes its group, or None."""

    async def needs(call: Call) -> Sequence[Requirement]:
        place = named_place(call)
        stream: str = call.params["logStreamName"]
        if len(stream) > 512:
            raise errors.name_too_long()
        call.target = await call.house.part(GroupDirectory).find(place)
        requirement = await on_group(call, place, action, stream=stream, group=call.target)
        others = [await on_group(call, place, each, group=call.target) for each in with_unmask(call, action)[1:]]
        return (requirement, *others)

    return needs


def account_wide(action: str) -> Needs:
    """Declare an operation on the account as a whole."""

    async def needs(call: Call) -> Sequence[Requirement]:
        nameless = Place(call.account_id, call.region, "")
        return (Requirement(action=action, resource=f"{nameless.arn}:log-stream:", account_id=call.account_id),)

    return needs


async def creation(call: Call) -> Sequence[Requirement]:
    """Name what CreateLogGroup must be allowed: tags want a permission of their own, by either of two names."""
    place = named_place(call)
    requirements = [await on_group(call, place, "logs:CreateLogGroup")]
    if call.params.get("tags"):
        old, new = [await on_group(call, place, action) for action in ("logs:TagLogGroup", "logs:TagResource")]
        requirements.append(old if is_allowed(call, old) else new)
    return requirements


def existing_group(call: Call) -> Group:
    """Return the log group that a call is about. Raises ResourceNotFoundException when there is none."""
    group: Group | None = call.target
    if group is None:
        raise errors.no_such_group()
    return group
