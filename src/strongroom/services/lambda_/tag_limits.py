"""What tags of functions may be. Source: AWS Lambda Developer Guide, "Using tags on Lambda functions"."""

from collections.abc import Mapping

from strongroom.services.lambda_ import errors

TAGS_MAX = 50


def checked_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return tags. Raises InvalidParameterValueException for keys that are AWS's own, and for too many."""
    if any(key.lower().startswith("aws:") for key in tags):
        raise errors.invalid_parameter(
            "Your request contains one or more reserved tag keys. A reserved tag key begins with aws:."
        )
    if len(tags) > TAGS_MAX:
        raise errors.invalid_parameter(f"The number of tags exceeds the limit of {TAGS_MAX}.")
    return dict(tags)
