"""The user, group or role that `PolicySourceArn` names, whose policies a call is about."""

from collections.abc import Sequence

from strongroom.base.arn import parse_arn
from strongroom.identities.identifiers import GROUP, ROLE, USER
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Needs
from strongroom.services.iam import errors
from strongroom.services.iam.access import on
from strongroom.services.iam.entity import Entity, EntityRow, select_entity
from strongroom.storage.connection import Connection


def entity_kind_and_name(arn: str) -> tuple[str, str]:
    """Return kind and name of the user, group or role that an ARN is of. Raises InvalidInput for what is none."""
    parts = parse_arn(arn)
    kind, _, rest = parts.resource.partition("/") if parts is not None else ("", "", "")
    name = rest.rpartition("/")[2]
    if parts is None or parts.service != "iam" or kind not in (USER, GROUP, ROLE) or not name:
        raise errors.invalid_input(f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    return kind, name


def select_by_arn(connection: Connection, call: Call, arn: str) -> EntityRow | None:
    """Return the row of the user, group or role of the caller's account that has this very ARN, or None."""
    kind, name = entity_kind_and_name(arn)
    entity: Entity = select_entity(connection, call, kind, name)
    return entity.row if entity.arn == arn else None


def on_policy_source(action: str) -> Needs:
    """Declare an operation on the policies of what `PolicySourceArn` names; `call.target` is its row, or None."""

    async def needs(call: Call) -> Sequence[Requirement]:
        arn = call.params["PolicySourceArn"]
        row = call.target = await call.read(lambda connection: select_by_arn(connection, call, arn))
        return (on(call, action, arn) if row is None else on(call, action, arn, tags=row.tags),)

    return needs


def source_row(call: Call) -> EntityRow:
    """Return the row of what `PolicySourceArn` names. Raises NoSuchEntity."""
    if call.target is None:
        kind, name = entity_kind_and_name(call.params["PolicySourceArn"])
        raise errors.not_found(kind, name)
    return call.target
