"""Tags of objects: how a header writes them, and what may be one.

Source: Amazon S3 User Guide, "Categorizing your objects using tags".
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from strongroom.base.errors import AwsError
from strongroom.services.s3 import errors

TAGS_PER_OBJECT_MAX = 10
TAGS_PER_BUCKET_MAX = 50
KEY_CHARACTERS_MAX = 128
VALUE_CHARACTERS_MAX = 256


_RESERVED = "Your TagKey cannot be prefixed with aws:"
_TEXT = re.compile(r"[\w\s.:/=+\-@]*")
"""Letters, digits and spaces of any script, and these."""


def _invalid_tag(message: str, key: str, **more: str) -> AwsError:
    return AwsError("InvalidTag", message, 400, members={"TagKey": key, **more})


def tags_of_header(sent: str) -> dict[str, str]:
    """Return the tags of an `x-amz-tagging` header, written like a query string. Not checked yet."""
    return dict(parse_qsl(sent, keep_blank_values=True))


def checked_header(sent: str) -> dict[str, str]:
    """Return the tags of an `x-amz-tagging` header. Raises InvalidArgument or InvalidTag."""
    try:
        pairs = parse_qsl(sent, keep_blank_values=True, strict_parsing=bool(sent), max_num_fields=100)
    except ValueError:
        raise AwsError(
            "InvalidArgument",
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters",
        ) from None
    return _checked(pairs, TAGS_PER_OBJECT_MAX)


def checked_set(sent: Sequence[Mapping[str, Any]], most: int) -> dict[str, str]:
    """Return the tags of a TagSet. Raises MalformedXML, InvalidTag, or BadRequest for more than `most`."""
    if any(each.get("Key") is None or each.get("Value") is None for each in sent):
        raise errors.malformed_xml()
    return _checked([(each["Key"], each["Value"]) for each in sent], most)


def _checked(pairs: Sequence[tuple[str, str]], most: int) -> dict[str, str]:
    is_of_bucket = most == TAGS_PER_BUCKET_MAX
    of_system = "System tags cannot be added/updated by requester" if is_of_bucket else _RESERVED
    tags: dict[str, str] = {}
    for key, value in pairs:
        if key in tags:
            raise _invalid_tag("Cannot provide multiple Tags with the same key", key)
        if key.lower().startswith("aws:"):
            raise _invalid_tag(of_system, key)
        if not 0 < len(key) <= KEY_CHARACTERS_MAX or _TEXT.fullmatch(key) is None:
            raise _invalid_tag("The TagKey you have provided is invalid", key)
        if len(value) > VALUE_CHARACTERS_MAX or _TEXT.fullmatch(value) is None:
            raise _invalid_tag("The TagValue you have provided is invalid", key, TagValue=value)
        tags[key] = value
    if len(tags) > most:
        raise AwsError(
            "BadRequest", f"{'Bucket' if is_of_bucket else 'Object'} tags cannot be greater than {most}", 400
        )
    return tags


def shown_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as a TagSet."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
