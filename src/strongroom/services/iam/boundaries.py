"""Permissions boundaries of users and roles. Source: IAM User Guide, "Permissions boundaries for IAM entities"."""

from strongroom.identities.identifiers import ROLE, USER
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.iam import errors
from strongroom.services.iam.access import on_entity
from strongroom.services.iam.change import change_account
from strongroom.services.iam.entity import Entity, EntityRow
from strongroom.services.iam.managed_policies import select_managed_policy
from strongroom.services.iam.policy_store import tables
from strongroom.services.iam.service import IAM
from strongroom.storage.connection import Connection


def require_boundary_policy(connection: Connection, call: Call, arn: str) -> str:
    """Return `arn` when it is of a managed policy that may be a permissions boundary here.

    Raises NoSuchEntity, and ValidationError for what is no policy's ARN. For the same transaction that sets it.
    """
    if select_managed_policy(connection, call, arn) is None:
        raise errors.boundary_not_attachable(arn)
    return arn


def modifiable_under_boundary(connection: Connection, entity: Entity) -> EntityRow:
    """Return the row of a user, group or role as it is now, for a change of its policies.

    Permission for that may have hung on which boundary it has (`iam:PermissionsBoundary`): when that has changed since,
    the call is refused. Raises NoSuchEntity, ConcurrentModification, UnmodifiableEntity.
    """
    row = entity.modifiable(connection)
    if row.boundary_arn != entity.found().boundary_arn:
        raise errors.changed_meanwhile(entity.name)
    return row


async def put_boundary(call: Call) -> Answer:
    """Set a permissions boundary, in place of another one.

    Source: IAM API Reference, PutUserPermissionsBoundary, PutRolePermissionsBoundary.
    """
    entity: Entity = call.target
    arn = call.params["PermissionsBoundary"]

    def write(connection: Connection) -> Answer:
        row = entity.modifiable(connection)
        tables.set_boundary(connection, row.unique_id, require_boundary_policy(connection, call, arn))
        return {}

    return await change_account(call, write)


async def delete_boundary(call: Call) -> Answer:
    """Take a permissions boundary away; nothing happens where there is none.

    Source: IAM API Reference, DeleteUserPermissionsBoundary, DeleteRolePermissionsBoundary.
    """
    entity: Entity = call.target

    def write(connection: Connection) -> Answer:
        row = modifiable_under_boundary(connection, entity)
        tables.set_boundary(connection, row.unique_id, None)
        return {}

    return await change_account(call, write)


for _kind in (USER, ROLE):
    _noun = f"{_kind.capitalize()}PermissionsBoundary"
    operation(IAM, f"Put{_noun}", needs=on_entity(f"iam:Put{_noun}", _kind))(put_boundary)
    operation(IAM, f"Delete{_noun}", needs=on_entity(f"iam:Delete{_noun}", _kind))(delete_boundary)
