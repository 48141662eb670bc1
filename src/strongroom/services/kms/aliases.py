"""Aliases: friendly names that point to keys. Source: AWS KMS Developer Guide, "Aliases in AWS KMS"."""

import re
from collections.abc import Sequence
from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.base.errors import AwsError
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.kms import errors, tables
from strongroom.services.kms.access import on_account, on_key, require_own_account
from strongroom.services.kms.key_directory import KeyDirectory, cache_name
from strongroom.services.kms.keys import Key, alias_arn, require_not_pending_deletion
from strongroom.services.kms.managed_keys import ALIAS_PREFIX, PREDEFINED
from strongroom.services.kms.paging import Page
from strongroom.services.kms.quotas import ALIASES_PER_KEY_QUOTA
from strongroom.services.kms.service import KMS, own_quota
from strongroom.storage.connection import Connection

_PREFIX = "alias/"
_NAME = re.compile(r"[a-zA-Z0-9/_-]+")


def _checked_name(name: str) -> str:
    """Return the name of an alias that a customer may have.

    Raises ValidationException, or NotAuthorizedException for a name that is AWS's own.
    """
    if not name.startswith(_PREFIX):
        raise errors.validation(
            'Alias must start with the prefix "alias/". Please see '
            "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"
        )
    rest = name[len(_PREFIX) :]
    if not _NAME.fullmatch(rest):
        raise AwsError(
            "InvalidAliasNameException",
            "Alias name must consist of alphanumeric characters, forward slashes, underscores and dashes.",
        )
    if name.startswith(ALIAS_PREFIX):
        raise AwsError("NotAuthorizedException", "Aliases that begin with alias/aws/ are reserved.")
    return name


async def _target(call: Call) -> Key:
    identifier = call.params["TargetKeyId"]
    if identifier.startswith(_PREFIX) or ":alias/" in identifier:
        raise errors.validation("Aliases must refer to keys. Not aliases")
    key = await call.house.part(KeyDirectory).identify(call, identifier, alias_allowed=False)
    return require_own_account(call, key)


def _on_alias(call: Call, action: str, name: str) -> Requirement:
    return on_account(call, action, alias_arn(call.account_id, call.region, name), "AWS::KMS::Alias")


async def _needs_of_create_alias(call: Call) -> Sequence[Requirement]:
    name = _checked_name(call.params["AliasName"])
    key = call.target = await _target(call)
    return (_on_alias(call, "kms:CreateAlias", name), on_key(call, key, "kms:CreateAlias"))


@operation(KMS, "CreateAlias", needs=_needs_of_create_alias, quota=own_quota("CreateAlias"))
async def create_alias(call: Call) -> Answer:
    """Give a key another name. Source: AWS KMS API Reference, CreateAlias."""
    key: Key = call.target
    key.must_be_customer_managed()
    name, now = call.params["AliasName"], call.now
    most = call.house.quotas.most(ALIASES_PER_KEY_QUOTA, key.account_id, key.region)

    def write(connection: Connection) -> Answer:
        _require_usable_target(connection, key)
        _require_room(key, tables.alias_names_of(connection, key.region, key.key_id), most)
        values = {
            "account_id": call.account_id,
            "region": call.region,
            "name": name,
            "target_key_id": key.key_id,
            "created_at": now,
            "updated_at": now,
        }
        if not tables.insert_alias_if_absent(connection, values):
            arn = alias_arn(call.account_id, call.region, name)
            raise AwsError("AlreadyExistsException", f"An alias with the name {arn} already exists")
        return {}

    return await call.write(write, invalidates=(cache_name(key.region, key.key_id),))


def _require_room(key: Key, others: Sequence[str], most: int) -> None:
    """Raise LimitExceededException when a key has `most` other aliases, or more."""
    if len(others) >= most:
        raise errors.limit_exceeded(f"{key.arn} has reached its limit of {most} aliases.")


def _require_usable_target(connection: Connection, key: Key) -> None:
    row = tables.select_key(connection, key.region, key.key_id)
    if row is None:
        raise errors.key_not_found(key.arn)
    require_not_pending_deletion(key.arn, row.state)


def _require_current_target(connection: Connection, call: Call, name: str, current: Key) -> None:
    """Refuse when the alias no longer points to the key that the call was authorised for."""
    row = tables.select_alias(connection, call.account_id, call.region, name)
    if row is None:
        raise errors.alias_not_found(alias_arn(call.account_id, call.region, name))
    if row.target_key_id != current.key_id:
        raise errors.changed_meanwhile()


async def _current_target(call: Call, name: str) -> Key:
    key = await call.house.part(KeyDirectory).behind_alias(call.account_id, call.region, name)
    if key is None:
        raise errors.alias_not_found(alias_arn(call.account_id, call.region, name))
    return key


async def _needs_of_update_alias(call: Call) -> Sequence[Requirement]:
    name = _checked_name(call.params["AliasName"])
    current = await _current_target(call, name)
    new = await _target(call)
    call.target = (current, new)
    action = "kms:UpdateAlias"
    return (_on_alias(call, action, name), on_key(call, current, action), on_key(call, new, action))


@operation(KMS, "UpdateAlias", needs=_needs_of_update_alias, quota=own_quota("UpdateAlias"))
async def update_alias(call: Call) -> Answer:
    """Point an alias at another key of the same kind. Source: AWS KMS API Reference, UpdateAlias."""
    current: Key
    new: Key
    current, new = call.target
    new.must_be_customer_managed()
    if (current.spec, current.usage) != (new.spec, new.usage):
        raise errors.validation("The current and the new key must be of the same type and have the same key usage.")
    name, now = call.params["AliasName"], call.now
    most = call.house.quotas.most(ALIASES_PER_KEY_QUOTA, new.account_id, new.region)

    def write(connection: Connection) -> Answer:
        _require_usable_target(connection, new)
        others = [each for each in tables.alias_names_of(connection, new.region, new.key_id) if each != name]
        _require_room(new, others, most)
        _require_current_target(connection, call, name, current)
        tables.retarget_alias(connection, call.account_id, call.region, name, new.key_id, now)
        return {}

    stale = (cache_name(current.region, current.key_id), cache_name(new.region, new.key_id))
    return await call.write(write, invalidates=stale)


async def _needs_of_delete_alias(call: Call) -> Sequence[Requirement]:
    name = _checked_name(call.params["AliasName"])
    key = call.target = await _current_target(call, name)
    return (_on_alias(call, "kms:DeleteAlias", name), on_key(call, key, "kms:DeleteAlias"))


@operation(KMS, "DeleteAlias", needs=_needs_of_delete_alias, quota=own_quota("DeleteAlias"))
async def delete_alias(call: Call) -> Answer:
    """Remove an alias; its key stays. Source: AWS KMS API Reference, DeleteAlias."""
    key: Key = call.target
    name = call.params["AliasName"]

    def write(connection: Connection) -> Answer:
        _require_current_target(connection, call, name, key)
        tables.delete_alias(connection, call.account_id, call.region, name)
        return {}

    return await call.write(write, invalidates=(cache_name(key.region, key.key_id),))


async def _needs_of_list_aliases(call: Call) -> Sequence[Requirement]:
    identifier = call.params.get("KeyId")
    if identifier is not None:
        directory = call.house.part(KeyDirectory)
        call.target = require_own_account(call, await directory.identify(call, identifier, alias_allowed=False))
    return (on_account(call, "kms:ListAliases"),)


@operation(KMS, "ListAliases", needs=_needs_of_list_aliases, quota=own_quota("ListAliases"), reads_only=True)
async def list_aliases(call: Call) -> Answer:
    """List aliases in the order of their names, the predefined ones too. Source: AWS KMS API Reference, ListAliases."""
    account_id, region = call.account_id, call.region
    page = Page("ListAliases", call.params, default=50, most=100)
    key_id = call.target.key_id if call.target is not None else None
    rows = await call.read(
        lambda connection: tables.list_aliases(connection, account_id, region, page.after, page.limit + 1, key_id)
    )
    listed = {row.name: _entry(account_id, region, row) for row in rows}
    if key_id is None:
        # A predefined alias is listed before its key exists, without a target.
        behind_page = rows[-1].name if len(rows) > page.limit else None
        for name in PREDEFINED:
            if name > page.after and name not in listed and (behind_page is None or name < behind_page):
                listed[name] = {"AliasName": name, "AliasArn": alias_arn(account_id, region, name)}
    return page.answer("Aliases", sorted(listed.items())[: page.limit + 1])


def _entry(account_id: str, region: str, row: Any) -> dict[str, Any]:
    return {
        "AliasName": row.name,
        "AliasArn": alias_arn(account_id, region, row.name),
        "TargetKeyId": row.target_key_id,
        "CreationDate": as_datetime(row.created_at),
        "LastUpdatedDate": as_datetime(row.updated_at),
    }
