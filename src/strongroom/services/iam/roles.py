"""IAM roles. Source: IAM User Guide, "IAM roles"; IAM API Reference."""

from collections.abc import Callable, Mapping
from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.identities.identifiers import ROLE
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.iam import errors, tables
from strongroom.services.iam.access import creation, listing, on_entity
from strongroom.services.iam.change import change_account
from strongroom.services.iam.documents import encoded
from strongroom.services.iam.entity import SERVICE_ROLE_PATH, Entity, EntityRow, is_service_linked
from strongroom.services.iam.lifecycle import insert_new, new_row, remove, shown, shown_details
from strongroom.services.iam.paging import Page
from strongroom.services.iam.service import IAM
from strongroom.services.iam.trust import checked_trust_policy, shown_trust_policy, stored_trust_policy
from strongroom.storage.connection import Connection

SESSION_SECONDS_DEFAULT = 3_600


def shown_role(connection: Connection, call: Call, row: EntityRow) -> dict[str, Any]:
    """Return a role as listings show it, without tags, boundary and last use."""
    policy = shown_trust_policy(connection, call.house.directory.partition, row.trust_policy)
    members = shown(call, row) | {
        "AssumeRolePolicyDocument": encoded(policy),
        "MaxSessionDuration": row.max_session_seconds,
    }
    if row.description is not None:
        members["Description"] = row.description
    return members


def shown_role_in_full(connection: Connection, call: Call, row: EntityRow) -> dict[str, Any]:
    """Return one role as answers about it alone show it."""
    used: dict[str, Any] = {}
    if row.last_used_at is not None:
        used = {"LastUsedDate": as_datetime(row.last_used_at), "Region": row.last_used_region}
    return shown_role(connection, call, row) | shown_details(row) | {"RoleLastUsed": used}


@operation(IAM, "CreateRole", needs=creation("iam:CreateRole", ROLE, "iam:TagRole"))
async def create_role(call: Call) -> Answer:
    """Make a role that its trust policy lets others become. Source: IAM API Reference, CreateRole."""
    params = call.params
    if (params.get("Path") or "/").startswith(SERVICE_ROLE_PATH):
        raise errors.invalid_input(f"The path {SERVICE_ROLE_PATH} is reserved for service-linked roles.")
    text = checked_trust_policy(params["AssumeRolePolicyDocument"])
    values = new_row(
        call,
        ROLE,
        description=params.get("Description"),
        max_session_seconds=params.get("MaxSessionDuration") or SESSION_SECONDS_DEFAULT,
    )

    def change(connection: Connection) -> Answer:
        trust_policy = stored_trust_policy(connection, call.house.directory.partition, text)
        row = insert_new(connection, call, {**values, "trust_policy": trust_policy})
        role = shown_role(connection, call, row) | shown_details(row)
        if "MaxSessionDuration" not in params:
            del role["MaxSessionDuration"]
        return {"Role": role}

    return await change_account(call, change)


@operation(IAM, "GetRole", needs=on_entity("iam:GetRole", ROLE), reads_only=True)
async def get_role(call: Call) -> Answer:
    """Describe a role. Source: IAM API Reference, GetRole."""
    row = call.target.found()
    return {"Role": await call.read(lambda connection: shown_role_in_full(connection, call, row))}


Change = Callable[[Connection, EntityRow], Mapping[str, Any]]


async def _change_role(call: Call, columns_of: Change) -> EntityRow:
    """Change columns of a role, as `columns_of` says from its row as it is now, and return its row afterwards."""
    role: Entity = call.target

    def change(connection: Connection) -> EntityRow:
        row = role.current(connection)
        tables.update_identity(connection, row.unique_id, columns_of(connection, row))
        return role.current(connection)

    return await change_account(call, change)


@operation(IAM, "UpdateRole", needs=on_entity("iam:UpdateRole", ROLE))
async def update_role(call: Call) -> Answer:
    """Change a role's description and longest session, an hour unless given. Source: IAM API Reference, UpdateRole."""
    params = call.params

    def columns(connection: Connection, row: EntityRow) -> Mapping[str, Any]:
        if is_service_linked(row) and "MaxSessionDuration" in params:
            raise errors.protected_role(row.name)
        values: dict[str, Any] = {"max_session_seconds": params.get("MaxSessionDuration") or SESSION_SECONDS_DEFAULT}
        if params.get("Description") is not None:
            values["description"] = params["Description"]
        return values

    await _change_role(call, columns)
    return {}


@operation(IAM, "UpdateRoleDescription", needs=on_entity("iam:UpdateRoleDescription", ROLE))
async def update_role_description(call: Call) -> Answer:
    """Change a role's description. Source: IAM API Reference, UpdateRoleDescription."""
    row = await _change_role(call, lambda connection, row: {"description": call.params["Description"]})
    return {"Role": await call.read(lambda connection: shown_role_in_full(connection, call, row))}


@operation(IAM, "UpdateAssumeRolePolicy", needs=on_entity("iam:UpdateAssumeRolePolicy", ROLE))
async def update_assume_role_policy(call: Call) -> Answer:
    """Put another trust policy in place of a role's. Source: IAM API Reference, UpdateAssumeRolePolicy."""
    call.target.found()
    text = checked_trust_policy(call.params["PolicyDocument"])

    def columns(connection: Connection, row: EntityRow) -> Mapping[str, Any]:
        if is_service_linked(row):
            raise errors.protected_role(row.name)
        return {"trust_policy": stored_trust_policy(connection, call.house.directory.partition, text)}

    await _change_role(call, columns)
    return {}


def _must_be_in_no_profile(connection: Connection, row: EntityRow) -> None:
    if tables.list_instance_profiles(connection, row.account_id, "/", "", 1, row.unique_id):
        raise errors.delete_conflict("Cannot delete entity, must remove roles from instance profile first.")


@operation(IAM, "DeleteRole", needs=on_entity("iam:DeleteRole", ROLE))
async def delete_role(call: Call) -> Answer:
    """Delete a role on which nothing hangs any more; its sessions end. Source: IAM API Reference, DeleteRole."""
    return await remove(call, _must_be_in_no_profile)


@operation(IAM, "ListRoles", needs=listing("iam:ListRoles", ROLE), reads_only=True)
async def list_roles(call: Call) -> Answer:
    """List roles, without their tags, boundaries and last uses. Source: IAM API Reference, ListRoles."""
    page = Page(call)
    prefix = call.params.get("PathPrefix") or "/"

    def query(connection: Connection) -> list[tuple[str, dict[str, Any]]]:
        rows = tables.list_identities(connection, call.account_id, ROLE, prefix, page.after, page.limit + 1)
        return [(row.name, shown_role(connection, call, row)) for row in rows]

    return page.answer("Roles", await call.read(query))
