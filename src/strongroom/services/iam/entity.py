"""Users, groups and roles as calls name them: what is the same for all three."""

from dataclasses import dataclass
from typing import Any, Final

from strongroom.identities import tables
from strongroom.identities.identifiers import GROUP, ROLE, USER, identity_arn
from strongroom.operations.call import Call
from strongroom.services.iam import errors
from strongroom.storage.connection import Connection

INSTANCE_PROFILE: Final = "instance-profile"
SERVICE_ROLE_PATH: Final = "/aws-service-role/"
NAME_MEMBERS = {
    USER: "UserName",
    GROUP: "GroupName",
    ROLE: "RoleName",
    INSTANCE_PROFILE: "InstanceProfileName",
}
"""The request member that names one."""

EntityRow = Any
"""A row of `identities.tables.IDENTITIES`."""


@dataclass(frozen=True, slots=True, eq=False)
class Entity:
    """A user, group or role that a call names: `row` is what it was when permission was asked, None if not there.

    `arn` is its ARN; that of one that is not there has the path `/`.
    """

    kind: str
    account_id: str
    name: str
    arn: str
    row: EntityRow | None

    @property
    def is_service_linked(self) -> bool:
        """Whether it is a role that a service owns."""
        return self.row is not None and is_service_linked(self.row)

    def found(self) -> EntityRow:
        """Return the row as it was when permission was asked. Raises NoSuchEntity."""
        if self.row is None:
            raise errors.not_found(self.kind, self.name)
        return self.row

    def current(self, connection: Connection) -> EntityRow:
        """Return the row as it is now, for a change in this transaction.

        Permission was given for one user, group or role at one path: when that is no longer what has the name, the call
        is refused. Raises NoSuchEntity, ConcurrentModification.
        """
        asked = self.found()
        row = tables.select_identity(connection, asked.unique_id)
        if row is None or row.name != self.name:
            raise errors.not_found(self.kind, self.name)
        if row.path != asked.path:
            raise errors.changed_meanwhile(self.name)
        return row

    def modifiable(self, connection: Connection) -> EntityRow:
        """Return the row as it is now. Raises also UnmodifiableEntity for a role that is linked to a service."""
        row = self.current(connection)
        if is_service_linked(row):
            raise errors.protected_role(self.name)
        return row


def is_service_linked(row: EntityRow) -> bool:
    """Return whether a row is of a role that a service owns."""
    return row.kind == ROLE and str(row.path).startswith(SERVICE_ROLE_PATH)


def arn_of(call: Call, row: EntityRow) -> str:
    """Return the ARN of a user, group or role."""
    return identity_arn(call.house.directory.partition, row.account_id, row.kind, row.path, row.name)


def select_entity(connection: Connection, call: Call, kind: str, name: str) -> Entity:
    """Return what has this very name in the caller's account, there or not."""
    row = tables.select_identity_named(connection, call.account_id, kind, name)
    if row is not None and row.name != name:
        row = None
    path = "/" if row is None else row.path
    arn = identity_arn(call.house.directory.partition, call.account_id, kind, path, name)
    return Entity(kind, call.account_id, name, arn, row)


async def find_entity(call: Call, kind: str, name: str) -> Entity:
    """Return what has this very name in the caller's account, there or not."""
    return await call.read(lambda connection: select_entity(connection, call, kind, name))
