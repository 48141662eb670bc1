"""Inline policies of users, groups and roles: one implementation for the three.

The sizes of all inline policies of a user, group or role count together, white space left out.
Source: IAM User Guide, "Managed policies and inline policies", "IAM and AWS STS quotas".
"""

from collections.abc import Mapping

from strongroom.identities.identifiers import GROUP, ROLE, USER
from strongroom.identities.tables import inline_policies
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.iam import errors
from strongroom.services.iam.access import on_entity
from strongroom.services.iam.boundaries import modifiable_under_boundary
from strongroom.services.iam.change import change_account
from strongroom.services.iam.documents import counted_characters, encoded
from strongroom.services.iam.entity import NAME_MEMBERS, Entity
from strongroom.services.iam.paging import Page
from strongroom.services.iam.policy_documents import parsed_identity_policy
from strongroom.services.iam.policy_store import tables
from strongroom.services.iam.service import IAM
from strongroom.storage.connection import Connection

INLINE_POLICY_CHARACTERS_MAX: Mapping[str, int] = {USER: 2_048, GROUP: 5_120, ROLE: 10_240}


async def put_policy(call: Call) -> Answer:
    """Put an inline policy, in place of the one of that name.

    Source: IAM API Reference, PutUserPolicy, PutGroupPolicy, PutRolePolicy.
    """
    entity: Entity = call.target
    name, document = call.params["PolicyName"], call.params["PolicyDocument"]
    parsed_identity_policy(document)
    characters_max = INLINE_POLICY_CHARACTERS_MAX[entity.kind]

    def write(connection: Connection) -> Answer:
        row = modifiable_under_boundary(connection, entity)
        others = (each.document for each in inline_policies(connection, row.unique_id) if each.name != name)
        if counted_characters(document) + sum(map(counted_characters, others)) > characters_max:
            raise errors.limit_exceeded(
                f"Maximum policy size of {characters_max} bytes exceeded for {entity.kind} {entity.name}"
            )
        tables.put_inline_policy(connection, row.unique_id, name, document)
        return {}

    return await change_account(call, write)


async def get_policy(call: Call) -> Answer:
    """Return an inline policy. Source: IAM API Reference, GetUserPolicy, GetGroupPolicy, GetRolePolicy."""
    entity: Entity = call.target
    name, unique_id = call.params["PolicyName"], entity.found().unique_id
    row = await call.read(lambda connection: tables.select_inline_policy(connection, unique_id, name))
    if row is None:
        raise errors.no_such_entity(f"The {entity.kind} policy with name {name} cannot be found.")
    return {NAME_MEMBERS[entity.kind]: entity.name, "PolicyName": name, "PolicyDocument": encoded(row.document)}


async def delete_policy(call: Call) -> Answer:
    """Delete an inline policy. Source: IAM API Reference, DeleteUserPolicy, DeleteGroupPolicy, DeleteRolePolicy."""
    entity: Entity = call.target
    name = call.params["PolicyName"]

    def write(connection: Connection) -> Answer:
        row = modifiable_under_boundary(connection, entity)
        if not tables.delete_inline_policy(connection, row.unique_id, name):
            raise errors.no_such_entity(f"The {entity.kind} policy with name {name} cannot be found.")
        return {}

    return await change_account(call, write)


async def list_policies(call: Call) -> Answer:
    """List the names of inline policies.

    Source: IAM API Reference, ListUserPolicies, ListGroupPolicies, ListRolePolicies.
    """
    entity: Entity = call.target
    page, unique_id = Page(call), entity.found().unique_id
    rows = await call.read(lambda connection: inline_policies(connection, unique_id))
    return page.answer("PolicyNames", [(row.name, row.name) for row in rows if row.name > page.after])


for _kind in (USER, GROUP, ROLE):
    _policy = f"{_kind.capitalize()}Policy"
    _list = f"List{_kind.capitalize()}Policies"
    operation(IAM, f"Put{_policy}", needs=on_entity(f"iam:Put{_policy}", _kind))(put_policy)
    operation(IAM, f"Get{_policy}", needs=on_entity(f"iam:Get{_policy}", _kind), reads_only=True)(get_policy)
    operation(IAM, f"Delete{_policy}", needs=on_entity(f"iam:Delete{_policy}", _kind))(delete_policy)
    operation(IAM, _list, needs=on_entity(f"iam:{_list}", _kind), reads_only=True)(list_policies)
