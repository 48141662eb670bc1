"""The life of users, groups and roles: what is the same for all three, and how they read in answers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.identities.identifiers import GROUP, ROLE, USER, identity_arn, new_unique_id
from strongroom.identities.tables import select_identity_named
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, Needs
from strongroom.services.iam import errors, tables
from strongroom.services.iam.access import on, on_found
from strongroom.services.iam.boundaries import require_boundary_policy
from strongroom.services.iam.change import change_account
from strongroom.services.iam.entity import NAME_MEMBERS, Entity, EntityRow, arn_of, find_entity
from strongroom.services.iam.paging import Page
from strongroom.services.iam.tags import checked_tags, shown_tags
from strongroom.storage.connection import Connection

PER_ACCOUNT_MAX = {USER: 5_000, GROUP: 300, ROLE: 1_000}
"""How many of a kind an account may have. Source: IAM User Guide, "IAM and AWS STS quotas"."""

_WORD = {USER: "User", GROUP: "Group", ROLE: "Role"}


def shown(call: Call, row: EntityRow) -> dict[str, Any]:
    """Return the members that every user, group and role has in answers."""
    word = _WORD[row.kind]
    return {
        "Path": row.path,
        f"{word}Name": row.name,
        f"{word}Id": row.unique_id,
        "Arn": arn_of(call, row),
        "CreateDate": as_datetime(row.created_at),
    }


def shown_details(row: EntityRow) -> dict[str, Any]:
    """Return the members that answers about one user or role have beyond those in listings: boundary and tags."""
    members: dict[str, Any] = {}
    if row.boundary_arn is not None:
        members["PermissionsBoundary"] = {
            "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
            "PermissionsBoundaryArn": row.boundary_arn,
        }
    if row.tags:
        members["Tags"] = shown_tags(row.tags)
    return members


def new_row(call: Call, kind: str, **columns: Any) -> dict[str, Any]:
    """Return the column values of what a call asks to create, from its name, path and tags. Raises InvalidInput."""
    params = call.params
    name: str = params[NAME_MEMBERS[kind]]
    return {
        "unique_id": new_unique_id(kind),
        "kind": kind,
        "account_id": call.account_id,
        "name": name,
        "folded_name": name.lower(),
        "path": params.get("Path") or "/",
        "created_at": call.now,
        "tags": checked_tags(params.get("Tags")),
        "boundary_arn": params.get("PermissionsBoundary"),
    } | columns


def insert_new(connection: Connection, call: Call, values: Mapping[str, Any]) -> EntityRow:
    """Insert a new user, group or role and return its row.

    Raises EntityAlreadyExists for a name that is taken in whatever case, LimitExceeded, NoSuchEntity for a permissions
    boundary that is no policy.
    """
    kind, name, boundary_arn = values["kind"], values["name"], values["boundary_arn"]
    if select_identity_named(connection, call.account_id, kind, name) is not None:
        raise errors.already_exists(kind, name)
    if tables.count_identities(connection, call.account_id, kind) >= PER_ACCOUNT_MAX[kind]:
        raise errors.quota_exceeded(f"{_WORD[kind]}sPerAccount", PER_ACCOUNT_MAX[kind])
    if boundary_arn is not None:
        require_boundary_policy(connection, call, boundary_arn)
    tables.insert_identity(connection, values)
    return select_identity_named(connection, call.account_id, kind, name)


def renaming(action: str, kind: str) -> Needs:
    """Declare a change of name or path: the action must be allowed on what is there and on what it is to become.

    Source: IAM API Reference, UpdateUser, UpdateGroup.
    """
    word = _WORD[kind]

    async def needs(call: Call) -> Sequence[Requirement]:
        params = call.params
        entity = call.target = await find_entity(call, kind, params[NAME_MEMBERS[kind]])
        here = on_found(call, action, entity)
        path = params.get("NewPath") or ("/" if entity.row is None else entity.row.path)
        name = params.get(f"New{word}Name") or entity.name
        arn = identity_arn(call.house.directory.partition, call.account_id, kind, path, name)
        return (here,) if arn == entity.arn else (here, on(call, action, arn, tags=_tags(entity)))

    return needs


def _tags(entity: Entity) -> Mapping[str, str]:
    return {} if entity.row is None else entity.row.tags


async def rename(call: Call) -> Answer:
    """Give a user or group another name or path. Its unique id stays, and with it all that hangs on it."""
    entity: Entity = call.target
    params = call.params
    name = params.get(f"New{_WORD[entity.kind]}Name")

    def change(connection: Connection) -> Answer:
        row = entity.current(connection)
        values: dict[str, Any] = {}
        if name is not None:
            other = select_identity_named(connection, call.account_id, entity.kind, name)
            if other is not None and other.unique_id != row.unique_id:
                raise errors.already_exists(entity.kind, name)
            values |= {"name": name, "folded_name": name.lower()}
        if params.get("NewPath") is not None:
            values["path"] = params["NewPath"]
        if values:
            tables.update_identity(connection, row.unique_id, values)
        return {}

    return await change_account(call, change)


def must_have_no_policies(connection: Connection, row: EntityRow) -> None:
    """Raise DeleteConflict while managed policies are attached to a user, group or role, or inline ones are left."""
    if tables.has_attachments(connection, row.unique_id):
        raise errors.delete_conflict("Cannot delete entity, must detach all policies first.")
    if tables.has_inline_policies(connection, row.unique_id):
        raise errors.delete_conflict("Cannot delete entity, must delete policies first.")


async def remove(call: Call, check: Callable[[Connection, EntityRow], None]) -> Answer:
    """Delete a user, group or role for good. `check` raises DeleteConflict while something hangs on it."""
    entity: Entity = call.target

    def change(connection: Connection) -> Answer:
        row = entity.modifiable(connection)
        check(connection, row)
        must_have_no_policies(connection, row)
        tables.delete_identity(connection, row.unique_id)
        return {}

    return await change_account(call, change)


async def list_all(call: Call, kind: str, member: str, show: Callable[[Call, EntityRow], dict[str, Any]]) -> Answer:
    """List users, groups or roles below `PathPrefix`, in the order of their names."""
    page = Page(call)
    prefix = call.params.get("PathPrefix") or "/"
    rows = await call.read(
        lambda connection: tables.list_identities(connection, call.account_id, kind, prefix, page.after, page.limit + 1)
    )
    return page.answer(member, [(row.name, show(call, row)) for row in rows])
