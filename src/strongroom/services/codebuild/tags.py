"""Tags of projects. Source: AWS CodeBuild API Reference, Tag."""

from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.services.codebuild import errors

TAGS_MAX = 50


def read_tags(sent: Sequence[Mapping[str, Any]] | None) -> dict[str, str]:
    """Return tags by key. Raises InvalidInputException for keys that are there twice or reserved."""
    tags = {each.get("key") or "": each.get("value") or "" for each in sent or ()}
    if len(tags) != len(sent or ()) or "" in tags:
        raise errors.invalid_input("Invalid tags: each tag must have a key of its own")
    if any(key.lower().startswith("aws:") for key in tags):
        raise errors.invalid_input("Invalid tags: keys that begin with aws: are reserved")
    if len(tags) > TAGS_MAX:
        raise errors.invalid_input(f"Invalid tags: there may be at most {TAGS_MAX}")
    return tags


def shown_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as answers list them."""
    return [{"key": key, "value": tags[key]} for key in sorted(tags)]
