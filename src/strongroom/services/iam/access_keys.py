"""Long-term access keys of users and of an account's root: made, listed, switched off and on, deleted.

Source: IAM User Guide, "Manage access keys for IAM users"; IAM API Reference.
"""

from collections.abc import Sequence
from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.base.errors import AwsError
from strongroom.identities.accounts import ACTIVE, access_key_values
from strongroom.identities.identifiers import USER, new_access_key_id, new_secret_access_key
from strongroom.identities.tables import (
    insert_access_key,
    select_access_key,
    select_access_keys_of,
    select_account,
    select_identity,
)
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.principals import access_key_cache_name
from strongroom.operations.registry import Answer, operation
from strongroom.services.iam import errors, tables
from strongroom.services.iam.access import on, on_found, on_user_or_caller
from strongroom.services.iam.change import change_account
from strongroom.services.iam.entity import Entity, find_entity
from strongroom.services.iam.paging import Page
from strongroom.services.iam.service import IAM
from strongroom.storage.connection import Connection

ACCESS_KEYS_PER_USER_MAX = 2
NEVER = "N/A"


def _holder(connection: Connection, call: Call) -> tuple[str, str]:
    """Return unique id and name of the user that a call is about, the account's root when nobody is named."""
    entity: Entity | None = call.target
    if entity is not None:
        return entity.current(connection).unique_id, entity.name
    account = select_account(connection, call.account_id)
    if account is None:
        raise errors.not_found(USER, call.account_id)
    return call.account_id, account.alias or account.name


@operation(IAM, "CreateAccessKey", needs=on_user_or_caller("iam:CreateAccessKey"))
async def create_access_key(call: Call) -> Answer:
    """Make an access key; its secret is shown this once. Source: IAM API Reference, CreateAccessKey."""
    access_key_id, secret, now = new_access_key_id(), new_secret_access_key(), call.now

    def change(connection: Connection) -> Answer:
        principal_id, name = _holder(connection, call)
        if len(select_access_keys_of(connection, principal_id)) >= ACCESS_KEYS_PER_USER_MAX:
            raise errors.quota_exceeded("AccessKeysPerUser", ACCESS_KEYS_PER_USER_MAX)
        sealer = call.house.sealer
        insert_access_key(
            connection, access_key_values(sealer, access_key_id, secret, call.account_id, principal_id, now)
        )
        shown = {
            "UserName": name,
            "AccessKeyId": access_key_id,
            "Status": ACTIVE,
            "SecretAccessKey": secret,
            "CreateDate": as_datetime(now),
        }
        return {"AccessKey": shown}

    return await change_account(call, change, (access_key_cache_name(access_key_id),))


@operation(IAM, "ListAccessKeys", needs=on_user_or_caller("iam:ListAccessKeys"), reads_only=True)
async def list_access_keys(call: Call) -> Answer:
    """List a user's access keys, without their secrets. Source: IAM API Reference, ListAccessKeys."""
    page = Page(call)

    def query(connection: Connection) -> tuple[str, Sequence[Any]]:
        principal_id, name = _holder(connection, call)
        return name, select_access_keys_of(connection, principal_id)

    name, rows = await call.read(query)
    metadata = [
        {
            "UserName": name,
            "AccessKeyId": row.access_key_id,
            "Status": row.status,
            "CreateDate": as_datetime(row.created_at),
        }
        for row in rows
    ]
    return page.numbered("AccessKeyMetadata", metadata)


def _not_found(access_key_id: str) -> AwsError:
    return errors.no_such_entity(f"The Access Key with id {access_key_id} cannot be found.")


def _must_be_of(connection: Connection, call: Call) -> str:
    """Return the id of the access key that a call names. Raises NoSuchEntity unless it is that user's."""
    access_key_id: str = call.params["AccessKeyId"]
    principal_id, _ = _holder(connection, call)
    row = select_access_key(connection, access_key_id)
    if row is None or row.principal_id != principal_id:
        raise _not_found(access_key_id)
    return access_key_id


@operation(IAM, "UpdateAccessKey", needs=on_user_or_caller("iam:UpdateAccessKey"))
async def update_access_key(call: Call) -> Answer:
    """Switch an access key on or off. Source: IAM API Reference, UpdateAccessKey."""
    status: str = call.params["Status"]
    if status not in (ACTIVE, "Inactive"):
        raise errors.invalid_input(f"An access key cannot be made {status}.")

    def change(connection: Connection) -> Answer:
        tables.update_access_key(connection, _must_be_of(connection, call), status)
        return {}

    return await change_account(call, change, (access_key_cache_name(call.params["AccessKeyId"]),))


@operation(IAM, "DeleteAccessKey", needs=on_user_or_caller("iam:DeleteAccessKey"))
async def delete_access_key(call: Call) -> Answer:
    """Delete an access key for good. Source: IAM API Reference, DeleteAccessKey."""

    def change(connection: Connection) -> Answer:
        tables.delete_access_key(connection, _must_be_of(connection, call))
        return {}

    return await change_account(call, change, (access_key_cache_name(call.params["AccessKeyId"]),))


async def _needs_of_last_used(call: Call) -> Sequence[Requirement]:
    action = "iam:GetAccessKeyLastUsed"
    access_key_id = call.params["AccessKeyId"]

    def holder(connection: Connection) -> Any:
        row = select_access_key(connection, access_key_id)
        if row is None or row.account_id != call.account_id:
            return None
        return select_identity(connection, row.principal_id)

    user = await call.read(holder)
    if user is None:
        return (on(call, action),)
    entity = await find_entity(call, USER, user.name)
    return (on_found(call, action, entity),)


@operation(IAM, "GetAccessKeyLastUsed", needs=_needs_of_last_used, reads_only=True)
async def get_access_key_last_used(call: Call) -> Answer:
    """Tell when, where and for what an access key was last used, whether it was allowed or not.

    Source: IAM API Reference, GetAccessKeyLastUsed, AccessKeyLastUsed.
    """
    access_key_id = call.params["AccessKeyId"]
    # Another server may have seen the key too: the database knows, once it has been told what this one noted.
    await call.house.audit.flush()

    def query(connection: Connection) -> Answer:
        row = select_access_key(connection, access_key_id)
        if row is None or row.account_id != call.account_id:
            raise _not_found(access_key_id)
        user = select_identity(connection, row.principal_id)
        account = select_account(connection, row.account_id)
        name = user.name if user is not None else (account.alias or account.name if account is not None else "")
        if row.last_used_at is None:
            usage: Answer = {"ServiceName": NEVER, "Region": NEVER}
        else:
            usage = {
                "LastUsedDate": as_datetime(row.last_used_at),
                "ServiceName": row.last_used_service,
                "Region": row.last_used_region,
            }
        return {"UserName": name, "AccessKeyLastUsed": usage}

    return await call.read(query)
