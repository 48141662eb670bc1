"""Tags of secrets. Source: AWS Secrets Manager User Guide, "Tag secrets in AWS Secrets Manager"; API Reference."""

from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.operations.authorize import is_allowed
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.secretsmanager import errors, tables
from strongroom.services.secretsmanager.access import about_secret, existing, on_secret
from strongroom.services.secretsmanager.change import change_secret
from strongroom.services.secretsmanager.managed_secrets import is_owner
from strongroom.services.secretsmanager.quotas import own_quota
from strongroom.services.secretsmanager.secret import Secret
from strongroom.services.secretsmanager.service import SECRETS_MANAGER
from strongroom.storage.connection import Connection

TAGS_MAX = 50


RESERVED = "aws:"


def checked_tags(listed: Sequence[Mapping[str, str]], *, of_service: bool = False) -> dict[str, str]:
    """Return tags as a mapping. Raises InvalidParameterException for duplicates, reserved keys, or more than 50.

    Reserved keys are those that begin with `aws:`; services may use them on their own secrets.
    """
    tags: dict[str, str] = {}
    for tag in listed:
        key = tag.get("Key")
        if key is None:
            raise errors.invalid_parameter("A tag must have a Key.")
        if key in tags:
            raise errors.invalid_parameter(f"Duplicate tag key: {key}")
        if key.lower().startswith(RESERVED) and not of_service:
            raise errors.invalid_parameter("Tag keys that begin with aws: are reserved.")
        tags[key] = tag.get("Value") or ""
    _must_not_be_too_many(tags)
    return tags


def _must_not_be_too_many(tags: Mapping[str, str]) -> None:
    if len(tags) > TAGS_MAX:
        raise errors.invalid_parameter(f"A secret can have at most {TAGS_MAX} tags.")


def shown_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as the API has them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


async def _change_tags(call: Call, added: Mapping[str, str], removed: frozenset[str]) -> Answer:
    secret = existing(call)
    secret.must_be_changeable()

    def changed(before: Mapping[str, str]) -> dict[str, str]:
        tags = {key: value for key, value in before.items() if key not in removed} | dict(added)
        _must_not_be_too_many(tags)
        return tags

    _must_stay_allowed(call, secret, changed(secret.tags))

    def change(connection: Connection, row: Any) -> Answer:
        tables.update_secret(connection, secret.arn, {"tags": changed(row.tags or {}), "changed_at": call.now})
        return {}

    return await change_secret(call, secret, change)


def _must_stay_allowed(call: Call, secret: Secret, tags: Mapping[str, str]) -> None:
    """Refuse what would take the caller's own permissions away. Source: API Reference, TagResource."""
    action = f"secretsmanager:{call.operation.name}"
    if not is_allowed(call, on_secret(call, None, secret, action, tags)):
        raise call.operation.service.denied(
            f"User: {call.caller.arn} is not authorized to perform: {action} on resource: {secret.arn}: with these "
            "tags you would lose your permissions for this secret"
        )


@operation(
    SECRETS_MANAGER, "TagResource", needs=about_secret("secretsmanager:TagResource"), quota=own_quota("TagResource")
)
async def tag_resource(call: Call) -> Answer:
    """Add or overwrite tags. Source: API Reference, TagResource."""
    secret: Secret | None = call.target
    of_service = secret is not None and is_owner(call, secret)
    return await _change_tags(call, checked_tags(call.params["Tags"], of_service=of_service), frozenset())


@operation(
    SECRETS_MANAGER,
    "UntagResource",
    needs=about_secret("secretsmanager:UntagResource"),
    quota=own_quota("UntagResource"),
)
async def untag_resource(call: Call) -> Answer:
    """Remove tags; those that are not there are passed over. Source: API Reference, UntagResource."""
    keys = frozenset(call.params["TagKeys"])
    secret: Secret | None = call.target
    if any(key.lower().startswith(RESERVED) for key in keys) and not (secret is not None and is_owner(call, secret)):
        raise errors.invalid_parameter("Tag keys that begin with aws: are reserved.")
    return await _change_tags(call, {}, keys)
