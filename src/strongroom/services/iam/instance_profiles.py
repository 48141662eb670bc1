"""Instance profiles: what hands a role to a virtual machine. Source: IAM User Guide, "Use instance profiles"."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.identities.identifiers import ROLE, identity_arn, new_unique_id
from strongroom.identities.tables import select_identity
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, Needs, operation
from strongroom.services.iam import errors, tables
from strongroom.services.iam.access import creation, listing, on, on_entity, on_found
from strongroom.services.iam.change import change_account
from strongroom.services.iam.entity import INSTANCE_PROFILE, Entity, find_entity, is_service_linked
from strongroom.services.iam.paging import Page
from strongroom.services.iam.roles import shown_role
from strongroom.services.iam.service import IAM
from strongroom.services.iam.tags import checked_tags, shown_tags
from strongroom.storage.connection import Connection

INSTANCE_PROFILES_PER_ACCOUNT_MAX = 1_000
ROLES_PER_INSTANCE_PROFILE_MAX = 1

ProfileRow = Any
"""A row of `identities.tables.INSTANCE_PROFILES`."""


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """An instance profile that a call names, there (`row`) or not; one that is not there has the path `/`."""

    name: str
    arn: str
    row: ProfileRow | None

    def found(self) -> ProfileRow:
        """Return the row as it was when permission was asked. Raises NoSuchEntity."""
        if self.row is None:
            raise errors.not_found(INSTANCE_PROFILE, self.name)
        return self.row

    def current(self, connection: Connection) -> ProfileRow:
        """Return the row as it is now. Raises NoSuchEntity when what permission was asked for is gone."""
        row = tables.select_instance_profile(connection, self.found().profile_id)
        if row is None:
            raise errors.not_found(INSTANCE_PROFILE, self.name)
        return row


async def find_profile(call: Call) -> Profile:
    """Return the instance profile that a call names, in the caller's account, there or not."""
    name: str = call.params["InstanceProfileName"]
    row = await call.read(lambda connection: tables.select_instance_profile_named(connection, call.account_id, name))
    if row is not None and row.name != name:
        row = None
    path = "/" if row is None else row.path
    return Profile(name, profile_arn(call, path, name), row)


def profile_arn(call: Call, path: str, name: str) -> str:
    """Return the ARN of an instance profile of the caller's account."""
    return identity_arn(call.house.directory.partition, call.account_id, INSTANCE_PROFILE, path, name)


def on_profile(action: str) -> Needs:
    """Declare an operation on the instance profile that the request names; `call.target` is its `Profile`."""

    async def needs(call: Call) -> Sequence[Requirement]:
        profile = call.target = await find_profile(call)
        return (on(call, action, profile.arn, tags={} if profile.row is None else profile.row.tags),)

    return needs


def shown_profile(connection: Connection, call: Call, row: ProfileRow) -> dict[str, Any]:
    """Return an instance profile as listings show it, without tags."""
    role = select_identity(connection, row.role_id) if row.role_id is not None else None
    return {
        "Path": row.path,
        "InstanceProfileName": row.name,
        "InstanceProfileId": row.profile_id,
        "Arn": profile_arn(call, row.path, row.name),
        "CreateDate": as_datetime(row.created_at),
        "Roles": [] if role is None else [shown_role(connection, call, role)],
    }


def _shown_in_full(connection: Connection, call: Call, row: ProfileRow) -> dict[str, Any]:
    return shown_profile(connection, call, row) | ({"Tags": shown_tags(row.tags)} if row.tags else {})


@operation(
    IAM,
    "CreateInstanceProfile",
    needs=creation("iam:CreateInstanceProfile", INSTANCE_PROFILE, "iam:TagInstanceProfile"),
)
async def create_instance_profile(call: Call) -> Answer:
    """Make an instance profile without a role. Source: IAM API Reference, CreateInstanceProfile."""
    name: str = call.params["InstanceProfileName"]
    values = {
        "profile_id": new_unique_id(INSTANCE_PROFILE),
        "account_id": call.account_id,
        "name": name,
        "folded_name": name.lower(),
        "path": call.params.get("Path") or "/",
        "created_at": call.now,
        "tags": checked_tags(call.params.get("Tags")),
    }

    def change(connection: Connection) -> Answer:
        if tables.select_instance_profile_named(connection, call.account_id, name) is not None:
            raise errors.already_exists(INSTANCE_PROFILE, name)
        if tables.count_instance_profiles(connection, call.account_id) >= INSTANCE_PROFILES_PER_ACCOUNT_MAX:
            raise errors.quota_exceeded("InstanceProfilesPerAccount", INSTANCE_PROFILES_PER_ACCOUNT_MAX)
        tables.insert_instance_profile(connection, values)
        row = tables.select_instance_profile_named(connection, call.account_id, name)
        return {"InstanceProfile": _shown_in_full(connection, call, row)}

    return await change_account(call, change)


@operation(IAM, "GetInstanceProfile", needs=on_profile("iam:GetInstanceProfile"), reads_only=True)
async def get_instance_profile(call: Call) -> Answer:
    """Describe an instance profile with its role. Source: IAM API Reference, GetInstanceProfile."""
    row = call.target.found()
    return {"InstanceProfile": await call.read(lambda connection: _shown_in_full(connection, call, row))}


@operation(IAM, "DeleteInstanceProfile", needs=on_profile("iam:DeleteInstanceProfile"))
async def delete_instance_profile(call: Call) -> Answer:
    """Delete an instance profile that holds no role. Source: IAM API Reference, DeleteInstanceProfile."""
    profile: Profile = call.target

    def change(connection: Connection) -> Answer:
        row = profile.current(connection)
        if row.role_id is not None:
            raise errors.delete_conflict("Cannot delete entity, must remove roles from instance profile first.")
        tables.delete_instance_profile(connection, row.profile_id)
        return {}

    return await change_account(call, change)


async def _needs_of_adding(call: Call) -> Sequence[Requirement]:
    """Handing a role to a machine passes the role, which takes a permission of its own."""
    profile = await find_profile(call)
    role = await find_entity(call, ROLE, call.params["RoleName"])
    call.target = (profile, role)
    tags = {} if profile.row is None else profile.row.tags
    return (
        on(call, "iam:AddRoleToInstanceProfile", profile.arn, tags=tags),
        on_found(call, "iam:PassRole", role, {"iam:passedtoservice": "ec2.amazonaws.com"}),
    )


@operation(IAM, "AddRoleToInstanceProfile", needs=_needs_of_adding)
async def add_role_to_instance_profile(call: Call) -> Answer:
    """Put a role into an instance profile that holds none. Source: IAM API Reference, AddRoleToInstanceProfile."""
    profile: Profile
    role: Entity
    profile, role = call.target

    def change(connection: Connection) -> Answer:
        row, role_row = profile.current(connection), role.modifiable(connection)
        if row.role_id is not None:
            raise errors.quota_exceeded("InstanceSessionsPerInstanceProfile", ROLES_PER_INSTANCE_PROFILE_MAX)
        tables.update_instance_profile(connection, row.profile_id, {"role_id": role_row.unique_id})
        return {}

    return await change_account(call, change)


@operation(IAM, "RemoveRoleFromInstanceProfile", needs=on_profile("iam:RemoveRoleFromInstanceProfile"))
async def remove_role_from_instance_profile(call: Call) -> Answer:
    """Take the role out of an instance profile. Source: IAM API Reference, RemoveRoleFromInstanceProfile."""
    profile: Profile = call.target
    name: str = call.params["RoleName"]

    def change(connection: Connection) -> Answer:
        row = profile.current(connection)
        role = select_identity(connection, row.role_id) if row.role_id is not None else None
        if role is None or role.name != name:
            raise errors.no_such_entity(f"Role {name} in Instance Profile {profile.name} cannot be found.")
        if is_service_linked(role):
            raise errors.protected_role(name)
        tables.update_instance_profile(connection, row.profile_id, {"role_id": None})
        return {}

    return await change_account(call, change)


async def _list(call: Call, prefix: str, role_id: str | None) -> Answer:
    page = Page(call)

    def query(connection: Connection) -> list[tuple[str, dict[str, Any]]]:
        rows = tables.list_instance_profiles(connection, call.account_id, prefix, page.after, page.limit + 1, role_id)
        return [(row.name, shown_profile(connection, call, row)) for row in rows]

    return page.answer("InstanceProfiles", await call.read(query))


@operation(IAM, "ListInstanceProfiles", needs=listing("iam:ListInstanceProfiles", INSTANCE_PROFILE), reads_only=True)
async def list_instance_profiles(call: Call) -> Answer:
    """List instance profiles, without their tags. Source: IAM API Reference, ListInstanceProfiles."""
    return await _list(call, call.params.get("PathPrefix") or "/", None)


@operation(
    IAM, "ListInstanceProfilesForRole", needs=on_entity("iam:ListInstanceProfilesForRole", ROLE), reads_only=True
)
async def list_instance_profiles_for_role(call: Call) -> Answer:
    """List the instance profiles that hold a role. Source: IAM API Reference, ListInstanceProfilesForRole."""
    return await _list(call, "/", call.target.found().unique_id)
