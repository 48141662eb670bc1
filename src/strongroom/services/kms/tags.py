"""Tags of keys, and the operations on them."""

from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.kms import errors
from strongroom.services.kms.access import control_of_key
from strongroom.services.kms.change import change_key
from strongroom.services.kms.keys import Key, require_not_pending_deletion
from strongroom.services.kms.material_rows import KeyRow
from strongroom.services.kms.paging import Page
from strongroom.services.kms.service import KMS, own_quota

TAGS_PER_KEY_MAX = 50


def checked_tags(listed: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return tags as a mapping. Raises TagException for duplicates, the reserved prefix, U+0000, or more than 50.

    Source: AWS KMS API Reference, TagResource.
    """
    tags: dict[str, str] = {}
    for tag in listed:
        name = tag["TagKey"]
        if name in tags:
            raise errors.tag_error("Duplicate tag keys")
        if "\x00" in name or "\x00" in tag["TagValue"]:
            raise errors.tag_error("Tags must not contain the null character.")
        if name.lower().startswith("aws:"):
            raise errors.tag_error("aws: prefixed tag key names are not allowed for external use.")
        tags[name] = tag["TagValue"]
    must_not_be_too_many(tags)
    return tags


def must_not_be_too_many(tags: Mapping[str, str]) -> None:
    """Raise TagException above 50 tags. Source: AWS KMS Developer Guide, "Tags in AWS KMS"."""
    if len(tags) > TAGS_PER_KEY_MAX:
        raise errors.tag_error("Too many tags")


@operation(KMS, "TagResource", needs=control_of_key("kms:TagResource"), quota=own_quota("TagResource"))
async def tag_resource(call: Call) -> Answer:
    """Add or overwrite tags of a customer managed key. Source: AWS KMS API Reference, TagResource."""
    key: Key = call.target
    key.must_be_customer_managed()
    added = checked_tags(call.params["Tags"])

    def change(row: KeyRow) -> dict[str, Any]:
        require_not_pending_deletion(key.arn, row.state)
        tags = row.tags | added
        must_not_be_too_many(tags)
        return {"tags": tags}

    return await change_key(call, key, change)


@operation(KMS, "UntagResource", needs=control_of_key("kms:UntagResource"), quota=own_quota("UntagResource"))
async def untag_resource(call: Call) -> Answer:
    """Remove tags; those that are not there are passed over. Source: AWS KMS API Reference, UntagResource."""
    key: Key = call.target
    key.must_be_customer_managed()
    removed = set(call.params["TagKeys"])

    def change(row: KeyRow) -> dict[str, Any]:
        require_not_pending_deletion(key.arn, row.state)
        return {"tags": {name: value for name, value in row.tags.items() if name not in removed}}

    return await change_key(call, key, change)


@operation(
    KMS,
    "ListResourceTags",
    needs=control_of_key("kms:ListResourceTags"),
    quota=own_quota("ListResourceTags"),
    reads_only=True,
)
async def list_resource_tags(call: Call) -> Answer:
    """List a key's tags in the order of their names. Source: AWS KMS API Reference, ListResourceTags."""
    key: Key = call.target
    page = Page("ListResourceTags", call.params, default=50, most=50)
    names = sorted(name for name in key.tags if name > page.after)
    return page.answer("Tags", [(name, {"TagKey": name, "TagValue": key.tags[name]}) for name in names])
