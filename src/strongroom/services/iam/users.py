"""IAM users. Source: IAM User Guide, "IAM users"; IAM API Reference."""

from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.identities.identifiers import USER
from strongroom.identities.tables import groups_of, select_access_keys_of, select_account
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.iam import errors, tables
from strongroom.services.iam.access import creation, listing, on_entity, on_user_or_caller
from strongroom.services.iam.change import change_account
from strongroom.services.iam.entity import EntityRow
from strongroom.services.iam.lifecycle import (
    insert_new,
    list_all,
    new_row,
    remove,
    rename,
    renaming,
    shown,
    shown_details,
)
from strongroom.services.iam.service import IAM
from strongroom.storage.connection import Connection


def shown_user(call: Call, row: EntityRow) -> dict[str, Any]:
    """Return one user as answers about it alone show it."""
    return shown(call, row) | shown_details(row)


@operation(IAM, "CreateUser", needs=creation("iam:CreateUser", USER, "iam:TagUser"))
async def create_user(call: Call) -> Answer:
    """Make a user, without any permission. Source: IAM API Reference, CreateUser."""
    values = new_row(call, USER)

    def change(connection: Connection) -> Answer:
        return {"User": shown_user(call, insert_new(connection, call, values))}

    return await change_account(call, change)


@operation(IAM, "GetUser", needs=on_user_or_caller("iam:GetUser"), reads_only=True)
async def get_user(call: Call) -> Answer:
    """Describe a user, the calling one unless another is named. Source: IAM API Reference, GetUser."""
    if call.target is None:
        return {"User": await _shown_root(call)}
    return {"User": shown_user(call, call.target.found())}


async def _shown_root(call: Call) -> dict[str, Any]:
    """Return the account's root user as GetUser shows it to itself."""
    row = await call.read(lambda connection: select_account(connection, call.account_id))
    if row is None:
        raise errors.not_found(USER, call.account_id)
    return {
        "Path": "/",
        "UserName": row.alias or row.name,
        "UserId": call.account_id,
        "Arn": call.caller.identity.arn,
        "CreateDate": as_datetime(row.created_at),
    }


@operation(IAM, "UpdateUser", needs=renaming("iam:UpdateUser", USER))
async def update_user(call: Call) -> Answer:
    """Give a user another name or path; policies that name its ARN are left alone.

    Source: IAM API Reference, UpdateUser.
    """
    return await rename(call)


def _must_have_nothing(connection: Connection, row: EntityRow) -> None:
    if groups_of(connection, row.unique_id):
        raise errors.delete_conflict("Cannot delete entity, must remove users from group first.")
    if select_access_keys_of(connection, row.unique_id):
        raise errors.delete_conflict("Cannot delete entity, must delete access keys first.")
    if tables.mfa_devices_of(connection, row.unique_id):
        raise errors.delete_conflict("Cannot delete entity, must delete MFA device first.")


@operation(IAM, "DeleteUser", needs=on_entity("iam:DeleteUser", USER))
async def delete_user(call: Call) -> Answer:
    """Delete a user on whom nothing hangs any more. Source: IAM API Reference, DeleteUser."""
    return await remove(call, _must_have_nothing)


@operation(IAM, "ListUsers", needs=listing("iam:ListUsers", USER), reads_only=True)
async def list_users(call: Call) -> Answer:
    """List users, without their tags and boundaries. Source: IAM API Reference, ListUsers."""
    return await list_all(call, USER, "Users", shown)
