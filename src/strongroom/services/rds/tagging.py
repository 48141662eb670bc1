"""Tags of instances.

Source: Amazon RDS API Reference, AddTagsToResource, RemoveTagsFromResource, ListTagsForResource.
"""

import re
from collections.abc import Mapping

from strongroom.operations.call import Call
from strongroom.operations.conditions import request_tags
from strongroom.operations.registry import Answer, operation
from strongroom.services.rds import errors, tables
from strongroom.services.rds.access import about_resource, existing
from strongroom.services.rds.endpoint import FIXED_TAGS
from strongroom.services.rds.instance import Instance, tag_list
from strongroom.services.rds.service import RDS
from strongroom.storage.connection import Connection

TAGS_MAX = 50
_KEY = re.compile(r"[\w\s.:/=+\-@]{1,128}")
_VALUE = re.compile(r"[\w\s.:/=+\-@?!]{0,256}")


def checked_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return tags. Raises InvalidParameterValue for what no tag can be.

    `?` and `!` are allowed besides AWS's characters, for what `strongroom:endpoint` and `strongroom:master-secret` say.
    """
    for key, value in tags.items():
        if not _KEY.fullmatch(key) or key.lower().startswith("aws:"):
            raise errors.invalid_value(f"The tag key is not valid, or is reserved: {key}")
        if not _VALUE.fullmatch(value):
            raise errors.invalid_value(f"The value of the tag {key} is not valid.")
    if len(tags) > TAGS_MAX:
        raise errors.invalid_value(f"An instance can have {TAGS_MAX} tags.")
    return dict(tags)


@operation(RDS, "AddTagsToResource", needs=about_resource("rds:AddTagsToResource"))
async def add_tags_to_resource(call: Call) -> Answer:
    """Add or overwrite tags. Raises DBInstanceNotFound, InvalidParameterValue."""
    added = checked_tags(request_tags(call.params))
    _refuse_fixed(added)
    return await _change(call, existing(call), added, ())


@operation(RDS, "RemoveTagsFromResource", needs=about_resource("rds:RemoveTagsFromResource"))
async def remove_tags_from_resource(call: Call) -> Answer:
    """Remove tags; those that are not there are passed over. Raises DBInstanceNotFound."""
    _refuse_fixed(dict.fromkeys(call.params["TagKeys"], ""))
    return await _change(call, existing(call), {}, call.params["TagKeys"])


@operation(RDS, "ListTagsForResource", needs=about_resource("rds:ListTagsForResource"), reads_only=True)
async def list_tags_for_resource(call: Call) -> Answer:
    """List tags in the order of their keys. Raises DBInstanceNotFound."""
    return {"TagList": tag_list(existing(call).tags)}


def _refuse_fixed(tags: Mapping[str, str]) -> None:
    for key in FIXED_TAGS & set(tags):
        raise errors.invalid_value(f"The tag {key} says what was registered, and cannot be changed.")


async def _change(call: Call, instance: Instance, added: Mapping[str, str], removed: tuple[str, ...]) -> Answer:
    place = (instance.account_id, instance.region, instance.identifier)

    def change(connection: Connection) -> Answer:
        row = tables.select_instance(connection, *place)
        if row is None:
            raise errors.no_such_instance(instance.identifier)
        kept = {key: value for key, value in row.tags.items() if key not in removed}
        tables.update_instance(connection, *place, {"tags": checked_tags(kept | dict(added))})
        return {}

    return await call.write(change)
