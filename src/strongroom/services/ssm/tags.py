"""Tags of parameters, and the operations on them.

Source: AWS Systems Manager API Reference, AddTagsToResource, RemoveTagsFromResource, ListTagsForResource.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, Needs, operation
from strongroom.services.ssm import errors, tables
from strongroom.services.ssm.access import find_plain, on_parameter
from strongroom.services.ssm.parameter_directory import parameter_cache_name
from strongroom.services.ssm.parameters import Parameter
from strongroom.services.ssm.service import SSM
from strongroom.storage.connection import Connection

TAGS_MAX = 50
_PARAMETER = "Parameter"


def checked_tags(listed: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return tags as a mapping. Raises ValidationException for duplicates and the reserved prefix, TooManyTagsError."""
    tags = {tag["Key"]: tag["Value"] for tag in listed}
    if len(tags) != len(listed):
        raise errors.validation("Duplicate tag keys found.")
    if any(key.lower().startswith("aws:") for key in tags):
        raise errors.validation("Tag keys that begin with aws: are reserved.")
    if len(tags) > TAGS_MAX:
        raise errors.too_many_tags()
    return tags


def _of_tagged(action: str) -> Needs:
    async def needs(call: Call) -> Sequence[Requirement]:
        kind = call.params["ResourceType"]
        if kind != _PARAMETER:
            raise errors.unserved(f"tags of the resource type {kind}")
        wanted, parameter = await find_plain(call, call.params["ResourceId"])
        call.target = parameter
        return (on_parameter(wanted, parameter, action),)

    return needs


def _tagged(call: Call) -> Parameter:
    """Return the parameter that a call is about. Raises InvalidResourceId when there is none."""
    parameter: Parameter | None = call.target
    if parameter is None:
        raise errors.invalid_resource_id()
    return parameter


async def _change_tags(call: Call, added: Mapping[str, str], removed: Sequence[str]) -> Answer:
    parameter = _tagged(call)
    place = (parameter.account_id, parameter.region, parameter.name)

    def write(connection: Connection) -> Answer:
        row = tables.select_parameter(connection, *place)
        if row is None or row.parameter_id != parameter.parameter_id:
            raise errors.invalid_resource_id()
        tags: dict[str, Any] = {**row.tags, **added}
        if len(tags) > TAGS_MAX:
            raise errors.too_many_tags()
        kept = {key: value for key, value in tags.items() if key not in removed}
        tables.update_parameter(connection, row.parameter_id, {"tags": kept})
        return {}

    return await call.write(write, invalidates=(parameter_cache_name(*place),))


@operation(SSM, "AddTagsToResource", needs=_of_tagged("ssm:AddTagsToResource"))
async def add_tags_to_resource(call: Call) -> Answer:
    """Add or overwrite tags. Source: AWS Systems Manager API Reference, AddTagsToResource."""
    _tagged(call)
    return await _change_tags(call, checked_tags(call.params["Tags"]), ())


@operation(SSM, "RemoveTagsFromResource", needs=_of_tagged("ssm:RemoveTagsFromResource"))
async def remove_tags_from_resource(call: Call) -> Answer:
    """Remove tags; those that are not there are passed over. Source: API Reference, RemoveTagsFromResource."""
    return await _change_tags(call, {}, call.params["TagKeys"])


@operation(SSM, "ListTagsForResource", needs=_of_tagged("ssm:ListTagsForResource"), reads_only=True)
async def list_tags_for_resource(call: Call) -> Answer:
    """List tags in the order of their keys. Source: AWS Systems Manager API Reference, ListTagsForResource."""
    tags = _tagged(call).tags
    return {"TagList": [{"Key": key, "Value": tags[key]} for key in sorted(tags)]}
