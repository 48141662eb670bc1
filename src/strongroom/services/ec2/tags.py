"""Tags of resources that are there already. Source: Amazon EC2 API Reference, CreateTags, DeleteTags, DescribeTags."""

from collections.abc import Iterable, Mapping
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.page_position import position_text
from strongroom.operations.registry import Answer
from strongroom.services.ec2 import errors
from strongroom.services.ec2.access import Subject, found, inventory_of
from strongroom.services.ec2.inventory import Inventory, Resource
from strongroom.services.ec2.kinds import KINDS, Kind, kind_of
from strongroom.services.ec2.listing import checked_filters, matches, page_limit, page_start
from strongroom.services.ec2.served import change, ec2_operation
from strongroom.services.ec2.tag_specifications import checked_tags, must_fit
from strongroom.storage.connection import Connection

RESOURCES_MAX = 1_000


def _tagged(kind: Kind) -> Subject:
    def find(inventory: Inventory, params: Mapping[str, Any]) -> Iterable[str]:
        return [resource_id for resource_id in params["Resources"] if kind_of(resource_id) is kind]

    return found(kind, find)


_ANY = tuple(_tagged(kind) for kind in KINDS.values())


def _meant(inventory: Inventory, resource_ids: Iterable[str]) -> list[Resource]:
    """Return resources of any kind. Raises AwsError for one that is not there."""
    resources = []
    for resource_id in dict.fromkeys(resource_ids):
        kind = KINDS.get(resource_id.partition("-")[0])
        if kind is None:
            raise AwsError("InvalidID", f"The ID '{resource_id[:255]}' is not valid")
        resources.append(inventory.get(kind, resource_id))
    return resources


def _must_be_few(resource_ids: list[str]) -> None:
    if not resource_ids:
        raise errors.missing("resourceIdSet")
    if len(resource_ids) > RESOURCES_MAX:
        raise errors.invalid(f"The number of resources exceeds the maximum of {RESOURCES_MAX}.")


@ec2_operation("CreateTags", *_ANY)
async def create_tags(call: Call) -> Answer:
    """Add or overwrite tags. Source: API Reference, CreateTags."""
    params = call.params
    _must_be_few(params["Resources"])
    if not params["Tags"]:
        raise errors.missing("tagSet")
    added = checked_tags(params["Tags"])

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        for resource in _meant(inventory, params["Resources"]):
            resource.tags = resource.tags | added
            must_fit(resource.tags)
            inventory.save(resource)
        return {}

    return await change(call, write)


@ec2_operation("DeleteTags", *_ANY)
async def delete_tags(call: Call) -> Answer:
    """Remove tags: those of a key, or of a key with a value, or all of them. Source: API Reference, DeleteTags."""
    params = call.params
    _must_be_few(params["Resources"])

    def goes(key: str, value: str) -> bool:
        if not params.get("Tags"):
            return True
        return any(
            tag.get("Key") == key and (tag.get("Value") is None or tag["Value"] == value) for tag in params["Tags"]
        )

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        for resource in _meant(inventory, params["Resources"]):
            resource.tags = {key: value for key, value in resource.tags.items() if not goes(key, value)}
            inventory.save(resource)
        return {}

    return await change(call, write)


_FILTERS = ("key", "resource-id", "resource-type", "value")


@ec2_operation("DescribeTags", reads_only=True)
async def describe_tags(call: Call) -> Answer:
    """List the tags of all resources. Source: API Reference, DescribeTags."""
    limit = page_limit(call.params, "")
    filters = checked_filters(call.params.get("Filters"), _FILTERS)
    after = page_start(call)

    def is_kept(tag: dict[str, str]) -> bool:
        looked_at = {
            "key": tag["Key"],
            "value": tag["Value"],
            "resource-id": tag["ResourceId"],
            "resource-type": tag["ResourceType"],
        }
        for name, patterns in filters:
            if name.startswith("tag:"):
                if tag["Key"] != name[4:] or not matches(tag["Value"], patterns):
                    return False
            elif not matches(looked_at[name.removeprefix("tag-")], patterns):
                return False
        return True

    def read(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        tags = [
            {"Key": key, "Value": value, "ResourceId": resource.id, "ResourceType": resource.kind.name}
            for kind in KINDS.values()
            for resource in inventory.all(kind)
            for key, value in resource.tags.items()
        ]
        placed = sorted(
            (f"{tag['ResourceId']} {tag['Key']}", number) for number, tag in enumerate(tags) if is_kept(tag)
        )
        kept = [(position, tags[number]) for position, number in placed if position > after]
        answer: Answer = {"Tags": [tag for _, tag in kept[:limit]]}
        if limit is not None and len(kept) > limit:
            answer["NextToken"] = position_text(call.operation.name, kept[limit - 1][0])
        return answer

    return await call.read(read)
