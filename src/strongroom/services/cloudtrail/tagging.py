"""Tags of trails. Source: AWS CloudTrail API Reference, AddTags, RemoveTags, ListTags."""

from collections.abc import Mapping, Sequence

from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.cloudtrail import errors, tables
from strongroom.services.cloudtrail.access import find_trail, on_trail, on_trail_named
from strongroom.services.cloudtrail.service import CLOUDTRAIL
from strongroom.services.cloudtrail.trails import trail_named, trail_to_change
from strongroom.storage.connection import Connection

TAGS_MAX = 50
RESOURCES_MAX = 20


def checked_tags(sent: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return the tags of a request. Raises InvalidTagParameterException and TagsLimitExceededException."""
    tags = {tag["Key"]: tag.get("Value") or "" for tag in sent}
    if len(tags) != len(sent):
        raise errors.invalid_tag("Tag keys must be unique.")
    if any(key.lower().startswith("aws:") for key in tags):
        raise errors.invalid_tag("Tag keys that begin with aws: are reserved.")
    if len(tags) > TAGS_MAX:
        raise errors.too_many_tags()
    return tags


def _require_trail_arn(given: str) -> None:
    if not given.startswith("arn:"):
        raise errors.invalid_trail_arn(given)
    if ":trail/" not in given and ":cloudtrail:" in given:
        raise errors.unsupported_resource_type(given)


@operation(CLOUDTRAIL, "AddTags", needs=on_trail("cloudtrail:AddTags", "ResourceId"))
async def add_tags(call: Call) -> Answer:
    """Add or overwrite tags. Source: AWS CloudTrail API Reference, AddTags."""
    _require_trail_arn(call.params["ResourceId"])
    trail = _to_tag(call)
    added = checked_tags(call.params["TagsList"])

    def write(connection: Connection) -> Answer:
        row = tables.select_trail(connection, trail)
        if row is None:
            raise errors.no_such_resource(call.params["ResourceId"])
        tags = row.tags | added
        if len(tags) > TAGS_MAX:
            raise errors.too_many_tags()
        tables.update_trail(connection, trail, {"tags": tags})
        return {}

    return await call.write(write)


@operation(CLOUDTRAIL, "RemoveTags", needs=on_trail("cloudtrail:RemoveTags", "ResourceId"))
async def remove_tags(call: Call) -> Answer:
    """Remove tags by their keys; those that are not there are passed over. Source: API Reference, RemoveTags."""
    _require_trail_arn(call.params["ResourceId"])
    trail = _to_tag(call)
    removed = {tag["Key"] for tag in call.params["TagsList"]}

    def write(connection: Connection) -> Answer:
        row = tables.select_trail(connection, trail)
        if row is None:
            raise errors.no_such_resource(call.params["ResourceId"])
        tags = {key: value for key, value in row.tags.items() if key not in removed}
        tables.update_trail(connection, trail, {"tags": tags})
        return {}

    return await call.write(write)


def _to_tag(call: Call) -> tables.TrailKey:
    _, trail = call.target
    if trail is None:
        raise errors.no_such_resource(call.params["ResourceId"])
    return trail_to_change(call).key


async def _listing(call: Call) -> Sequence[Requirement]:
    requirements = []
    call.target = []
    for given in call.params["ResourceIdList"][:RESOURCES_MAX]:
        _require_trail_arn(given)
        name = trail_named(call, given)
        trail = await find_trail(call, name)
        call.target.append((given, trail))
        tags = trail.tags if trail is not None else {}
        requirements.append(on_trail_named("cloudtrail:ListTags", name, tags, is_there=trail is not None))
    return requirements


@operation(CLOUDTRAIL, "ListTags", needs=_listing, reads_only=True)
async def list_tags(call: Call) -> Answer:
    """List the tags of up to 20 trails. Source: AWS CloudTrail API Reference, ListTags."""
    if not 1 <= len(call.params["ResourceIdList"]) <= RESOURCES_MAX:
        raise errors.invalid_parameter(f"ResourceIdList must have 1 to {RESOURCES_MAX} items.")
    if call.params.get("NextToken") is not None:
        raise errors.invalid_token()
    listed = []
    for given, trail in call.target:
        if trail is None:
            raise errors.no_such_resource(given)
        tags = [{"Key": key, "Value": value} for key, value in sorted(trail.tags.items())]
        listed.append({"ResourceId": given, "TagsList": tags})
    return {"ResourceTagList": listed}
