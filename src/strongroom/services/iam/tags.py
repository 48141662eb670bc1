"""Tags of users, roles and whatever else of IAM has tags: what is accepted, and how they read in answers.

Source: IAM User Guide, "Tags for AWS Identity and Access Management resources".
"""

from collections.abc import Mapping, Sequence

from strongroom.services.iam import errors

TAGS_MAX = 50


def checked_tags(listed: Sequence[Mapping[str, str]] | None) -> dict[str, str]:
    """Return the tags of a request as a mapping. Raises InvalidInput, LimitExceeded above 50.

    Keys are told apart without regard to case, as they are in conditions.
    """
    tags: dict[str, str] = {}
    seen: set[str] = set()
    for tag in listed or ():
        key = tag["Key"]
        if key.lower() in seen:
            raise errors.invalid_input("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
        if key.lower().startswith("aws:"):
            raise errors.invalid_input("Tag keys that begin with aws: are reserved for system use.")
        seen.add(key.lower())
        tags[key] = tag["Value"]
    must_not_be_too_many(tags)
    return tags


def must_not_be_too_many(tags: Mapping[str, str]) -> None:
    """Raise LimitExceeded above 50 tags."""
    if len(tags) > TAGS_MAX:
        raise errors.limit_exceeded(f"The number of tags has reached the maximum limit of {TAGS_MAX}.")


def with_tags(present: Mapping[str, str], added: Mapping[str, str]) -> dict[str, str]:
    """Return `present` with `added` in it; a key in another case is the same key, and takes the new spelling."""
    renewed = {key.lower() for key in added}
    return {key: value for key, value in present.items() if key.lower() not in renewed} | dict(added)


def without_tags(present: Mapping[str, str], removed: Sequence[str]) -> dict[str, str]:
    """Return `present` without the keys `removed`, in whatever case."""
    gone = {key.lower() for key in removed}
    return {key: value for key, value in present.items() if key.lower() not in gone}


def shown_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as answers list them, in the order of their keys."""
    return [{"Key": key, "Value": tags[key]} for key in sorted(tags)]
