"""Tags that a request gives to what it makes, and the rules that all tags keep.

Source: Amazon EC2 User Guide, "Tag your Amazon EC2 resources" (restrictions); API Reference, "TagSpecification".
"""

from collections.abc import Mapping
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.services.ec2 import errors
from strongroom.services.ec2.kinds import Kind

TAGS_MAX = 50
KEY_CHARACTERS_MAX = 128
VALUE_CHARACTERS_MAX = 256


def specified_tags(params: Mapping[str, Any], *kinds: Kind) -> dict[str, dict[str, str]]:
    """Return the tags of each kind (by its name) that a request makes. Raises AwsError for other kinds, bad tags."""
    found: dict[str, dict[str, str]] = {kind.name: {} for kind in kinds}
    for specification in params.get("TagSpecifications") or ():
        kind = specification.get("ResourceType")
        if kind is None:
            raise errors.invalid("Tag specification resource type must have a value")
        if kind not in found:
            raise errors.invalid(f"'{kind[:128]}' is not a valid taggable resource type for this operation.")
        if found[kind]:
            raise errors.invalid(f"You cannot specify the resource type '{kind}' more than once.")
        if not specification.get("Tags"):
            raise errors.invalid("Tag specification must have at least one tag")
        found[kind] = checked_tags(specification["Tags"])
    return found


def checked_tags(sent: list[dict[str, Any]]) -> dict[str, str]:
    """Return tags as a dict. Raises AwsError for what no tag can be, and for a key that is there twice."""
    tags: dict[str, str] = {}
    for tag in sent:
        key, value = tag.get("Key") or "", tag.get("Value") or ""
        if not key:
            raise errors.invalid("Tag keys must not be null or empty")
        if key.lower().startswith("aws:"):
            raise errors.invalid("Tag keys starting with 'aws:' are reserved for internal use")
        if len(key) > KEY_CHARACTERS_MAX:
            raise errors.invalid(f"Tag key exceeds the maximum length of {KEY_CHARACTERS_MAX} characters")
        if len(value) > VALUE_CHARACTERS_MAX:
            raise errors.invalid(f"Tag value exceeds the maximum length of {VALUE_CHARACTERS_MAX} characters")
        if key in tags:
            raise errors.invalid(f"Duplicate tag key '{key}' specified.")
        tags[key] = value
    must_fit(tags)
    return tags


def must_fit(tags: Mapping[str, str]) -> None:
    """Raise AwsError (`TagLimitExceeded`) for more tags than a resource may have."""
    if len(tags) > TAGS_MAX:
        raise AwsError("TagLimitExceeded", "The maximum number of tags for a resource has been reached.")


def shown_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as answers show them."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
