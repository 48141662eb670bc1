"""Which user is in which group. Source: IAM User Guide, "Edit users in IAM groups"; IAM API Reference."""

from strongroom.identities.identifiers import GROUP, USER
from strongroom.identities.tables import groups_of
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.iam import errors, tables
from strongroom.services.iam.access import on_entity
from strongroom.services.iam.change import change_account
from strongroom.services.iam.entity import Entity, select_entity
from strongroom.services.iam.lifecycle import shown
from strongroom.services.iam.paging import Page
from strongroom.services.iam.service import IAM
from strongroom.storage.connection import Connection

GROUPS_PER_USER_MAX = 10


@operation(IAM, "AddUserToGroup", needs=on_entity("iam:AddUserToGroup", GROUP))
async def add_user_to_group(call: Call) -> Answer:
    """Put a user into a group; one who is in it already stays. Source: IAM API Reference, AddUserToGroup."""
    group: Entity = call.target

    def change(connection: Connection) -> Answer:
        group_id = group.current(connection).unique_id
        user_id = select_entity(connection, call, USER, call.params["UserName"]).found().unique_id
        present = [row.unique_id for row in groups_of(connection, user_id)]
        if group_id not in present:
            if len(present) >= GROUPS_PER_USER_MAX:
                raise errors.quota_exceeded("GroupsPerUser", GROUPS_PER_USER_MAX)
            tables.insert_membership(connection, group_id, user_id)
        return {}

    return await change_account(call, change)


@operation(IAM, "RemoveUserFromGroup", needs=on_entity("iam:RemoveUserFromGroup", GROUP))
async def remove_user_from_group(call: Call) -> Answer:
    """Take a user out of a group; one who is not in it stays out. Source: IAM API Reference, RemoveUserFromGroup."""
    group: Entity = call.target

    def change(connection: Connection) -> Answer:
        group_id = group.current(connection).unique_id
        user_id = select_entity(connection, call, USER, call.params["UserName"]).found().unique_id
        tables.delete_membership(connection, group_id, user_id)
        return {}

    return await change_account(call, change)


@operation(IAM, "ListGroupsForUser", needs=on_entity("iam:ListGroupsForUser", USER), reads_only=True)
async def list_groups_for_user(call: Call) -> Answer:
    """List a user's groups in the order of their names. Source: IAM API Reference, ListGroupsForUser."""
    page = Page(call)
    user_id = call.target.found().unique_id
    rows = await call.read(lambda connection: groups_of(connection, user_id))
    return page.answer("Groups", [(row.name, shown(call, row)) for row in rows if row.name > page.after])
