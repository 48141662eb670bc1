"""What CloudTrail operations need: which action on which trail, or on the account as a whole.

Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS CloudTrail".
"""

from collections.abc import Mapping, Sequence

from strongroom.operations.authorize import ConditionValue, Requirement
from strongroom.operations.call import Call
from strongroom.operations.conditions import tag_value
from strongroom.operations.registry import Needs
from strongroom.operations.trail import Resource
from strongroom.services.cloudtrail import tables
from strongroom.services.cloudtrail.trails import Trail, TrailName, as_trail, trail_named

RESOURCE_TYPE = "AWS::CloudTrail::Trail"
_RESOURCE_TAG = "aws:resourcetag/"


def account_wide(action: str) -> Needs:
    """Declare an operation on the account as a whole."""

    async def needs(call: Call) -> Sequence[Requirement]:
        return (Requirement(action=action, resource="*", account_id=call.account_id),)

    return needs


def on_trail_named(action: str, name: TrailName, tags: Mapping[str, str], *, is_there: bool = True) -> Requirement:
    """Return the requirement of an action on a trail, there or not."""

    def condition(key: str) -> ConditionValue:
        return tag_value(tags, key[len(_RESOURCE_TAG) :]) if key.startswith(_RESOURCE_TAG) else None

    return Requirement(
        action=action,
        resource=name.arn,
        account_id=name.account_id,
        conditions=condition,
        audited=Resource(name.arn, name.account_id, RESOURCE_TYPE) if is_there else None,
    )


async def find_trail(call: Call, name: TrailName) -> Trail | None:
    """Return a trail by its full name, or None."""
    row = await call.read(lambda connection: tables.select_trail(connection, name))
    return as_trail(row) if row is not None else None


def on_trail(action: str, member: str = "Name") -> Needs:
    """Declare an operation on the trail that the request names, by name or ARN, there or not.

    `call.target` is its full name, and the trail or None.
    """

    async def needs(call: Call) -> Sequence[Requirement]:
        name = trail_named(call, call.params.get(member) or "")
        trail = await find_trail(call, name)
        call.target = (name, trail)
        tags = trail.tags if trail is not None else {}
        return (on_trail_named(action, name, tags, is_there=trail is not None),)

    return needs
