"""Session tags: those that a request passes, those that come down a chain of roles, and which go further.

Tag keys are told apart without regard to case, and keep theirs.
Source: IAM User Guide, "Pass session tags in AWS STS", "Tags for AWS Identity and Access Management resources".
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from strongroom.identities.sessions import Session
from strongroom.services.sts import errors

TAGS_MAX = 50
TAG_KEY_CHARACTERS_MAX = 128
TAG_VALUE_CHARACTERS_MAX = 256

_TAG_TEXT = re.compile(r"[\w\s.:/=+\-@]*")
_TOO_MANY = f"A session has at most {TAGS_MAX} session tags, inherited ones included."
_CONFLICT = (
    "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the "
    "calling session."
)


@dataclass(frozen=True, slots=True)
class SessionTags:
    """The tags of a session to be made: all of them, and the keys of those that the next role in a chain inherits."""

    tags: Mapping[str, str] = field(default_factory=dict)
    transitive: tuple[str, ...] = ()


def session_tags(
    passed: Sequence[tuple[str, str]], transitive: Sequence[str], calling: Session | None = None
) -> SessionTags:
    """Return the tags of a session: those `passed`, and those that the calling session's chain hands down.

    Raises InvalidParameterValue for a key given twice or inherited already, for a transitive key without its tag, and
    ValidationError for tags that AWS would not take.
    """
    if len(passed) > TAGS_MAX:
        raise errors.invalid(_TOO_MANY)
    folded: dict[str, str] = {}
    for key, value in passed:
        _check(key, value)
        if key.lower() in folded:
            raise errors.conflicting("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
        folded[key.lower()] = key
    going_on = []
    for key in transitive:
        if key.lower() not in folded:
            raise errors.conflicting("The specified transitive tag key must be included in the requested tags.")
        going_on.append(folded[key.lower()])
    inherited = inherited_tags(calling)
    if any(key.lower() in folded for key in inherited):
        raise errors.conflicting(_CONFLICT)
    if len(passed) + len(inherited) > TAGS_MAX:
        raise errors.invalid(_TOO_MANY)
    return SessionTags({**dict(passed), **inherited}, (*inherited, *dict.fromkeys(going_on)))


def inherited_tags(calling: Session | None) -> dict[str, str]:
    """Return the tags that a session hands down to the sessions of roles that it assumes."""
    if calling is None:
        return {}
    return {key: calling.tags[key] for key in calling.transitive_tags if key in calling.tags}


def pairs(tags: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return the tags of a request as pairs of key and value."""
    return [(tag["Key"], tag["Value"]) for tag in tags]


def _check(key: str, value: str) -> None:
    if not 1 <= len(key) <= TAG_KEY_CHARACTERS_MAX or len(value) > TAG_VALUE_CHARACTERS_MAX:
        raise errors.invalid(
            f"A tag's key has 1 to {TAG_KEY_CHARACTERS_MAX} characters, its value at most {TAG_VALUE_CHARACTERS_MAX}."
        )
    if not _TAG_TEXT.fullmatch(key) or not _TAG_TEXT.fullmatch(value):
        raise errors.invalid("Tags may have letters, digits, white space and . : / = + - @ _ only.")
    if key.lower().startswith("aws:"):
        raise errors.invalid("Tag keys that begin with aws: are reserved for system use.")
