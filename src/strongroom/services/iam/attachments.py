"""Attaching managed policies to users, groups and roles: one implementation for the three.

Source: IAM User Guide, "Adding and removing IAM identity permissions", "IAM and AWS STS quotas".
"""

from collections.abc import Mapping

from strongroom.identities.identifiers import GROUP, ROLE, USER
from strongroom.identities.tables import attached_policy_arns
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.iam import errors
from strongroom.services.iam.access import on_entity
from strongroom.services.iam.boundaries import modifiable_under_boundary
from strongroom.services.iam.change import change_account
from strongroom.services.iam.entity import Entity
from strongroom.services.iam.managed_policies import name_and_path, policy_arn, select_managed_policy
from strongroom.services.iam.paging import Page
from strongroom.services.iam.policy_store import tables
from strongroom.services.iam.service import IAM
from strongroom.storage.connection import Connection

POLICIES_PER_IDENTITY_MAX = 10

_QUOTAS: Mapping[str, str] = {
    USER: "PoliciesPerUser",
    GROUP: "PoliciesPerGroup",
    ROLE: "PoliciesPerRole",
}


async def attach_policy(call: Call) -> Answer:
    """Attach a managed policy; one that is attached stays so.

    Source: IAM API Reference, AttachUserPolicy, AttachGroupPolicy, AttachRolePolicy.
    """
    entity: Entity = call.target
    arn = call.params["PolicyArn"]

    def write(connection: Connection) -> Answer:
        row = modifiable_under_boundary(connection, entity)
        if select_managed_policy(connection, call, arn) is None:
            raise errors.policy_not_attachable(arn)
        attached = attached_policy_arns(connection, row.unique_id)
        if arn in attached:
            return {}
        if len(attached) >= POLICIES_PER_IDENTITY_MAX:
            raise errors.quota_exceeded(_QUOTAS[entity.kind], POLICIES_PER_IDENTITY_MAX)
        tables.insert_attachment(connection, row.unique_id, arn)
        return {}

    return await change_account(call, write)


async def detach_policy(call: Call) -> Answer:
    """Detach a managed policy. Source: IAM API Reference, DetachUserPolicy, DetachGroupPolicy, DetachRolePolicy."""
    entity: Entity = call.target
    arn = call.params["PolicyArn"]

    def write(connection: Connection) -> Answer:
        policy_arn(arn)
        row = modifiable_under_boundary(connection, entity)
        if not tables.delete_attachment(connection, row.unique_id, arn):
            raise errors.policy_not_found(arn)
        return {}

    return await change_account(call, write)


async def list_attached_policies(call: Call) -> Answer:
    """List attached managed policies, those below a path.

    Source: IAM API Reference, ListAttachedUserPolicies, ListAttachedGroupPolicies, ListAttachedRolePolicies.
    """
    entity: Entity = call.target
    prefix = call.params.get("PathPrefix", "/")
    unique_id = entity.found().unique_id
    arns = await call.read(lambda connection: attached_policy_arns(connection, unique_id))
    shown = [shown_attachment(arn) for arn in arns if name_and_path(arn)[1].startswith(prefix)]
    return Page(call).numbered("AttachedPolicies", shown)


def shown_attachment(arn: str) -> dict[str, str]:
    """Return an attached policy as answers list it."""
    return {"PolicyName": name_and_path(arn)[0], "PolicyArn": arn}


for _kind in (USER, GROUP, ROLE):
    _name = _kind.capitalize()
    _attach, _detach = f"Attach{_name}Policy", f"Detach{_name}Policy"
    _list = f"ListAttached{_name}Policies"
    operation(IAM, _attach, needs=on_entity(f"iam:{_attach}", _kind))(attach_policy)
    operation(IAM, _detach, needs=on_entity(f"iam:{_detach}", _kind))(detach_policy)
    operation(IAM, _list, needs=on_entity(f"iam:{_list}", _kind), reads_only=True)(list_attached_policies)
