"""Tags of log groups, by the ways that all resources have and by the older ones of log groups.

Source: Amazon CloudWatch Logs API Reference, TagResource, TagLogGroup and their counterparts.
"""

from collections.abc import Sequence
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, Needs, operation
from strongroom.services.logs import errors
from strongroom.services.logs.access import existing_group, of_group, on_group
from strongroom.services.logs.groups.directory import Group, GroupDirectory, place_of
from strongroom.services.logs.groups.settings import change_group
from strongroom.services.logs.service import LOGS

TAGS_MAX = 50


def of_resource(action: str) -> Needs:
    """Declare an operation on the log group whose ARN the request gives; its tags belong to the bare ARN."""

    async def needs(call: Call) -> Sequence[Requirement]:
        arn: str = call.params["resourceArn"]
        if not arn.startswith("arn:"):
            raise errors.invalid_parameter("The specified resourceArn is not an ARN.")
        place = place_of(call.account_id, call.region, arn)
        call.target = await call.house.part(GroupDirectory).find(place)
        return (await on_group(call, place, action, stream=None, group=call.target),)

    return needs


def _require_own_tags(keys: Sequence[str]) -> None:
    if any(key.lower().startswith("aws:") for key in keys):
        raise errors.invalid_parameter("Tag keys that begin with aws: are reserved.")


async def _add(call: Call, group: Group, added: dict[str, str]) -> Answer:
    _require_own_tags(list(added))

    def change(row: Any) -> dict[str, Any]:
        tags = {**row.tags, **added}
        if len(tags) > TAGS_MAX:
            if call.operation.name == "TagResource":
                message = f"The number of tags exceeds {TAGS_MAX}."
                raise AwsError("TooManyTagsException", message, members={"resourceName": group.arn})
            raise errors.invalid_parameter(f"The number of tags exceeds {TAGS_MAX}.")
        return {"tags": tags}

    return await change_group(call, group, change)


async def _remove(call: Call, group: Group, removed: Sequence[str]) -> Answer:
    gone = set(removed)
    return await change_group(
        call, group, lambda row: {"tags": {key: value for key, value in row.tags.items() if key not in gone}}
    )


def _shown(group: Group) -> Answer:
    return {"tags": dict(sorted(group.tags.items()))}


@operation(LOGS, "TagResource", needs=of_resource("logs:TagResource"))
async def tag_resource(call: Call) -> Answer:
    """Add or overwrite tags. Source: API Reference, TagResource."""
    return await _add(call, existing_group(call), call.params["tags"])


@operation(LOGS, "UntagResource", needs=of_resource("logs:UntagResource"))
async def untag_resource(call: Call) -> Answer:
    """Remove tags; those that are not there are passed over. Source: API Reference, UntagResource."""
    return await _remove(call, existing_group(call), call.params["tagKeys"])


@operation(LOGS, "ListTagsForResource", needs=of_resource("logs:ListTagsForResource"), reads_only=True)
async def list_tags_for_resource(call: Call) -> Answer:
    """List tags. Source: API Reference, ListTagsForResource."""
    return _shown(existing_group(call))


@operation(LOGS, "TagLogGroup", needs=of_group("logs:TagLogGroup"))
async def tag_log_group(call: Call) -> Answer:
    """Add or overwrite tags. Source: API Reference, TagLogGroup."""
    return await _add(call, existing_group(call), call.params["tags"])


@operation(LOGS, "UntagLogGroup", needs=of_group("logs:UntagLogGroup"))
async def untag_log_group(call: Call) -> Answer:
    """Remove tags. Source: API Reference, UntagLogGroup."""
    return await _remove(call, existing_group(call), call.params["tags"])


@operation(LOGS, "ListTagsLogGroup", needs=of_group("logs:ListTagsLogGroup"), reads_only=True)
async def list_tags_log_group(call: Call) -> Answer:
    """List tags. Source: API Reference, ListTagsLogGroup."""
    return _shown(existing_group(call))
