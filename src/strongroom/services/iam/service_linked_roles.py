"""Service-linked roles: roles that belong to a service, under a path and a name that the service prescribes.

They have no policies here: Strongroom's own services act for themselves. Source: IAM User Guide, "Service-linked
roles"; each service's own guide for the name of its role.
"""

import json
from collections.abc import Sequence
from typing import Any

from strongroom.base.context import time_of_request_id
from strongroom.identities.identifiers import ROLE, identity_arn, new_unique_id
from strongroom.identities.tables import select_identity_named
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.iam import errors, tables
from strongroom.services.iam.access import on, on_entity
from strongroom.services.iam.change import change_account
from strongroom.services.iam.entity import SERVICE_ROLE_PATH, Entity, is_service_linked
from strongroom.services.iam.lifecycle import insert_new
from strongroom.services.iam.roles import SESSION_SECONDS_DEFAULT, shown_role
from strongroom.services.iam.service import IAM
from strongroom.services.iam.service_role_names import SERVICE_ROLE_NAMES, WITH_SUFFIX
from strongroom.storage.connection import Connection

_DELETION = "DeleteServiceLinkedRole"


def _role_name(call: Call) -> str:
    service, suffix = call.params["AWSServiceName"], call.params.get("CustomSuffix")
    name = SERVICE_ROLE_NAMES.get(service)
    if name is None:
        raise errors.invalid_input(f"{service} is not a service that service-linked roles can be created for.")
    if suffix is None:
        return name
    if service not in WITH_SUFFIX:
        raise errors.invalid_input(f"Custom suffix is not allowed for {service}")
    return f"{name}_{suffix}"


async def _needs_of_creation(call: Call) -> Sequence[Requirement]:
    name = call.target = _role_name(call)
    path = f"{SERVICE_ROLE_PATH}{call.params['AWSServiceName']}/"
    arn = identity_arn(call.house.directory.partition, call.account_id, ROLE, path, name)
    return (on(call, "iam:CreateServiceLinkedRole", arn),)


@operation(IAM, "CreateServiceLinkedRole", needs=_needs_of_creation)
async def create_service_linked_role(call: Call) -> Answer:
    """Make the role of a service. Source: IAM API Reference, CreateServiceLinkedRole."""
    name: str = call.target
    service: str = call.params["AWSServiceName"]
    statement = {"Action": ["sts:AssumeRole"], "Effect": "Allow", "Principal": {"Service": [service]}}
    values: dict[str, Any] = {
        "unique_id": new_unique_id(ROLE),
        "kind": ROLE,
        "account_id": call.account_id,
        "name": name,
        "folded_name": name.lower(),
        "path": f"{SERVICE_ROLE_PATH}{service}/",
        "created_at": call.now,
        "tags": {},
        "boundary_arn": None,
        "description": call.params.get("Description"),
        "trust_policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":")),
        "max_session_seconds": SESSION_SECONDS_DEFAULT,
    }

    def change(connection: Connection) -> Answer:
        if select_identity_named(connection, call.account_id, ROLE, name) is not None:
            raise errors.invalid_input(
                f"Service role name {name} has been taken in this account, please try a different suffix."
            )
        return {"Role": shown_role(connection, call, insert_new(connection, call, values))}

    return await change_account(call, change)


@operation(IAM, _DELETION, needs=on_entity("iam:DeleteServiceLinkedRole", ROLE))
async def delete_service_linked_role(call: Call) -> Answer:
    """Delete the role of a service, at once: nothing of Strongroom uses it.

    The id of the deletion ends in that of this request, by which the audit trail knows how it went.
    Source: IAM API Reference, DeleteServiceLinkedRole.
    """
    role: Entity = call.target

    def change(connection: Connection) -> Answer:
        row = role.current(connection)
        if not is_service_linked(row):
            raise errors.not_found(ROLE, role.name)
        tables.delete_identity(connection, row.unique_id)
        return {"DeletionTaskId": f"task{row.path}{row.name}/{call.origin.request_id}"}

    return await change_account(call, change)


async def _needs_of_status(call: Call) -> Sequence[Requirement]:
    path, _, _ = call.params["DeletionTaskId"].removeprefix("task/").rpartition("/")
    partition = call.house.directory.partition
    return (on(call, "iam:GetServiceLinkedRoleDeletionStatus", f"arn:{partition}:iam::{call.account_id}:role/{path}"),)


@operation(IAM, "GetServiceLinkedRoleDeletionStatus", needs=_needs_of_status, reads_only=True)
async def get_service_linked_role_deletion_status(call: Call) -> Answer:
    """Tell how a deletion went. Source: IAM API Reference, GetServiceLinkedRoleDeletionStatus."""
    task: str = call.params["DeletionTaskId"]
    request_id = task.rpartition("/")[2]
    records = await call.house.audit.find(request_id) if time_of_request_id(request_id) is not None else []
    deletions = [
        record.answer
        for record in records
        if record.operation == _DELETION and record.identity.account_id == call.account_id and record.answer
    ]
    if all(answer.get("DeletionTaskId") != task for answer in deletions):
        raise errors.no_such_entity(f"The deletion task {task} cannot be found.")
    return {"Status": "SUCCEEDED"}
